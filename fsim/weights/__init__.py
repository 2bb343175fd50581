"""Weights that come with fsim: what answers where no run of one's own is given. docs/weights.md.

A folder here that is named as the weights has the files of a predictor, as a run keeps them, or those of a network, and
card.json: what they are, what they learned from and under which licences, and the SHA-256 of every file.
"""

import hashlib
import importlib
from pathlib import Path
from typing import Any, NamedTuple

from fsim.boundary.errors import UserError
from fsim.boundary.inputs import Unreadable, read_bytes
from fsim.boundary.text import shown
from fsim.data.public import recipe
from fsim.weights import card
from fsim.weights.card import CARD

FOLDER = Path(__file__).parent
# Who asks -> the weights that answer: runs of a system and what stands in their place, and `fsim compare`, whose
# calibration has learned these.
DEFAULTS = {"model": "camera_models", "compare": "similarity", "noise": "noise"}
READERS = {"model": "fsim.systems.model.predictor", "noise": "fsim.prnu.learned"}  # `of_folder` of them reads weights.
MAX_BYTES = 12_000_000  # Of all files of a name together.


class Description(NamedTuple):
  """Which weights; sha256: of what `sha256sum` says of their files in the order of their names, without the card."""

  name: str
  version: str
  sha256: str

  def __str__(self) -> str:
    return f"{self.name}, version {self.version} (SHA-256 {self.sha256[:12]})"


class Weights(NamedTuple):
  """folder: has the files of a predictor, which are as their card says."""

  folder: Path
  description: Description


def names() -> list[str]:
  """Of all weights that came with this fsim."""
  return sorted(path.name for path in FOLDER.iterdir() if path.is_dir() and path.name[0] not in "._")


def is_shipped(asker: str) -> bool:
  """Whether there are weights that answer to one of DEFAULTS; nothing is said of their state."""
  return DEFAULTS.get(asker) in names()


def default(asker: str) -> Weights:
  """The weights that answer to one of DEFAULTS. Raises UserError where none came with this fsim, and as `open`."""
  if not is_shipped(asker):
    raise UserError(f"no weights for {shown(asker)} came with this fsim: give a finished run")
  return open(DEFAULTS[asker])


def open(name: str) -> Weights:
  """Every file is compared with the card. Raises UserError for weights that are not there, damaged or too new."""
  if name not in names():
    raise UserError(f"no weights {shown(name)} came with this fsim; there are: {', '.join(names()) or 'none'}")
  return checked(FOLDER / name)


def checked(folder: Path) -> Weights:
  """The weights of a folder. Raises UserError as `open`."""
  said = read_card(folder)
  try:
    _require(folder, said["files"])
  except Unreadable as error:
    raise _damaged(folder, error) from error
  return Weights(folder, Description(said["name"], said["version"], digest(said["files"])))


def read_card(folder: Path) -> dict:
  """What the card says, whatever the files are. Raises UserError for one that is missing, damaged or too new."""
  try:
    return card.read(folder / CARD)
  except Unreadable as error:
    raise _damaged(folder, error) from error


def learned(folder: Path) -> dict[str, str]:
  """SHA-256 of every photograph that weights learned from -> the set of photographs that it is of (data/public)."""
  sets = read_card(folder)["data"]["recipes"]
  return {crop.sha256: crop.set for name in sets for crop in recipe.crops(name)}


def load(name: str) -> Any:
  """Weights by their name: a predictor, as `fsim.load` gives that of a run, or arrays, of the network of sensor noise.

  Raises UserError as `open`.
  """
  folder = open(name).folder
  return of_folder(folder, read_card(folder)["system"])


def of_folder(folder: Path, system: str) -> Any:
  """Weights of a system; a card is not looked at. Raises UserError for files that are none."""
  return importlib.import_module(READERS[system]).of_folder(folder)


def digest(files: dict[str, str]) -> str:
  """One SHA-256 for those of several files."""
  return hashlib.sha256("".join(f"{files[name]}  {name}\n" for name in sorted(files)).encode()).hexdigest()


def digests(folder: Path) -> dict[str, str]:
  """The SHA-256 of all files but the card and hidden ones. Raises Unreadable for one above MAX_BYTES."""
  files = [path.name for path in sorted(folder.iterdir()) if path.name != CARD and not path.name.startswith(".")]
  return {name: hashlib.sha256(read_bytes(folder / name, MAX_BYTES)).hexdigest() for name in files}


def size(folder: Path) -> int:
  """Bytes of all files."""
  return sum(path.stat().st_size for path in folder.iterdir())


def _require(folder: Path, files: dict[str, str]) -> None:
  """Raises Unreadable for the first file that is not as the card says."""
  found = digests(folder)
  for name in sorted(files.keys() | found.keys()):
    if name not in found:
      raise Unreadable(folder / name, "missing")
    if name not in files:
      raise Unreadable(folder / name, f"{CARD} does not name it")
    if found[name] != files[name]:
      raise Unreadable(folder / name, "its SHA-256 is not that of the card")


def _damaged(folder: Path, error: Unreadable) -> UserError:
  return UserError(f"{error}; the weights {shown(folder.name)} are damaged: install fsim anew, or give a finished run")
