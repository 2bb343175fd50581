"""Locks between processes; the system lifts those of a process that dies."""

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from fsim.boundary.errors import UserError
from fsim.boundary.text import shown

NAME = "lock"  # Of an empty file that stays; nothing is written into one that is there.


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
  """One process at a time in a folder, which is made; the others wait."""
  folder.mkdir(parents=True, exist_ok=True)
  with _opened(folder / NAME) as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    yield


@contextlib.contextmanager
def only_one(folder: Path, doing: str) -> Iterator[None]:
  """As `alone`, but raises UserError at once where another process is there. `doing` ends the sentence."""
  folder.mkdir(parents=True, exist_ok=True)
  with _opened(folder / NAME) as file:
    try:
      fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
      raise UserError(f"{shown(folder)}: another process is {doing} there; wait, or name another folder") from error
    yield


def _opened(path: Path) -> IO:
  """Raises UserError for what is no file, for which nobody waits: a folder, a pipe."""
  try:  # For reading too: a pipe opens so, whether anybody reads it or not.
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK, 0o666), "w")
  except PermissionError:
    raise
  except OSError as error:
    raise UserError(f"{shown(path)}: {error.strerror}") from error
  if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
    file.close()
    raise UserError(f"{shown(path)}: not a regular file")
  return file
