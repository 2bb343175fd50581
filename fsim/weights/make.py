"""Makes weights that ship of a finished run of configs/model.py, with their card. For maintainers.

  python -m fsim.weights.make RUN --name=camera_models --version=1 --commit=HASH

RUN has learned from virtual cameras and the crops of opencams/train alone; its data are opened again, and must be those
that it learned from. The folder is fsim/weights/NAME by default, and must not exist. Fill in what the card leaves open:
`repetition`, `limits` and further `figures`.
"""

import argparse
import hashlib
import json
import math
import re
import shlex
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from fsim import run as runs
from fsim import weights
from fsim.boundary import console, inputs, outputs, programs
from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.data import mixture
from fsim.data.dresden.subsets import listed
from fsim.data.mixture import VIRTUAL, Source
from fsim.data.public import recipe
from fsim.data.sources import open_source
from fsim.systems import finished
from fsim.weights import card, checking

SYSTEM = "model"  # Whose finished runs weights are made of.
SET = "opencams/train"  # The photographs that weights which ship may learn from.
PUBLIC = f"public/{SET}"  # Where the commands of a card have them.
EXTRACTOR = "runs/extractor"  # And where the run whose extractor is taken.
UNLEARNED = ("reading", "save_every", "data.folder", "evaluate.external")  # Settings that change no weights.
ENVIRONMENT = ("python", "platform", "devices", "packages")


def make(run: Path, name: str, version: str, commit: str, folder: Path) -> dict[str, Any]:
  """Writes the folder of the weights; returns what is in the card.

  Raises UserError for what is no finished run, for data of other origin or changed since, for weights that are too
  large, and where the folder exists.
  """
  system = runs.require_finished(run)
  if system != SYSTEM:
    raise UserError(f"{shown(run)}: a run of the system {system}; weights are those of {SYSTEM}")
  if folder.exists():
    raise UserError(f"{shown(folder)}: exists; remove it first")
  config = inputs.read_json(run / runs.CONFIG, "data")
  environment = inputs.read_json(run / runs.ENVIRONMENT, "data", *ENVIRONMENT)
  facts = runs.data_of(environment, run / runs.ENVIRONMENT)
  whitening = config["scorer"].get("whitening")  # Runs of before it have none.
  if whitening and folders(whitening):
    raise UserError(f"{shown(run)}: scorer.whitening is no virtual camera, from which alone weights may learn")
  photographs = learned(config["data"], facts["data_digest"])
  before, extractor = taken(config, photographs)
  training = {name: environment[name] for name in ENVIRONMENT}
  training |= {"commands": [*before, *commands(config, name)], "commit": commit, "seed": config["seed"]}
  training["commands"] = list(dict.fromkeys(training["commands"]))  # Both fetch the photographs.
  training["extractor"] = extractor
  draft = {"format": card.FORMAT, "name": name, "version": version, "system": system, "training": training}
  draft["data"] = data_of(config["data"], facts, photographs)
  draft["figures"] = figures(run, training["commands"][-1])
  draft |= {"repetition": "", "limits": []}
  return write(run / "predictor", folder, draft)


def learned(data: dict[str, Any], data_digest: str) -> pd.DataFrame:
  """The rows of the recipe of SET that a run's data hold. Raises UserError for other photographs or changed data."""
  labels = {name: data[name] for name in ("on_error", "merge_d70", "repair_mju", "pattern")}
  images = open_source(data["source"], data_dir=data["folder"], **labels)
  if images.data_digest != data_digest:
    raise UserError(f"{shown(data['source'])}: the data have changed since the run learned from them")
  table = images.table[images.table["subset"].isin(listed(data["subset"]))]
  source = table["source"].astype(str) if "source" in table else pd.Series(data["source"], table.index)
  real = table[~source.str.startswith(VIRTUAL)]
  rows = pd.DataFrame(recipe.rows(SET))
  foreign = real[~real["sha256"].isin(rows["sha256"])]
  if len(foreign):
    others = f" and {len(foreign) - 1} others" if len(foreign) > 1 else ""
    raise UserError(f"{shown(foreign['file'].min())}{others}: no crop of {SET}, from which alone weights may learn")
  return rows[rows["sha256"].isin(real["sha256"])]


def taken(config: dict[str, Any], photographs: pd.DataFrame) -> tuple[list[str], str]:
  """Of a run that took its extractor from weights: the commands that repeat it, and whose it is; else nothing.

  Raises UserError for an extractor of other origin, and for one that has learned from photographs that the run has not:
  the card names those of the run.
  """
  place = config["extractor"].get("run")  # Runs of before it have none.
  if not place:
    return [], ""
  folder = inputs.expanded(place)
  if not (folder / card.CARD).exists():
    raise UserError(f"{shown(folder)}: no weights, whose card would say what the extractor has learned from")
  said, known = weights.read_card(folder), set(photographs["repository"])
  missing = sorted({row["repository"] for row in said["data"]["photographs"]} - known)
  if missing:
    raise UserError(f"{shown(folder)}: the extractor has learned from photographs of {missing[0]}, and the run has not")
  *fetch, train = said["training"]["commands"]
  whose = f"{weights.checked(folder).description}, of fsim at commit {said['training']['commit']}"
  return [*fetch, train.replace(f"--workdir=runs/{said['name']}", f"--workdir={EXTRACTOR}")], whose


