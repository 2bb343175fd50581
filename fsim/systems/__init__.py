"""The systems: one folder a paper, and one line here.

A folder has run.py (`experiment`, the method section: the phases of a run in order), report.py (`sections`, what its
results look like, and `numbers`, its measures by name) and, where a run answers about images that it has not seen,
predictor.py (`of_run`). No system imports another.
"""

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ml_collections import ConfigDict

# Name in a configuration -> package.
SYSTEMS: dict[str, str] = {
  "device": "fsim.systems.device",
  "mobile": "fsim.systems.mobile",
  "model": "fsim.systems.model",
  "patch": "fsim.systems.patch",
  "prnu": "fsim.systems.prnu",
}


class System(NamedTuple):
  """What a system can do.

  run: trains, or goes on, and evaluates; returns the page of the report. sections: (run folder, settings) -> summary
  and parts of the page. numbers: run folder -> its measures. predictor: folder of a finished run -> what it answers
  with; None where there is no such thing.
  """

  run: Callable[[ConfigDict, Path], Path]
  sections: Callable[[Path, dict[str, Any]], tuple[str, list]]
  numbers: Callable[[Path], dict[str, float]]
  predictor: Callable[[Path], Any] | None


def system(name: str) -> System:
  """Imports no other system. Raises KeyError for a name that is not in SYSTEMS."""
  run, report = (importlib.import_module(f"{SYSTEMS[name]}.{part}") for part in ("run", "report"))
  answers = f"{SYSTEMS[name]}.predictor"
  predictor = importlib.import_module(answers).of_run if importlib.util.find_spec(answers) else None
  return System(run.experiment, report.sections, report.numbers, predictor)
