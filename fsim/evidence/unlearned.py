"""Photographs that what is asked has learned from: it would seem better than it is, so that they are refused."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from fsim import weights
from fsim.boundary import inputs, progress
from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.data import mixture
from fsim.data.photographs import MAX_BYTES
from fsim.evidence import shipped
from fsim.evidence.shipped import Chosen
from fsim.weights import Weights

Learners = Mapping[str, Mapping[str, str]]  # Who learned -> SHA-256 of a photograph -> the set that it is of.


def learners(asked: Weights | None, chosen: Chosen | None = None) -> dict[str, Mapping[str, str]]:
  """Of weights that are asked, and of a calibration, if it is the one that came with fsim."""
  found: dict[str, Mapping[str, str]] = {}
  if asked is not None:
    found[f"the weights {asked.description}"] = weights.learned(asked.folder)
  if chosen is not None and (learned := shipped.learned(chosen)):
    found["the calibration that came with fsim"] = learned
  return found


def require(paths: Sequence[Path], known: Learners, otherwise: str = "") -> None:
  """Raises UserError naming the first photograph that one of these learned from. otherwise: what else can be done."""
  if not known:
    return
  found: dict[Path, str] = {}
  who: set[str] = set()
  for path in progress.bar(paths, desc="photographs", unit="file"):
    try:
      digest = inputs.sha256(path, MAX_BYTES)[0]
    except inputs.Unreadable:
      continue  # Named when its turn comes to be read.
    own = {name: learned[digest] for name, learned in known.items() if digest in learned}
    if own:
      found[path] = next(iter(own.values()))
      who |= own.keys()
  if found:
    others = f" and {len(found) - 1:,} more" if len(found) > 1 else ""
    raise UserError(
      f"{shown(next(iter(found)))}{others}: {' and '.join(sorted(who))} learned from these photographs, and would seem "
      f"better than they are; leave out those of {', '.join(sorted(set(found.values())))}{otherwise}"
    )


def require_source(name: str, asked: Weights | None) -> None:
  """Raises UserError for a preset that weights learned from."""
  sources = mixture.listed(weights.read_card(asked.folder)["data"]["source"]) if asked is not None else []
  if name in {source.name for source in sources}:
    raise UserError(f"{shown(name)}: the weights {asked.description} learned from these cameras; name another source")
