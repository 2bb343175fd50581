"""What JAX has compiled for one command is kept for the next ones of the same user, in the user's cache folder.

Compiling is most of what short commands wait for. The folder is limited in size (the least recently used goes first)
and locked, so that commands may share it. Code for a processor runs on its like only, and a home may be shared by
different machines: each kind of processor has a folder of its own.
"""

import contextlib
import hashlib
import os
import platform
import sys
import time
from pathlib import Path

MAX_SIZE = 1 << 28  # Bytes.
VARIABLE, LIMIT = "JAX_COMPILATION_CACHE_DIR", "JAX_COMPILATION_CACHE_MAX_SIZE"
WRITING = 60  # Seconds for which an entry may be without the second file: a command is writing both.
ENTRY, USED = "-cache", "-atime"  # Ends of JAX's names of files.
SETTINGS = {  # JAX would keep only what takes a second to compile.
  LIMIT: str(MAX_SIZE),
  "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
  "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}


def keep() -> None:
  """Call it before JAX is imported. Who has named a folder in JAX's own variable, be it an empty one, is left alone.

  Where the folder cannot be made or written to, nothing is kept, and nothing is said: it is only slower.
  """
  place = caches()
  if VARIABLE in os.environ or place is None:
    return
  folder = place / "fsim" / "compiled" / processor()
  if not _usable(folder):
    return
  with contextlib.suppress(OSError):  # Another command was quicker.
    _drop_unfinished(folder)
  os.environ[VARIABLE] = str(folder)
  for name, value in SETTINGS.items():
    os.environ.setdefault(name, value)


def caches() -> Path | None:
  """Where the system keeps what programs can make again; None for a user who has no home, as in some containers."""
  try:
    if sys.platform == "darwin":
      return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
  except RuntimeError:
    return None


def processor() -> str:
  """A short name of this machine's kind of processor: its model and what it can do."""
  try:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
  except OSError:
    lines = []
  told = sorted({line for line in lines if line.startswith(("model name", "flags", "Features", "CPU part"))})
  return hashlib.sha256("\n".join([platform.machine(), platform.processor(), *told]).encode()).hexdigest()[:16]


def _drop_unfinished(folder: Path) -> None:
  """What a command that was killed left of an entry: JAX would complain of it each time, and never make it anew.

  JAX notes when an entry was used in a second file, which it writes after the entry.
  """
  if os.environ.get(LIMIT) == "-1":  # Then JAX notes nothing.
    return
  names = set(os.listdir(folder))
  for name in names:
    is_alone = name.endswith(ENTRY) and name.removesuffix(ENTRY) + USED not in names
    if is_alone and time.time() - (folder / name).stat().st_mtime > WRITING:
      (folder / name).unlink(missing_ok=True)


def _usable(folder: Path) -> bool:
  try:
    folder.mkdir(parents=True, exist_ok=True)
  except OSError:
    return False
  return os.access(folder, os.R_OK | os.W_OK | os.X_OK)
