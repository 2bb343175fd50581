"""Finished runs of any system: their page written anew, their measures."""

import os
from pathlib import Path
from typing import Any

from fsim import run
from fsim.boundary import inputs
from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.data import walk
from fsim.report import page
from fsim.systems import SYSTEMS, System, system


def rebuild(workdir: Path) -> Path:
  """The page, for any folder. Raises UserError if it is no finished run, or if a file is not as the run wrote it."""
  return page.build(workdir, _known(workdir, run.require_finished(workdir)).sections)


def _known(folder: Path, name: Any) -> System:
  """name: it may be anything that JSON has."""
  if name not in list(SYSTEMS):
    raise UserError(f"{shown(folder)}: a run of the system {shown(repr(name))[:60]}, which this fsim does not have")
  return system(name)


def numbers(workdir: Path) -> dict[str, float]:
  """The measures by name, to be set beside those of others. Raises UserError as `rebuild`."""
  return _known(workdir, run.require_finished(workdir)).numbers(workdir)


def predictor(workdir: str | os.PathLike[str]) -> Any:
  """What the run answers with. Raises UserError if it is no finished run, or of a system without a predictor."""
  folder = inputs.expanded(os.fspath(workdir))
  walk.require_folder(folder)
  if not (folder / run.CONFIG).exists():
    raise UserError(f"{shown(folder)}: not a run of fsim: {run.CONFIG} is missing")
  name = inputs.read_json(folder / run.CONFIG, "system")["system"]
  of_run = _known(folder, name).predictor
  if of_run is None:
    raise UserError(f"{shown(folder)}: a run of the system {name} measures how well it works, and keeps no predictor")
  return of_run(folder)
