"""Files from anybody, read with limits: regular files of a sane size, and never more of them than asked for."""

import contextlib
import errno
import hashlib
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from fsim.boundary.errors import UserError
from fsim.boundary.text import shown

CHANGED = "changed while it was read"
LONGEST = 300  # Letters of a cause, which may quote what a file holds.


class Unreadable(UserError):
  """A file that cannot be used; `cause` says why, the message names the file too."""

  def __init__(self, path: Path, cause: str):
    self.path, self.cause = path, shown(cause)[:LONGEST]
    super().__init__(f"{shown(path)}: {self.cause}")


class Changed(Unreadable):
  """A file that is not what it was when it was read first."""

  def __init__(self, path: Path):
    super().__init__(path, CHANGED)


def expanded(place: str | Path) -> Path:
  """A path as users write it: shells leave the ~ of --out=~/maps to the program."""
  return Path(os.path.expanduser(place))  # Which leaves the home of nobody as it is: a name that begins with ~.


def resolved(path: Path) -> Path:
  """Where it is, through all links. `Path.resolve` raises RuntimeError for a link that leads to itself."""
  return Path(os.path.realpath(path))


def read_bytes(path: Path, limit: int) -> bytes:
  """The whole file. Raises Unreadable for pipes and devices, which could keep us for ever, and above `limit` bytes."""
  with _opened(path, limit) as (file, size):
    return file.read(size)


def sha256(path: Path, limit: int) -> tuple[str, int]:
  """Of a file, hexadecimal, and its size in bytes, without holding it. Raises Unreadable as `read_bytes`."""
  with _opened(path, limit) as (file, size):
    return hashlib.file_digest(file, "sha256").hexdigest(), size


@contextlib.contextmanager
def _opened(path: Path, limit: int) -> Iterator[tuple[BinaryIO, int]]:
  try:
    # Without waiting for somebody to write into a pipe.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
  except ValueError as error:  # Python versions word it differently.
    raise Unreadable(path, "a zero byte in its name") from error
  except OSError as error:
    cause = "not a regular file" if error.errno == errno.ENXIO else None  # A socket.
    raise Unreadable(path, cause or error.strerror or "cannot be read") from error
  try:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
      raise Unreadable(path, "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file")
    if status.st_size > limit:
      raise Unreadable(path, f"larger than {limit / 1e6:,.0f} MB")
    with open(descriptor, "rb", closefd=False) as file:
      yield file, status.st_size
  except OSError as error:
    raise Unreadable(path, error.strerror or "cannot be read") from error
  finally:
    os.close(descriptor)


def read_json(path: Path, *names: str, limit: int = 1 << 24) -> dict[str, Any]:
  """An object that has these fields. Raises Unreadable for anything else, and for numbers that JSON does not have."""
  try:
    value = json.loads(read_bytes(path, limit), parse_constant=_refuse_constant)
  except (ValueError, RecursionError) as error:
    if isinstance(error, Unreadable):
      raise
    raise Unreadable(path, "not JSON" if isinstance(error, RecursionError) else f"not JSON ({error})") from error
  if not isinstance(value, dict):
    raise Unreadable(path, "not a JSON object")
  missing = [name for name in names if name not in value]
  if missing:
    raise Unreadable(path, f"the field {missing[0]!r} is missing")
  return value


def _refuse_constant(name: str) -> None:
  raise ValueError(f"{name} is no number of JSON")
