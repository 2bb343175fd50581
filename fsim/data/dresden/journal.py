"""What is remembered of verified files from one command to the next, by their SHA-256: none is decoded twice.

Names, sizes and times do not count: a disk that decays and a copy that is put back leave them as they are. To hash a
file takes a fourteenth of the time that decoding it and hashing its pixels take (12 megapixels, 4.9 MB: 13 and 181 ms).
"""

import json
import os
from pathlib import Path
from typing import NamedTuple

from fsim.boundary import console
from fsim.boundary.inputs import Unreadable, read_bytes
from fsim.boundary.text import shown

# Of the rules by which files are judged, and of what a line holds; other numbers are not believed.
VERSION = 3
MAX_BYTES = 1 << 28


class Verdict(NamedTuple):
  sha256: str
  content: str  # SHA-256 of the pixels, "" if there are none.
  width: int
  height: int
  cause: str  # Why the file cannot be used, "" if it can.


class Journal:
  """A file of one line a verdict, or no file: a folder that cannot be written to only costs the memory.

  Lines are added in one go each, so several processes may do so, and a kill cuts none but the last.
  """

  def __init__(self, path: Path | None):
    self.known: dict[str, Verdict] = {}  # By SHA-256 of the file.
    self._descriptor, self._path = None, path
    if path is None:
      return
    try:
      path.parent.mkdir(parents=True, exist_ok=True)
      self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
      self.known = _verdicts(read_bytes(path, MAX_BYTES))
    except (OSError, Unreadable) as error:
      self._forget(getattr(error, "strerror", None) or str(error))

  @property
  def is_kept(self) -> bool:
    return self._descriptor is not None

  def add(self, verdict: Verdict) -> None:
    self.known[verdict.sha256] = verdict
    if self._descriptor is None:
      return
    # The line's end comes first, or a line that a kill or a full disk cut would spoil this one too.
    line = f"\n{json.dumps(verdict)}".encode()
    try:
      written = os.write(self._descriptor, line)
    except OSError as error:
      self._forget(error.strerror)
    else:
      if written < len(line):
        self._forget("no room left")

  def close(self) -> None:
    if self._descriptor is not None:
      os.close(self._descriptor)
      self._descriptor = None

  def _forget(self, cause: str) -> None:
    self.close()
    folder = shown(self._path.parent)
    console.note(f"verified files are not remembered in {folder}: {cause} (TFDS_DATA_DIR names another place)")


def _verdicts(data: bytes) -> dict[str, Verdict]:
  """What the lines say; one that a kill has cut, or that anybody else wrote, says nothing."""
  found = {}
  for line in data.decode(errors="replace").split("\n"):
    try:
      sha256, content, width, height, cause = json.loads(line)
    except (ValueError, TypeError, RecursionError):
      continue
    verdict = Verdict(sha256, content, width, height, cause)
    if all(type(value) is kind for value, kind in zip(verdict, Verdict.__annotations__.values(), strict=True)):
      found[sha256] = verdict
  return found
