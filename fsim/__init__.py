"""fsim: do these photographs come from the same camera?

fsim.load(run): what a finished run answers with. fsim.weights.load(name): what came with fsim answers with.
fsim.prnu: camera fingerprints, without training. docs/notebook.md.
"""

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
  from fsim import prnu as prnu
  from fsim import weights as weights
  from fsim.systems.device.predictor import DevicePredictor
  from fsim.systems.model.predictor import SimilarityPredictor
  from fsim.systems.patch.predictor import ModelPredictor

__version__ = "0.1.0"
__all__ = ["__version__", "load", "prnu", "weights"]


def load(run: str | os.PathLike[str]) -> "DevicePredictor | SimilarityPredictor | ModelPredictor":
  """The predictor of a finished run by its folder: of the system device, model or patch.

  Raises UserError (a ValueError) for everything else, in one line that names the cause.
  """
  return importlib.import_module("fsim.systems.finished").predictor(run)


def __getattr__(name: str) -> Any:
  """What costs time to import, when it is first asked for."""
  if name in ("prnu", "weights"):
    return importlib.import_module(f"fsim.{name}")
  raise AttributeError(f"module 'fsim' has no attribute {name!r}")


def __dir__() -> list[str]:
  return sorted({*globals(), *__all__})
