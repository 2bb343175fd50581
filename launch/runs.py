"""The runs of a sweep: what each is called, how it is started, and what it left behind."""

import itertools
import json
import sys
from pathlib import Path
from typing import NamedTuple

from fsim.boundary import inputs, outputs, programs
from fsim.boundary.console import INTERRUPTED, STOPPED
from fsim.boundary.errors import UserError
from fsim.boundary.text import shown

DONE = "sweep.json"  # In a run's folder, once it has ended well: the settings that it had.
FAILED = "sweep.failed"  # Why it failed, until it is started again.
LOG = "sweep.log"  # What it printed.
MOST = 10_000  # Runs of a sweep.
REPEATS = ("data.fold", "seed")  # Settings that make the same experiment again, not another one.


class Run(NamedTuple):
  """varied: the settings in which the runs differ. name: of those. settings: all that are not the configuration's."""

  name: str
  folder: Path
  config: str
  varied: dict[str, str]
  settings: dict[str, str]

  def compared(self) -> dict[str, str]:
    """The settings that it shares with its repetitions, and with no others."""
    return {key: value for key, value in self.varied.items() if key not in REPEATS}

  def group(self) -> str:
    return named(self.compared())

  def command(self) -> list[str]:
    settings = [f"--config.{name}={value}" for name, value in self.settings.items()]
    return [sys.executable, "-m", "fsim.main", f"--config={self.config}", *settings, f"--workdir={self.folder}"]

  def finished(self) -> bool:
    """Raises UserError if it finished with other settings."""
    note = self.folder / DONE
    if not note.exists():
      return False
    former = inputs.read_json(note, "config", "settings")
    if former != {"config": self.config, "settings": self.settings}:
      raise UserError(f"{self.folder} finished with other settings, {former}; choose another --workdir")
    return True

  def failure(self) -> str:
    """Why it failed when it last ran, or ""."""
    try:
      return (self.folder / FAILED).read_text()
    except FileNotFoundError:
      return ""

  def begin(self) -> None:
    self.folder.mkdir(parents=True, exist_ok=True)
    (self.folder / FAILED).unlink(missing_ok=True)

  def end(self, code: int) -> None:
    """Notes how it ended, for this and later calls of the sweep."""
    if code == 0:
      outputs.replace(self.folder / DONE, json.dumps({"config": self.config, "settings": self.settings}).encode())
    elif code in (STOPPED, INTERRUPTED):
      outputs.replace(self.folder / FAILED, b"stopped; the same sweep goes on from there")
    else:
      said = (self.folder / LOG).read_text(errors="backslashreplace").strip().splitlines()
      outputs.replace(self.folder / FAILED, f"exit code {code}: {said[-1] if said else 'it said nothing'}".encode())


class Sweep(NamedTuple):
  """All runs of a sweep file. measures: names of those to draw; none: the first few."""

  workdir: Path
  runs: list[Run]
  measures: tuple[str, ...]


def named(settings: dict[str, str]) -> str:
  return ",".join(f"{key}={value}" for key, value in settings.items()).replace("/", "_")


def planned(sweep: Path, workdir: Path, common: dict[str, str]) -> Sweep:
  """Raises UserError for a file that is no sweep, raises, or has too many runs, perhaps without end."""
  file = programs.existing(sweep)
  module = programs.load(file, "CONFIG", "sweep")
  with programs.running(file):
    given = [dict(settings) for settings in itertools.islice(module.sweep(), MOST + 1)]
  if len(given) > MOST:
    raise UserError(f"{shown(file)}: yields more than {MOST:,} runs")
  runs = []
  for settings in given:
    varied = {name: str(value) for name, value in settings.items()}
    runs.append(Run(named(varied), workdir / named(varied), module.CONFIG, varied, varied | common))
  return Sweep(workdir, runs, tuple(getattr(module, "MEASURES", ())))
