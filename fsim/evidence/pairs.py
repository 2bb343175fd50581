"""The ratio of every two of many photographs, from tables: millions of pairs in seconds.

Of two single photographs it depends on two numbers alone, z and the z that could be expected of them.

Shapes: n photographs, e expected z, g values of z.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32

from fsim.evidence import calibration as calibrated
from fsim.evidence.calibration import GRID, Calibration
from fsim.evidence.expected import Predictor
from fsim.evidence.quality import Quality

STEP = 0.05  # Of the logarithm of the expected z, in a table.
WEAKEST, STRONGEST = -8.0, 6.0  # Logarithms of the expected z between which a table is made; beyond it stays.


class Table(NamedTuple):
  """Log of a ratio at WEAKEST + k STEP (rows) and GRID (columns), without bounds; linear between them."""

  values: Float[np.ndarray, "e g"]

  def at(self, log_z: Float[np.ndarray, "*n"], z: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    rows, columns = self.values.shape
    row = np.clip((log_z - WEAKEST) / STEP, 0, rows - 1.001)
    z = np.clip(z, GRID[0], GRID[-1])
    column = np.clip(np.searchsorted(GRID, z, side="right") - 1, 0, columns - 2)
    low, share = row.astype(int), row - row.astype(int)
    along = (z - GRID[column]) / (GRID[column + 1] - GRID[column])
    below, above = ((1 - along) * self.values[k, column] + along * self.values[k, column + 1] for k in (low, low + 1))
    return (1 - share) * below + share * above

  def least(self, ratio: float) -> float:
    """z below which no ratio is so large, whatever the expected z."""
    (reached,) = np.nonzero((self.values >= ratio).any(0))
    if not len(reached):
      return math.inf
    return float(GRID[reached[0] - 1]) if reached[0] else -math.inf


class Ratios(NamedTuple):
  """log10 of the ratios of all pairs, made when they are asked for: of many photographs they would fill the memory.

  bounds: natural logarithms within which they stay. strength: as of `strengths`. z: NaN where nothing is compared.
  """

  table: Table
  bounds: tuple[float, float]
  strength: Float[np.ndarray, " n"]
  z: Float[np.ndarray, "n n"]

  def of(self, rows: Sequence[int]) -> Float32[np.ndarray, "m n"]:
    """Of these photographs with all; NaN where z is."""
    found = np.empty((len(rows), len(self.z)), np.float32)
    for row, k in zip(found, rows, strict=True):
      log_z = np.log(self.strength[k] * self.strength)
      row[:] = np.clip(self.table.at(log_z, self.z[k].astype(np.float64)), *self.bounds) / math.log(10)
    return found


def tables(calibration: Calibration) -> dict[str, Table]:
  """Of each hypothesis that the calibration's data have pairs of."""
  log_z = np.arange(WEAKEST, STRONGEST + STEP / 2, STEP)
  return {name: Table(calibrated.of_singles(calibration, log_z, name)) for name in calibration.lines}


def smaller(found: Mapping[str, Table]) -> Table:
  """Of the ratios against all hypotheses: for who does not know which one is in question."""
  return Table(np.min([table.values for table in found.values()], axis=0))


def strengths(predictor: Predictor, qualities: Sequence[Quality]) -> Float[np.ndarray, " n"]:
  """So that the product of two is the z that a camera of middle strength would show with these two photographs."""
  features = np.stack([quality.features() for quality in qualities])
  log_root = 0.5 * np.log(np.clip([quality.pixels for quality in qualities], *predictor.pixels))
  return np.exp(predictor.log_s(features) + (log_root + predictor.single) / 2)
