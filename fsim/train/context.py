"""Where a run takes place: what every phase and every use of its networks needs beside data and settings of its own."""

from pathlib import Path
from typing import NamedTuple

from ml_collections import ConfigDict

from fsim.data.loader import Reading
from fsim.train import mesh
from fsim.train.mesh import Layout
from fsim.train.metrics import MetricWriter


class Context(NamedTuple):
  """One to a run.

  workdir: its folder. layout: of arrays on devices. writer: of metrics.jsonl. seed: of all that is random. reading: how
  batches are made ready. save_every: steps between checkpoints inside an epoch.
  """

  workdir: Path
  layout: Layout
  writer: MetricWriter
  seed: int
  reading: Reading
  save_every: int


def of(config: ConfigDict, workdir: Path, writer: MetricWriter) -> Context:
  """By the fields of `base` in configs/common.py."""
  return Context(workdir, mesh.layout(), writer, config.seed, Reading(**config.reading), config.save_every)
