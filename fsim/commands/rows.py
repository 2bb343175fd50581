"""The answers of a command about photographs: a row for each file, whatever becomes of it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fsim.boundary import console, progress
from fsim.boundary.text import shown
from fsim.data.photographs import Photograph, read_all

Row = dict[str, Any]


def usable(paths: Sequence[Path], rows: list[Row], desc: str = "") -> Iterator[tuple[Row, Photograph]]:
  """Adds a row for each in its order; one that cannot be used is named, and has its cause in the row.

  desc: of the progress bar; without it there is none.
  """
  bar = {"total": len(paths), "desc": desc, "unit": "image", "leave": False}
  for photograph in progress.bar(read_all(paths), **bar, disable=not desc):
    row = {"file": str(photograph.path)}
    rows.append(row)
    if photograph.problem:
      console.note(f"{shown(photograph.path)}: {photograph.problem}")
      row["error"] = photograph.problem
    else:
      yield row, photograph
