"""What is worth computing once for all runs: folders named after what they were made of."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fsim.data.source import alone

SPARE = 2**28  # Bytes of a disk that are left alone.


def once(home: Path, said: tuple, about: dict[str, Any], fill: Callable[[Path], None]) -> Path:
  """The folder below `home` for what `said` names, which `fill` makes on first use; `about` lies in it as choice.json.

  It gets its name when it is complete, so what an interrupted call leaves is never taken for whole.
  """
  folder = home / hashlib.sha256(repr(said).encode()).hexdigest()[:20]
  with alone(home / f"{folder.name}.lock"):
    if not folder.exists():
      draft = folder.with_name(f"{folder.name}.incomplete")
      shutil.rmtree(draft, ignore_errors=True)
      draft.mkdir(parents=True)
      try:
        fill(draft)
      except BaseException:
        shutil.rmtree(draft)  # It cannot be gone on with, and takes room.
        raise
      (draft / "choice.json").write_text(json.dumps(about, indent=1))
      os.replace(draft, folder)
  return folder


def array(path: Path, shape: tuple[int, ...], dtype: type) -> np.memmap:
  """A file of zeros for `fill` to write into; what is not written takes no room on most disks."""
  return np.lib.format.open_memmap(path, mode="w+", dtype=dtype, shape=shape)


def write(into: np.memmap, place: Any, values: np.ndarray) -> None:
  """into[place] = values, or OSError where the disk is full: a mapped file would end the process without a word."""
  folder = Path(into.filename).parent
  if shutil.disk_usage(folder).free < SPARE + values.nbytes:
    raise OSError(f"{folder.parent} is full: make room, or name another place by data.folder")
  into[place] = values
