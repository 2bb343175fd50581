"""Where a phase of a test takes place."""

from pathlib import Path

from fsim.data.loader import Reading
from fsim.train import mesh
from fsim.train.context import Context
from fsim.train.metrics import MetricWriter


def made(workdir: Path, writer: MetricWriter | None = None, **changes) -> Context:
  """Without a writer it is for phases that are only looked at."""
  return Context(workdir, mesh.layout(), writer, seed=0, reading=Reading(1, 0), save_every=2)._replace(**changes)
