"""The correlation of two patterns around a shift, for a picture of the peak.

Shapes: h w and i j pixels of the patterns, s shifts a side.
"""

from typing import NamedTuple

import numpy as np
import scipy.fft
from jaxtyping import Float

from fsim.prnu.matching import WINDOW

REACH = 24  # Shifts to each side that are shown.


class Surface(NamedTuple):
  """z: signed, so that the square at the peak is its PCE. rows, columns: the shifts of its first value."""

  z: Float[np.ndarray, "s s"]
  row: int
  column: int


def of(a: Float[np.ndarray, "h w"], b: Float[np.ndarray, "i j"], shift: tuple[int, int]) -> Surface:
  """Around the shift at which `a` lies in `b`, or, if it is the larger, `b` in `a` with the shift negative."""
  larger_first = a.shape[0] > b.shape[0] or a.shape[1] > b.shape[1]
  small, large = (b, a) if larger_first else (a, b)
  row, column = (-shift[0], -shift[1]) if larger_first else shift
  size = large.shape
  small, large = (x - x.mean() for x in (small, large))
  spectrum = np.conj(scipy.fft.rfft2(small, size)) * scipy.fft.rfft2(large)
  found = scipy.fft.irfft2(spectrum, size)
  around = lambda centre, reach, n: (np.arange(-reach, reach + 1) + centre) % n  # noqa: E731
  window = found[np.ix_(around(row, WINDOW // 2, size[0]), around(column, WINDOW // 2, size[1]))]
  energy = ((found**2).sum() - (window**2).sum()) / (found.size - window.size)
  reach = min(REACH, (min(size) - 1) // 2)
  shown = found[np.ix_(around(row, reach, size[0]), around(column, reach, size[1]))] / np.sqrt(energy)
  return Surface(shown.astype(np.float32), row - reach, column - reach)
