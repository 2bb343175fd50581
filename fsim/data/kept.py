"""What is worth computing once for all runs: folders named after what they were made of."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fsim.boundary.lock import alone


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
      except BaseException as error:
        shutil.rmtree(draft)  # It cannot be gone on with, and takes room.
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
          raise OSError(f"{home} is full: make room, or name another place by data.folder") from error
        raise
      (draft / "choice.json").write_text(json.dumps(about, indent=1))
      os.replace(draft, folder)
  return folder
