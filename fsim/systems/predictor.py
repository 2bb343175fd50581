"""What a finished run can answer with, read from its folder: from anybody, and checked before it is used."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import Float

from fsim.boundary import arrays, inputs
from fsim.boundary.errors import UserError
from fsim.boundary.inputs import Unreadable
from fsim.boundary.text import shown
from fsim.data import walk

Predictor = TypeVar("Predictor")
DTYPES = ("float32", "bfloat16")  # Of networks' arithmetic.


def of_run(run: Path, system: str, name: str, load: Callable[[Path], Predictor]) -> Predictor:
  """What `load` reads from the folder `name` of a run. Raises UserError for everything that is no such run."""
  walk.require_folder(run)
  try:
    if not (run / name).is_dir():
      raise Unreadable(run / name, "missing")
    return load(run / name)
  except Unreadable as error:
    file = name if error.path == run / name else f"{name}/{error.path.name}"
    cause = f"{file}: {error.cause}" if (run / name).is_dir() else _why_not(run, system, name)
    raise UserError(f"{shown(run)}: no finished run of the system {system}: {cause}") from error


def _why_not(run: Path, system: str, name: str) -> str:
  """Why a folder holds no predictor."""
  if not (run / "config.json").exists():
    return f"the folder {name} is missing"
  found = inputs.read_json(run / "config.json", "system")["system"]
  return f"it is not finished, the folder {name} is missing" if found == system else f"it is one of {found!r:.40}"


def require_sane(*values: Float[np.ndarray, "..."]) -> None:
  """Raises UserError where networks give what is no ground for a statement: NaN, infinities, numbers beyond measure."""
  if not all(map(arrays.is_sane, values)):
    raise UserError("the networks of the run give numbers that are not finite; nothing can be said with them")
