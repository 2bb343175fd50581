"""The tables of crops that are shipped: a set each, a row a crop, in Dresden's columns and those of its origin."""

import csv
from pathlib import Path
from typing import NamedTuple

SETS = ("opencams/train", "opencams/dev", "realcams")
TABLE = "origins.csv"  # The set's table beside its crops, where the intake finds scene and subset.


class Crop(NamedTuple):
  """What is needed to make one crop again.

  Attributes:
    repository: OWNER/NAME. commit, git_blob: in git's hexadecimal digits; path: in the commit.
    x, y, side: of the square, in pixels as the original stores them; x and y are multiples of 16.
    sha256: of the crop's file.
  """

  set: str
  subset: str
  filename: str
  repository: str
  commit: str
  path: str
  git_blob: str
  x: int
  y: int
  side: int
  sha256: str

  @property
  def place(self) -> Path:
    """In the folder of all sets."""
    return Path(self.set, self.subset, self.filename)


def table(name: str) -> bytes:
  """The CSV of one of SETS."""
  return Path(__file__).with_name(f"{name.replace('/', '_')}.csv").read_bytes()


def rows(name: str) -> list[dict[str, str]]:
  """Of one of SETS, with all columns."""
  return list(csv.DictReader(table(name).decode().splitlines()))


def crops(name: str) -> list[Crop]:
  """The rows of one of SETS."""
  return [_crop(name, row) for row in rows(name)]


def _crop(name: str, row: dict[str, str]) -> Crop:
  square = (int(row[column]) for column in ("crop_x", "crop_y", "side"))
  origin = (row[column] for column in ("subset", "filename", "repository", "commit", "path", "git_blob"))
  return Crop(name, *origin, *square, row["sha256"])
