"""Rebuilds the public photographs of real cameras, byte for byte, from the repositories where their originals lie.

  fsim public --out=DIR
  fsim public --out=DIR --set=opencams/train,opencams/dev --clones=MIRRORS

Of each repository only the photographs named are fetched (git); they are cut without decoding (by libjpeg-turbo's
jpegtran) and checked by SHA-256. DIR, or the folder of a set in it, is a data.source as it is. A command that was
interrupted goes on when it is given again. The data card is docs/opencams.md: learn from opencams/train alone.
"""

import argparse
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fsim.boundary import console
from fsim.boundary.text import shown
from fsim.commands import options
from fsim.data.public import recipe, repositories
from fsim.data.public.rebuilding import Outcome, Source, rebuild


def main(arguments: Sequence[str]) -> int:
  chosen = _parser().parse_args(arguments)
  if chosen.clones:
    from fsim.data.walk import require_folder  # Brings NumPy, for which --help does not wait.

    require_folder(chosen.clones)
  crops = [crop for name in chosen.set for crop in recipe.crops(name)]
  with console.resumable():
    outcomes = rebuild(crops, chosen.out, Source(chosen.host, chosen.clones))
  found = summary(outcomes, chosen.out)
  console.say(console.to_json(found) if chosen.json else text(found))
  failed = Counter((outcome.crop.repository, outcome.cause) for outcome in outcomes if outcome.cause)
  for (repository, cause), count in failed.items():
    console.note(f"{repository}: {count} crop{'s' * (count > 1)} not made: {cause}")
  return console.INCOMPLETE if failed else console.ANSWERED


def summary(outcomes: Sequence[Outcome], folder: Path) -> dict[str, Any]:
  """Everything about the crops, as plain values."""
  return {
    "out": str(folder),
    "sets": [_of_set(name, outcomes) for name in recipe.SETS if any(o.crop.set == name for o in outcomes)],
    "failed": [
      {"file": o.crop.place.as_posix(), "repository": o.crop.repository, "path": o.crop.path, "cause": o.cause}
      for o in outcomes
      if o.cause
    ],
  }


def _of_set(name: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
  own = [outcome for outcome in outcomes if outcome.crop.set == name]
  there = [outcome for outcome in own if not outcome.cause]
  return {"set": name, "crops": len(own), "there": len(there), "made": sum(outcome.is_new for outcome in there)}


def text(found: dict[str, Any]) -> str:
  sets = [f"  {s['set']}: {s['there']} of {s['crops']} crops, {s['made']} of them made now" for s in found["sets"]]
  return "\n".join([shown(found["out"]), *sets])


def _parser() -> argparse.ArgumentParser:
  parser = options.parser("public", __doc__)
  options.add_out(parser, "folder for the sets")
  told = f"of {', '.join(recipe.SETS)}, with commas between them; by default all"
  parser.add_argument("--set", type=_sets, default=recipe.SETS, metavar="NAMES", help=told)
  told = "clones, bare or not, as OWNER/NAME or OWNER+NAME, used instead of the network"
  parser.add_argument("--clones", type=console.path, metavar="DIR", help=told)
  told = "where the repositories OWNER/NAME are, if it is a mirror"
  parser.add_argument("--host", type=_address, default=repositories.HOST, metavar="URL", help=told)
  options.add_json(parser)
  return parser


def _sets(text: str) -> tuple[str, ...]:
  names = [name.strip() for name in text.split(",")]
  unknown = [name for name in names if name not in recipe.SETS]
  if unknown:
    raise argparse.ArgumentTypeError(f"there is no set {unknown[0]!r}; sets are {', '.join(recipe.SETS)}")
  return tuple(dict.fromkeys(names))


def _address(text: str) -> str:
  if not re.fullmatch(r"(https?|ssh|git|file)://[^\s]+", text):
    raise argparse.ArgumentTypeError(f"{text!r} is no address such as {repositories.HOST}")
  return text.rstrip("/")
