"""How the experiment of every system begins, whoever calls it: a command, a script, a notebook."""

import contextlib
import functools
import multiprocessing
from collections.abc import Callable
from pathlib import Path

import jax
from absl import flags
from ml_collections import ConfigDict

from fsim import run
from fsim.boundary import console
from fsim.systems import settings
from fsim.train import context
from fsim.train.context import Context
from fsim.train.metrics import MetricWriter

Method = Callable[[ConfigDict, Context], Path]  # The phases of a system's run in order.
Experiment = Callable[[ConfigDict, Path], Path]  # Begun by anybody: (settings, run folder) -> page of the report.


def entrance(method: Method) -> Experiment:
  """Settings are checked, the run folder is this run's alone, and an interruption says that the run can go on."""

  @functools.wraps(method)
  def begun(config: ConfigDict, workdir: Path) -> Path:
    require_guard()
    config = settings.checked(config)
    flags.FLAGS.mark_as_parsed()  # Grain's worker processes ask for them; fsim has none.
    with console.resumable(), run.opened(workdir, config), contextlib.closing(MetricWriter(workdir)) as writer:
      page = method(config, context.of(config, workdir, writer))
      if jax.process_index() == 0:
        run.seal(workdir)
      return page

  return begun


def require_guard() -> None:
  """Raises RuntimeError in a worker process that is about to run the script which started it once more.

  Worker processes import the main script; without a guard, each would begin the whole experiment and wait for the
  first one's locks, for ever.
  """
  if getattr(multiprocessing.current_process(), "_inheriting", False):
    raise RuntimeError('a script that calls an experiment must do it under `if __name__ == "__main__":`')
