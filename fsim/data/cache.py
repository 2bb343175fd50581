"""What is worth computing once for all runs: where it lies, and folders named after what they were made of."""

import contextlib
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tensorflow_datasets.core.constants import get_default_data_dir

from fsim.boundary import outputs
from fsim.boundary.errors import UserError
from fsim.boundary.lock import alone
from fsim.boundary.text import shown

ELSEWHERE = "name another place by TFDS_DATA_DIR or data.folder"
USUAL = "~/tensorflow_datasets"  # Where TFDS_DATA_DIR is empty: no place, not the working folder.
DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)
# Of a disk without room. Libraries that write by themselves give no number, only the system's words.
WORDS = tuple(map(os.strerror, (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)))


def home(folder: str | Path | None) -> Path:
  """Where prepared data are kept: this folder, or the one that TensorFlow Datasets keeps its own in.

  Raises UserError where the system has no home for this user, and no other place is named.
  """
  try:
    place = Path(folder or get_default_data_dir() or USUAL).expanduser()
  except RuntimeError as error:
    raise UserError(f"this user has no home folder to keep prepared data in: {ELSEWHERE}") from error
  return place


@contextlib.contextmanager
def writing(place: Path) -> Iterator[None]:
  """Around what fills a folder below `place`, which is tried first: its faults become one UserError that names it."""
  try:
    outputs.make_writable(place)
  except OSError as error:
    raise UserError(f"{shown(place)}: cannot be written to ({error.strerror}); {ELSEWHERE}") from error
  try:
    yield
  except (OSError, RuntimeError, UserError) as error:
    if said := next((words for words in WORDS if words in str(error)), None):
      raise UserError(f"{shown(place)} is full ({said}): make room, or {ELSEWHERE}") from error
    if isinstance(error, OSError) and error.errno in DENIED and Path(str(error.filename)).is_relative_to(place):
      raise UserError(f"{shown(error.filename)}: cannot be written to ({error.strerror}); {ELSEWHERE}") from error
    raise


def get_or_build(home: Path, said: tuple, about: dict[str, Any], fill: Callable[[Path], None]) -> Path:
  """The folder below `home` for what `said` names, which `fill` makes on first use; `about` lies in it as choice.json.

  It gets its name when it is complete, so what an interrupted call leaves is never taken for whole. Raises UserError
  where `home` is full or cannot be written to.
  """
  folder = home / hashlib.sha256(repr(said).encode()).hexdigest()[:20]
  if folder.exists():  # Whoever made it: it is only read.
    return folder
  with writing(home), alone(home / f"{folder.name}.lock"):
    if not folder.exists():
      draft = folder.with_name(f"{folder.name}.incomplete")
      shutil.rmtree(draft, ignore_errors=True)
      draft.mkdir(parents=True)
      try:
        fill(draft)
        (draft / "choice.json").write_text(json.dumps(about, indent=1))
        os.replace(draft, folder)
      except BaseException:
        shutil.rmtree(draft, ignore_errors=True)  # It cannot be gone on with, and takes room.
        raise
  return folder
