"""What a page is made of, whatever the system."""

import base64
from pathlib import Path
from typing import Any, NamedTuple


class Table(NamedTuple):
  """Lines below a head; the first column is text. `note` says below the table how to read it."""

  head: list[str]
  lines: list[list[str]]
  note: str


class Figure(NamedTuple):
  title: str
  png: str  # In base64.


class Section(NamedTuple):
  """One part of the results. `pairs` are dictionaries with verdict, score, names and thumbnails (JPEG in base64)."""

  title: str
  note: str
  tables: list[Table]
  figures: list[Figure]
  pairs: list[dict[str, Any]] | None = None


def figure(folder: Path, title: str, png: bytes) -> Figure:
  """A figure for the page, which also lies beside it as a PNG named after its title."""
  name = "".join(c if c.isalnum() else "_" for c in title)
  (folder / f"{name}.png").write_bytes(png)
  return Figure(title[0].upper() + title[1:], base64.b64encode(png).decode())
