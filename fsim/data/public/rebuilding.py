"""Recipe -> crops on disk: what is there already stands, and what cannot be had is named while the rest goes on."""

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from fsim.boundary import inputs, lock, outputs, progress
from fsim.boundary.errors import UserError
from fsim.boundary.inputs import Unreadable
from fsim.boundary.text import shown
from fsim.data.public import cutting, outside, recipe, repositories
from fsim.data.public.outside import Unavailable
from fsim.data.public.recipe import Crop

WORKPLACE = ".fsim-fetched"  # One repository at a time; removed behind it.
MAX_BYTES = 1 << 24  # Of a crop, or of a set's table.
TAKEN = "exists and is not this crop; remove it, or name another folder"


class Outcome(NamedTuple):
  """cause: why the crop is not there, "" if it is. is_new: made now, and not before."""

  crop: Crop
  cause: str
  is_new: bool


class Source(NamedTuple):
  """Where repositories are: under an address, unless the folder `clones` has them."""

  host: str
  clones: Path | None


def rebuild(crops: Sequence[Crop], folder: Path, source: Source) -> list[Outcome]:
  """Makes the crops, and beside those of each set its table, in a folder that is made.

  Raises UserError where git or jpegtran is missing, and for a folder that cannot be written to or has other tables.
  """
  outputs.Folder(folder)
  with lock.only_one(folder, "rebuilding photographs"):
    for name in sorted({crop.set for crop in crops}):
      _write_table(folder / name / recipe.TABLE, recipe.table(name))
    outcomes = [_standing(folder, crop) for crop in crops]
    known = [outcome for outcome in outcomes if outcome is not None]
    missing = [crop for crop, outcome in zip(crops, outcomes, strict=True) if outcome is None]
    if missing:
      outside.require("git", repositories.PACKAGES)
      cutting.require()
    with progress.bar(total=len(crops), initial=len(known), desc="rebuilding", unit="crop") as bar:
      for outcome in _made(missing, folder, source):
        known.append(outcome)
        bar.update()
  return known


def _write_table(place: Path, data: bytes) -> None:
  """Leaves alone what is there: a folder whose files were touched would be stored anew (see dresden/listing.py)."""
  if not os.path.lexists(place):
    place.parent.mkdir(parents=True, exist_ok=True)
    outputs.replace(place, data)
  elif _bytes(place) != data:
    raise UserError(f"{shown(place)}: exists and is not the table of this version; remove it, or name another folder")


def _standing(folder: Path, crop: Crop) -> Outcome | None:
  """None for what has to be made."""
  place = folder / crop.place
  if not os.path.lexists(place):
    return None
  return Outcome(crop, "" if hashlib.sha256(_bytes(place)).hexdigest() == crop.sha256 else TAKEN, False)


def _bytes(place: Path) -> bytes:
  """b"" for what cannot be read, and is none of ours."""
  try:
    return inputs.read_bytes(place, MAX_BYTES)
  except Unreadable:
    return b""


def _made(crops: Sequence[Crop], folder: Path, source: Source) -> Iterator[Outcome]:
  by_repository = sorted(crops, key=_origin)
  try:
    for (repository, commit), group in groupby(by_repository, _origin):
      yield from _made_of(repository, commit, list(group), folder, source)
  finally:
    shutil.rmtree(folder / WORKPLACE, ignore_errors=True)


def _origin(crop: Crop) -> tuple[str, str]:
  return crop.repository, crop.commit


def _made_of(repository: str, commit: str, crops: list[Crop], folder: Path, source: Source) -> Iterator[Outcome]:
  place = source.clones and repositories.clone_of(repository, source.clones)
  if not place:
    place = folder / WORKPLACE
    try:
      repositories.fetch(f"{source.host}/{repository}", commit, [crop.git_blob for crop in crops], place)
    except Unavailable as error:
      yield from (Outcome(crop, str(error), True) for crop in crops)
      return
  for crop in crops:
    try:
      data = _cut(crop, place)
    except Unavailable as error:
      yield Outcome(crop, str(error), True)
      continue
    (folder / crop.place).parent.mkdir(parents=True, exist_ok=True)
    outputs.replace(folder / crop.place, data)
    yield Outcome(crop, "", True)


def _cut(crop: Crop, place: Path) -> bytes:
  """Raises Unavailable."""
  data = cutting.cut(repositories.read(place, crop.git_blob), crop.x, crop.y, crop.side)
  if hashlib.sha256(data).hexdigest() != crop.sha256:
    raise Unavailable("what was cut from the original has another SHA-256 than recorded")
  return data
