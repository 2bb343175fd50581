"""The Dresden metadata CSV: the scene of every image, and its subset where there is such a column."""

import re
import unicodedata
from pathlib import Path
from typing import NamedTuple

from fsim.boundary.inputs import Unreadable
from fsim.data import tables
from fsim.data.dresden import names
from fsim.data.dresden.listing import path_of
from fsim.data.dresden.subsets import subset_of
from fsim.data.tables import Table

# One device may be spelt differently in the CSV and on disk (the published CSV has mju-1050SW, the server mju_1050SW).
NUMBER = re.compile(r"([0-9]{1,6})([.,]0*)?")


class Entry(NamedTuple):
  file: str
  position: int  # -1 unknown
  motive: int  # -1 unknown
  subset: str  # "" not said

  @property
  def scene(self) -> str:
    """Both numbers, as "10/12": position * 10 + motive, as published, would take 10/12 and 11/2 for one scene."""
    return f"{self.position}/{self.motive}" if self.position >= 0 and self.motive >= 0 else ""


class Manifest(NamedTuple):
  entries: dict[tuple[str, int] | str, Entry]
  problems: list[tuple[str, str]]

  def find(self, file: str) -> Entry | None:
    return self.entries.get(identity(file))


def identity(file: str) -> tuple[str, int] | str:
  """What a row of the CSV and its file have in common: (device, shot), or the bare name where that does not parse."""
  try:
    name = names.parse(file, names.REPAIRED)
  except names.BadName:
    return unicodedata.normalize("NFC", file.rsplit("/", 1)[-1]).lower()
  return name.device, name.shot


def read(folder: Path, files: list[str]) -> Manifest:
  """These tables together; where two rows name one image, the first is believed."""
  manifest = Manifest({}, [])
  for file in files:
    try:
      _take(file, tables.read(path_of(folder, file), "filename"), manifest)
    except Unreadable as error:
      manifest.problems.append((file, f"metadata cannot be read: {error.cause}"))
  return manifest


def _take(file: str, table: Table, manifest: Manifest) -> None:
  manifest.problems.extend((file, f"line {number}: {cause}") for number, cause in table.problems)
  for number, cells in table.lines:
    entry = Entry(
      cells.get("filename", ""),
      _number(cells.get("position_num", "")),
      _number(cells.get("motive_num", "")),
      subset_of(cells.get("subset", "")),
    )
    understood = {"position_num": entry.position >= 0, "motive_num": entry.motive >= 0, "subset": entry.subset != ""}
    manifest.problems.extend(
      (file, f"line {number}: {column} {cells[column]!r} is not understood")
      for column, fine in understood.items()
      if cells.get(column) and not fine
    )
    if entry.file and manifest.entries.setdefault(identity(entry.file), entry)[1:] != entry[1:]:
      manifest.problems.append(
        (file, f"line {number}: {entry.file} stands above with another scene or subset; that counts")
      )


def _number(text: str) -> int:
  match = NUMBER.fullmatch(text)
  return int(match[1]) if match else -1
