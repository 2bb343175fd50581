"""Tables from anybody, as spreadsheets, scripts and old systems write them: separators, encodings, quotes."""

import csv
from pathlib import Path
from typing import NamedTuple

from fsim.boundary.inputs import Unreadable, read_bytes
from fsim.boundary.text import shown

MAX_BYTES, MAX_LINES, MAX_LETTERS = 1 << 26, 200_000, 1 << 16  # Of a file, in a file, and of a line.
HEAD = 1 << 16  # Bytes in which the line of columns must end.
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
# What files begin with, and the encoding that it announces; the longer marks first, since they begin alike.
MARKS = {
  b"\xef\xbb\xbf": "utf-8-sig",
  b"\xff\xfe\0\0": "utf-32",
  b"\0\0\xfe\xff": "utf-32",
  b"\xff\xfe": "utf-16",
  b"\xfe\xff": "utf-16",
}
ARCHIVE = b"PK\x03\x04"  # Spreadsheets' own files are such archives.
MOST = 5  # Columns in a message.


class Line(NamedTuple):
  """A row, and the number of the line on which it ends. Columns are in small letters; short rows lack the last."""

  number: int
  cells: dict[str, str]


class Table(NamedTuple):
  lines: list[Line]
  problems: list[tuple[int, str]]  # (line, cause) of rows that are not used.


class Head(NamedTuple):
  columns: list[str]
  separator: str
  before: int  # Lines above that of the columns.


def cause_against(path: Path, column: str) -> str:
  """Why a regular file is no table with this column, judged by its beginning; "" if it is one."""
  try:
    with path.open("rb") as file:
      _head(_lines(file.read(HEAD)), column)
  except OSError as error:
    return f"cannot be read: {error.strerror}"
  except ValueError as error:
    return str(error)
  return ""


def read(path: Path, column: str) -> Table:
  """All rows of a table with this column. Raises Unreadable, with the cause in one line, for anything else."""
  data = read_bytes(path, MAX_BYTES)
  try:
    lines = _lines(data)
    head = _head(lines, column)
    return _rows(lines, head)
  except (ValueError, csv.Error) as error:
    raise Unreadable(path, str(error)) from error


def _lines(data: bytes) -> list[str]:
  """Raises ValueError for what is no text."""
  if data.startswith(ARCHIVE):
    raise ValueError("a spreadsheet's own file or an archive: save the table as CSV")
  encoding = next((name for mark, name in MARKS.items() if data.startswith(mark)), "")
  text = data.decode(encoding, "replace") if encoding else _guessed(data)
  text = text.removeprefix("\ufeff")  # A mark that was converted with the rest, behind a new one.
  if "\0" in text:
    raise ValueError("not text, or UTF-16 without the mark at its beginning")
  text = text.replace("\r\n", "\n").replace("\r", "\n")
  if text.count("\n") > MAX_LINES:
    raise ValueError(f"more than {MAX_LINES:,} lines")
  lines = text.split("\n")
  if max(map(len, lines)) > MAX_LETTERS:
    raise ValueError(f"a line of more than {MAX_LETTERS:,} letters")
  return [f"{line}\n" for line in lines]


def _guessed(data: bytes) -> str:
  try:
    return data.decode("utf-8")
  except UnicodeDecodeError:  # What Windows writes in most of Europe and America.
    return data.decode("cp1252", "replace")


def _head(lines: list[str], column: str) -> Head:
  """Raises ValueError if the first line with anything in it does not name the column, whatever separates them."""
  separators = list(SEPARATORS)
  before = next((number for number, line in enumerate(lines) if line.strip() and not _told(line)), len(lines) - 1)
  if told := [_told(line) for line in lines[:before] if _told(line)]:
    separators = told[:1]
  found = [Head(_names(lines[before:], separator), separator, before) for separator in separators]
  fitting = [head for head in found if column in head.columns]
  if not fitting:
    most = max(found, key=lambda head: len(head.columns))
    raise ValueError(f"no column {column} in its first line{_said(most)}")
  head = max(fitting, key=lambda head: len(head.columns))
  if head.columns.count(column) > 1:
    raise ValueError(f"two columns are named {column}")
  return head


def _told(line: str) -> str:
  """The separator that a line such as sep=; names, which spreadsheets obey and do not show."""
  bare = line.strip('\n" ')
  return bare[4] if bare.lower().startswith("sep=") and len(bare) == 5 else ""


def _names(lines: list[str], separator: str) -> list[str]:
  try:
    return [cell.strip().lower() for cell in next(_reader(lines, separator), [])]
  except csv.Error:  # A cell without end.
    return []


def _said(head: Head) -> str:
  if not any(head.columns):
    return ", which is empty"
  names = ", ".join(shown(name[:20]) for name in head.columns[:MOST])
  return (
    f" ({names}{', ...' * (len(head.columns) > MOST)}, separated by {SEPARATORS.get(head.separator, head.separator)})"
  )


def _rows(lines: list[str], head: Head) -> Table:
  body = lines[head.before :]
  reader, table, begun = _reader(body, head.separator), Table([], []), 0
  for row in reader:
    number, first, begun = reader.line_num + head.before, begun, reader.line_num
    if begun == len(body) and "".join(body[first:]).count('"') % 2:
      table.problems.append((first + head.before + 1, "a quotation mark without its other: not read from here on"))
    elif any(cell.strip() for cell in row[len(head.columns) :]):  # Cells that moved to the right mean something else.
      table.problems.append((number, f"{len(row)} cells below {len(head.columns)} columns: not used"))
    elif first and any(row):
      table.lines.append(Line(number, dict(zip(head.columns, map(str.strip, row), strict=False))))
  return table


def _reader(lines: list[str], separator: str) -> "csv.Reader":
  return csv.reader(lines, delimiter=separator, skipinitialspace=True)
