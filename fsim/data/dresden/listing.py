"""What lies in a folder, without decoding any image: fast enough to be asked on every start."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from fsim.boundary.text import shown
from fsim.data import tables
from fsim.data.walk import Entry, require_folder, walk


class File(NamedTuple):
  file: str  # Relative to the folder, with forward slashes, in UTF-8 whatever the locale: see `path_of`.
  bytes: int
  mtime_ns: int


class Listing(NamedTuple):
  """Every file of a folder, in one of the five lists; (name, cause) where it is not used.

  Attributes:
    jpegs: sorted by name. metadata: tables with a column filename, those nearest to the folder first.
    left_out: images that are no JPEGs, or cannot be had; folders that cannot be read.
    other_tables: without such a column. others: no photographs.
  """

  folder: Path
  jpegs: list[File]
  metadata: list[File]
  left_out: list[tuple[str, str]]
  other_tables: list[tuple[str, str]]
  others: list[tuple[str, str]]

  @property
  def considered(self) -> int:
    return sum(map(len, self[1:]))

  def key(self) -> str:
    """Changes when an image or its metadata is added, removed, renamed or rewritten."""
    return hashlib.sha256(repr((self.jpegs, self.metadata, self.left_out)).encode()).hexdigest()


def listing(folder: Path) -> Listing:
  """Walks the folder, through links to other folders too. Raises Unreadable if there is no such folder."""
  require_folder(folder)
  found = Listing(folder, [], [], [], [], [])
  for entry in walk(folder):
    name = os.fsencode(entry.path.relative_to(folder).as_posix()).decode(errors="surrogateescape")
    _sort_in(entry, name, found)
  found.metadata.sort(key=lambda f: (f.file.count("/"), f.file))
  return found._replace(jpegs=sorted(found.jpegs), left_out=sorted(found.left_out))


def path_of(folder: Path, file: str) -> Path:
  """Of a file of a listing, as this system's locale has it."""
  return folder / os.fsdecode(file.encode(errors="surrogateescape"))


def _sort_in(entry: Entry, name: str, found: Listing) -> None:
  if entry.kind == "other":
    (found.left_out if entry.is_image else found.others).append((shown(name), entry.cause))
  elif not _is_utf8(name):
    cause = f"the name is not UTF-8 and is shown as {shown(name)}: rename the file or its folder"
    found.left_out.append((shown(name), cause))
  elif entry.kind == "jpeg":
    found.jpegs.append(File(name, entry.status.st_size, entry.status.st_mtime_ns))
  elif cause := tables.cause_against(entry.path, "filename"):
    found.other_tables.append((name, f"no metadata: {cause}"))
  else:
    found.metadata.append(File(name, entry.status.st_size, entry.status.st_mtime_ns))


def _is_utf8(name: str) -> bool:
  try:
    name.encode()
  except UnicodeEncodeError:
    return False
  return True
