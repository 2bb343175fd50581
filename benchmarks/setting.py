"""What both sides of a comparison must agree on."""

from typing import NamedTuple


class Setting(NamedTuple):
  """One net, its batch, and its published optimiser.

  device: "cpu" or "cuda". matmul: side of the square matrices whose product gives the machine's rate.
  """

  net: str
  size: int
  batch: int
  device: str
  matmul: int
  classes: int
  learning_rate: float
  momentum: float
  decay: float
