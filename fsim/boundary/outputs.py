"""Where commands write: checked before the work, in one go, and never in place of what fsim did not write.

A folder remembers in MANIFEST, a line a file, what fsim wrote there and its SHA-256. A file that is not in it, or that
was changed since, is somebody else's. A folder of caches has a line as a whole.
"""

import contextlib
import hashlib
import json
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fsim.boundary.errors import UserError
from fsim.boundary.inputs import Unreadable, read_bytes
from fsim.boundary.text import shown

MANIFEST = ".fsim-written.jsonl"
MANIFEST_BYTES = 1 << 26  # Half a million files.
FOLDER = "folder"  # In the place of a SHA-256.


class Folder:
  """A folder for the files of a command. It is made; raises UserError if it cannot be, or not be written to."""

  def __init__(self, path: Path):
    self.path = path
    try:
      make_writable(path)
    except (FileExistsError, NotADirectoryError) as error:
      raise UserError(f"{shown(path)}: not a folder") from error
    except OSError as error:
      raise UserError(f"{shown(path)}: cannot be written to ({error.strerror})") from error

  def claim(self, *names: str) -> None:
    """Raises UserError if one of these files exists and is not as fsim wrote it. Call it before the work too."""
    own = written(self.path)
    for name in names:
      path = self.path / name
      try:
        mode = os.lstat(path).st_mode
      except FileNotFoundError:
        continue
      except OSError as error:  # A name that is too long, for example.
        raise UserError(f"{shown(path)}: {error.strerror}") from error
      if stat.S_ISDIR(mode):
        raise UserError(f"{shown(path)}: a folder, and a file is to be written")
      if not stat.S_ISREG(mode) or (name, _digest(path)) not in own:
        raise UserError(f"{shown(path)}: exists and is not as fsim wrote it; name another place, or remove it")

  def write(self, name: str, data: bytes) -> None:
    """Another process sees the former file or this one, never a part."""
    with self.replacing(name) as draft:
      draft.write_bytes(data)

  def remove(self, name: str) -> None:
    """A former file of this name, which would contradict what is written now. Raises UserError as `claim`."""
    self.claim(name)
    (self.path / name).unlink(missing_ok=True)

  @contextlib.contextmanager
  def replacing(self, name: str) -> Iterator[Path]:
    """A draft to be written, which takes the file's place when the block ends well."""
    self.claim(name)
    with drafted(self.path / name) as draft:
      yield draft
      self._remember(name, _digest(draft))  # First: a kill between the two must not disown the file.

  def below(self, name: str) -> Path:
    """A folder in this one that is fsim's as a whole, for files of `replace`. Raises UserError if it cannot be made."""
    try:
      if (name, FOLDER) not in written(self.path):
        self._remember(name, FOLDER)
      (self.path / name).mkdir(exist_ok=True)
    except OSError as error:
      raise UserError(f"{shown(self.path / name)}: {error.strerror}") from error
    return self.path / name

  def _remember(self, name: str, digest: str) -> None:
    with (self.path / MANIFEST).open("a") as manifest:
      manifest.write(f"\n{json.dumps([name, digest])}\n")  # The first ends a line that a kill has cut.


def written(folder: Path) -> set[tuple[str, str]]:
  """Names with every digest that fsim ever gave them there, or FOLDER; a line cut by a kill says nothing."""
  found = set()
  with contextlib.suppress(Unreadable):
    for line in read_bytes(folder / MANIFEST, MANIFEST_BYTES).splitlines():
      with contextlib.suppress(ValueError, TypeError, RecursionError):
        name, digest = json.loads(line)
        found.add((name, digest))
  return found


def file(path: Path) -> Folder:
  """The folder of one file that is to be written, claimed already."""
  folder = Folder(path.parent)
  folder.claim(path.name)
  return folder


def replace(path: Path, data: bytes) -> None:
  """Writes in one go, whatever is there: for files of folders that are fsim's own. Raises UserError if it cannot."""
  with drafted(path) as draft:
    draft.write_bytes(data)


@contextlib.contextmanager
def drafted(path: Path) -> Iterator[Path]:
  """A draft beside a file, which takes its place when the block ends well. Raises UserError if it cannot."""
  draft = path.with_name(f".{_short(path.name)}.{secrets.token_hex(4)}.draft")  # Two machines may have one process id.
  try:
    yield draft
    os.replace(draft, path)
  except OSError as error:
    raise UserError(f"{shown(path)}: {error.strerror or error}") from error  # A full disk names no file.
  finally:
    draft.unlink(missing_ok=True)


def make_writable(folder: Path) -> None:
  """Raises OSError if it cannot be made or written to."""
  folder.mkdir(parents=True, exist_ok=True)
  with tempfile.TemporaryFile(dir=folder):
    pass


def _short(name: str) -> str:
  """In its place: a name may be as long as the system allows, so that nothing can be added to it."""
  return hashlib.sha256(os.fsencode(name)).hexdigest()[:16]


def _digest(path: Path) -> str:
  with path.open("rb") as data:
    return hashlib.file_digest(data, "sha256").hexdigest()
