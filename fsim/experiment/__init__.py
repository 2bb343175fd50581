"""The systems, each as its method section: the phases of a run in order."""

from collections.abc import Callable
from pathlib import Path

from ml_collections import ConfigDict

from fsim.experiment import device, mobile, model, patch, prnu

SYSTEMS: dict[str, Callable[[ConfigDict, Path], Path]] = {
  "device": device.experiment,
  "mobile": mobile.experiment,
  "model": model.experiment,
  "patch": patch.experiment,
  "prnu": prnu.experiment,
}
