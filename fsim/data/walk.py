"""One walk through folders for all commands: every file is a photograph, a table, or named with the cause why not."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from fsim.boundary import inputs, lock
from fsim.boundary.outputs import FOLDER, MANIFEST, written
from fsim.data import jpeg

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".jif")  # Taken for JPEGs without a look; others are looked at.
TABLES = (".csv", ".tsv")
WRITTEN = "written by fsim"
HEAD = 64  # Bytes by which a file is recognised.


class Entry(NamedTuple):
  """A file below a folder, or a folder that cannot be entered.

  Attributes:
    kind: "jpeg" (by its suffix or its first bytes), "table" (by its suffix), or "other", which has a `cause`.
    is_image: whether an "other" file is a picture of some kind, or a folder that may hold some: their loss matters.
    status: None where `cause` says that it cannot be had.
  """

  path: Path
  kind: str
  cause: str = ""
  is_image: bool = False
  status: os.stat_result | None = None


def walk(folder: Path) -> Iterator[Entry]:
  """Everything below, sorted, through links to folders too; a folder is entered once, so that circular links end."""
  entered, waiting = set(), [folder]
  while waiting:
    parent = waiting.pop()
    try:
      status, inside = os.stat(parent), sorted(os.listdir(parent))
    except OSError as error:
      yield Entry(parent, "other", f"folder cannot be read: {error.strerror}", is_image=True)
      continue
    if (status.st_dev, status.st_ino) in entered:
      yield Entry(parent, "other", "a link to a folder that was entered already")
      continue
    entered.add((status.st_dev, status.st_ino))
    # Hidden ones have what systems put there: thumbnails, what was thrown away, other halves of files.
    made = written(parent)  # Results are no input, nor are caches.
    folders = [
      name for name in inside if name[0] != "." and (name, FOLDER) not in made and os.path.isdir(parent / name)
    ]
    waiting += [parent / name for name in reversed(folders)]
    own = {name for name, _ in made} | ({lock.NAME} if made else set())
    files = [name for name in inside if name not in set(folders) | {MANIFEST}]
    yield from (_entry(parent / name, name in own) for name in files)


def _entry(path: Path, is_own: bool) -> Entry:
  if path.name.startswith("."):
    return Entry(path, "other", "hidden folder, not entered" if os.path.isdir(path) else "hidden file")
  try:
    status = path.stat()
  except OSError as error:
    return Entry(path, "other", f"cannot be read: {error.strerror}", is_image=_named_as_jpeg(path))
  if is_own and stat.S_ISDIR(status.st_mode):
    return Entry(path, "other", WRITTEN)
  if not stat.S_ISREG(status.st_mode):
    return Entry(path, "other", "not a regular file", is_image=_named_as_jpeg(path))
  if _named_as_jpeg(path):
    return Entry(path, "jpeg", status=status)
  if is_own:
    return Entry(path, "other", WRITTEN, status=status)
  if path.suffix.lower() in TABLES:
    return Entry(path, "table", status=status)
  return _by_content(path, status)


def _by_content(path: Path, status: os.stat_result) -> Entry:
  try:
    with path.open("rb") as file:
      head = file.read(HEAD)
  except OSError as error:
    return Entry(path, "other", f"cannot be read: {error.strerror}", is_image=True, status=status)
  if head.startswith(jpeg.BEGINNING):
    return Entry(path, "jpeg", status=status)
  found = jpeg.kind(head)
  return Entry(path, "other", f"a {found} file, not a JPEG" if found else "no photograph", bool(found), status)


def _named_as_jpeg(path: Path) -> bool:
  return path.suffix.lower() in SUFFIXES


def require_folder(folder: Path) -> None:
  """Raises Unreadable if there is no such folder."""
  if not folder.is_dir():
    raise inputs.Unreadable(folder, "not a folder" if folder.exists() else "no such folder")