def commands(config: dict[str, Any], name: str) -> list[str]:
  """What repeats the run, in an empty folder. Raises UserError for photographs of several folders."""
  programs.provide()
  module = programs.load(programs.installed() / f"{config['system']}.py", "get_config")
  usual = runs.flat(json.loads(module.get_config().to_json()))
  changed = {key: value for key, value in runs.flat(config).items() if usual.get(key) != value}
  changed = {key: value for key, value in changed.items() if not key.startswith(UNLEARNED)}
  if "data.source" in changed:
    changed["data.source"] = renamed(config["data"]["source"])
  if changed.get("extractor.run"):
    changed["extractor.run"] = EXTRACTOR
  flags = [f"--config.{key}={_flag(value)}" for key, value in changed.items()]
  train = shlex.join(["fsim", "train", f"configs/{config['system']}.py", *flags, f"--workdir=runs/{name}"])
  return [f"fsim public --out=public --set={SET}", train] if PUBLIC in train else [train]


def folders(source: str) -> list[Source]:
  """Those of the sources that a setting names that are no virtual cameras."""
  return [one for one in mixture.listed(source) if not one.name.startswith(VIRTUAL)]


def renamed(source: str) -> str:
  """A data.source whose folder is PUBLIC. Raises UserError if there are several."""
  photographs = folders(source)
  if len(photographs) > 1:
    raise UserError(f"{shown(source)}: give the photographs as one folder, as `fsim public` makes it")
  named = [(PUBLIC if one in photographs else one.name, one.weight) for one in mixture.listed(source)]
  return ",".join(name if weight is None else f"{name}:{weight:g}" for name, weight in named)


def data_of(data: dict[str, Any], facts: dict[str, Any], photographs: pd.DataFrame) -> dict[str, Any]:
  """What the card says of the data, with whom their licences ask to name."""
  columns = ["repository", "commit", "licence"]
  counts = Counter(photographs[columns].itertuples(index=False, name=None))
  rows = [dict(zip(columns, key, strict=True)) | {"count": count} for key, count in sorted(counts.items())]
  return {
    "source": renamed(data["source"]),
    "protocol": data["protocol"],
    "data_digest": facts["data_digest"],
    "images": facts["images"],
    "recipes": {SET: hashlib.sha256(recipe.table(SET)).hexdigest()} if rows else {},
    "photographs": rows,
  }


def figures(run: Path, command: str) -> list[dict[str, Any]]:
  """The measures of the run's own report, those that are defined."""
  measured = finished.numbers(run)
  return [{"figure": k, "value": value, "command": command} for k, value in measured.items() if math.isfinite(value)]


def write(source: Path, folder: Path, draft: dict[str, Any]) -> dict[str, Any]:
  """Copies the files of weights and writes their card; all or nothing. Raises UserError above MAX_BYTES."""
  with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as place:
    made = Path(place, folder.name)
    shutil.copytree(source, made, ignore=shutil.ignore_patterns(".*"))
    _require_small(source, made)
    whole = draft | {"files": weights.digests(made), "check": _checked(made, draft["system"])}
    outputs.replace(made / card.CARD, console.to_json(whole).encode())
    _require_small(source, made)
    weights.checked(made)
    made.rename(folder)
  return whole


def _checked(folder: Path, system: str) -> dict[str, float]:
  return checking.MEASURES[system](weights.of_folder(folder, system))


def _require_small(source: Path, made: Path) -> None:
  if weights.size(made) > weights.MAX_BYTES:
    raise UserError(f"{shown(source)}: {weights.size(made):,} bytes, and {weights.MAX_BYTES:,} may ship")


def _flag(value: Any) -> str:
  """A setting as a flag of ml_collections takes it."""
  return str(tuple(value)) if isinstance(value, list) else str(value)


def main(arguments: Sequence[str]) -> int:
  form = argparse.RawDescriptionHelpFormatter
  parser = argparse.ArgumentParser("python -m fsim.weights.make", description=__doc__, formatter_class=form)
  parser.add_argument("run", type=console.path, metavar="RUN", help="the folder of a finished run of configs/model.py")
  parser.add_argument(
    "--name", required=True, choices=[weights.DEFAULTS[asker] for asker in (SYSTEM, "compare")], help="of the weights"
  )
  parser.add_argument("--version", required=True, help="of the weights: another one whenever they change")
  parser.add_argument("--commit", required=True, type=_commit, help="of fsim, with which RUN was trained")
  parser.add_argument("--out", type=console.path, metavar="DIR", help="folder in which NAME is made")
  chosen = parser.parse_args(arguments)
  folder = (chosen.out or weights.FOLDER) / chosen.name
  outputs.Folder(folder.parent)
  made = make(chosen.run, chosen.name, chosen.version, chosen.commit, folder)
  console.say(f"{folder}: {weights.size(folder):,} bytes; fill in `repetition`, `limits` and `figures` of {card.CARD}")
  console.say(card.text(made))
  return console.ANSWERED


def _commit(text: str) -> str:
  if not re.fullmatch("[0-9a-f]{40}", text):
    raise argparse.ArgumentTypeError(f"{text!r} is no commit, 40 hexadecimal digits")
  return text


if __name__ == "__main__":
  console.leave(console.run(main, sys.argv[1:]))
