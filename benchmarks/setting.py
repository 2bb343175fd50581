"""What both sides of a comparison must agree on."""

from typing import NamedTuple


class Setting(NamedTuple):
  """One net, its batch, and the optimiser of phase A (Bennabhaktula et al. 2020).

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
