"""What lies in a folder, without opening any image: fast enough to be asked on every start."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from fsim.boundary.errors import UserError

JPEG = (".jpg", ".jpeg")


class File(NamedTuple):
  file: str  # Relative to the folder, with forward slashes.
  bytes: int
  mtime_ns: int


class Listing(NamedTuple):
  folder: Path
  jpegs: list[File]  # Sorted by name.
  manifests: list[File]  # Metadata, those nearest to the folder first.
  others: Counter[str]  # Number of files by extension.
  problems: list[tuple[str, str]]  # (file or folder, cause) of what could not be listed.

  def key(self) -> str:
    """Changes when a JPEG or metadata file is added, removed, renamed or rewritten."""
    return hashlib.sha256(repr((self.jpegs, self.manifests)).encode()).hexdigest()


def listing(folder: Path) -> Listing:
  """Walks the folder, through links to other folders too. Raises UserError if there is no such folder."""
  if not folder.is_dir():
    raise UserError(f"{folder}: {'not a folder' if folder.exists() else 'no such folder'}")
  jpegs, manifests, others, problems = [], [], Counter[str](), list[tuple[str, str]]()
  for path in _files(folder, problems):
    name = path.relative_to(folder).as_posix()
    kind = ".*" if path.name.startswith(".") else path.suffix.lower()
    try:
      if kind not in JPEG and not (kind == ".csv" and _is_manifest(path)):
        others[kind or "none"] += 1
        continue
      status = path.stat()
    except OSError as error:
      problems.append((name, f"cannot be read: {error.strerror}"))
      continue
    (manifests if kind == ".csv" else jpegs).append(File(name, status.st_size, status.st_mtime_ns))
  manifests.sort(key=lambda f: (f.file.count("/"), f.file))
  return Listing(folder, sorted(jpegs), manifests, others, problems)


def _is_manifest(path: Path) -> bool:
  """Whether a CSV file has a column "filename". Others, such as the lists that a run writes, do not matter here."""
  with path.open(encoding="utf-8-sig", errors="replace") as lines:
    return "filename" in [name.strip(' \r\n"').lower() for name in lines.readline().split(",")]


def _files(folder: Path, problems: list[tuple[str, str]]) -> Iterator[Path]:
  """Every file below the folder; a folder is entered once, so that circular links end."""

  def unreadable(error: OSError) -> None:
    problems.append((Path(error.filename).relative_to(folder).as_posix(), f"folder cannot be read: {error.strerror}"))

  entered = set()
  for parent, folders, files in os.walk(folder, onerror=unreadable, followlinks=True):
    status = os.stat(parent)
    if (status.st_dev, status.st_ino) in entered:
      folders.clear()
      continue
    entered.add((status.st_dev, status.st_ino))
    yield from (Path(parent, name) for name in files)
