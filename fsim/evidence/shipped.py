"""Which calibration answers: one that came with fsim, or a file of the examiner's own."""

from pathlib import Path
from typing import NamedTuple

from fsim.boundary import inputs
from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.data.public import recipe
from fsim.evidence import case, saved
from fsim.evidence.calibration import Calibration

FOLDER = Path(__file__).parent / "data"  # NAME.json for each.
DEFAULT = "default"
LEARNED = "opencams/train"  # The photographs that it learned from; its other cameras are virtual.
HINT = "make one of your own cameras by `fsim calibrate FOLDER --out=FILE.json` and give it as --calibration=FILE.json"


class Chosen(NamedTuple):
  """described: its name and the SHA-256 of its file."""

  calibration: Calibration
  described: case.Calibration


def names() -> list[str]:
  """Of all calibrations that came with this fsim."""
  return sorted(path.stem for path in FOLDER.glob("*.json"))


def digest(name: str) -> str:
  """SHA-256 of the file of one that came with fsim. Raises UserError where there is none of this name."""
  if name not in names():
    raise UserError(f"no calibration {shown(name)} came with this fsim")
  return inputs.sha256(FOLDER / f"{name}.json", saved.MAX_BYTES)[0]


def learned(chosen: Chosen) -> dict[str, str]:
  """SHA-256 of every photograph that one that came with fsim learned from -> the set that it is of; none of others."""
  is_own = DEFAULT in names() and chosen.described.sha256 == digest(DEFAULT)
  return {crop.sha256: crop.set for crop in recipe.crops(LEARNED)} if is_own else {}


def chosen(own: Path | None) -> Chosen:
  """The file given, else the one that came with fsim. Raises UserError where there is neither."""
  if own is None and DEFAULT not in names():
    raise UserError(f"no calibration came with this fsim: {HINT}")
  path = FOLDER / f"{DEFAULT}.json" if own is None else own
  made = saved.load(path)
  name = DEFAULT if own is None else path.stem
  return Chosen(made, case.Calibration(name, inputs.sha256(path, saved.MAX_BYTES)[0]))
