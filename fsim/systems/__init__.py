"""The systems: one folder a paper, and one line here.

A folder has run.py (`experiment`, the method section: the phases of a run in order) and report.py (`sections`, what its
results look like, and `numbers`, its measures by name). No system imports another.
"""

import importlib
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
  and parts of the page. numbers: run folder -> its measures.
  """

  run: Callable[[ConfigDict, Path], Path]
  sections: Callable[[Path, dict[str, Any]], tuple[str, list]]
  numbers: Callable[[Path], dict[str, float]]


def system(name: str) -> System:
  """Imports no other system. Raises KeyError for a name that is not in SYSTEMS."""
  run, report = (importlib.import_module(f"{SYSTEMS[name]}.{part}") for part in ("run", "report"))
  return System(run.experiment, report.sections, report.numbers)
