"""Finished runs of any system: their page written anew, their measures."""

from pathlib import Path

from fsim import run
from fsim.report import page
from fsim.systems import system


def rebuild(workdir: Path) -> Path:
  """The page, for any folder. Raises UserError if it is no finished run, or if a file is not as the run wrote it."""
  return page.build(workdir, system(run.require_finished(workdir)).sections)


def numbers(workdir: Path) -> dict[str, float]:
  """The measures by name, to be set beside those of others. Raises UserError as `rebuild`."""
  return system(run.require_finished(workdir)).numbers(workdir)
