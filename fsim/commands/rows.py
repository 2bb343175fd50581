"""The answers of a command about photographs: a row for each file, whatever becomes of it."""

from collections.abc import Iterable, Iterator
from typing import Any

from fsim.boundary import console
from fsim.boundary.text import shown
from fsim.data.photographs import Photograph

Row = dict[str, Any]


def usable(photographs: Iterable[Photograph], rows: list[Row]) -> Iterator[tuple[Row, Photograph]]:
  """Adds a row for each in its order; one that cannot be used is named, has its cause in the row, and is passed over."""
  for photograph in photographs:
    row = {"file": str(photograph.path)}
    rows.append(row)
    if photograph.problem:
      console.note(f"{shown(photograph.path)}: {photograph.problem}")
      row["error"] = photograph.problem
    else:
      yield row, photograph
