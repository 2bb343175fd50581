"""How long, how fast and on what batches a phase trains."""

from typing import NamedTuple

from ml_collections import ConfigDict


class Schedule(NamedTuple):
  """The fields of a `phase` in configs/common.py; the last two are those of a `classifier`.

  batch: global. halve_lr_every: epochs, 0 for a learning rate that stays. balanced: see `loader.is_balanced`.
  precise_bn_batches: 0 for a network without BatchNorm.
  """

  batch: int
  epochs: int
  optimiser: str
  learning_rate: float
  momentum: float
  decay: float
  halve_lr_every: int
  balanced: str = "off"
  precise_bn_batches: int = 0


def of(section: ConfigDict) -> Schedule:
  """Of a section of a configuration, which may have fields of its network too."""
  return Schedule(**{name: section[name] for name in Schedule._fields if name in section})
