"""How patterns vary with the place in the JPEG block, and by how much wider two then correlate in step.

What decoded photographs hold, and the mosaic, make the autocovariance of a pattern depend on the place in the block of
8x8 pixels (docs/prnu.md). Over all shifts by whole blocks, the mean square of the correlation of two unrelated patterns
is that over all shifts, and the mean over places and lags of the product of what both autocovariances have at this
place more than on average. `matching.widening` measures the same of one pair.

Shapes: h w pixels, i j pixels of whole blocks, p numbers about a pattern.
"""

import numpy as np
from jaxtyping import Float, Float32, Int8

from fsim.data.markers import JPEG_GRID

LAGS = [(row, column) for row in range(4) for column in range(-3, 4) if (row, column) >= (0, 0)]  # Half of them.
NUMBERS = len(LAGS) * JPEG_GRID**2


def variation(pattern: Int8[np.ndarray, "h w"]) -> Float[np.ndarray, " p"]:
  """Two patterns' products are by how much their correlations are wider in step; p is NUMBERS."""
  height, width = (n // JPEG_GRID * JPEG_GRID for n in pattern.shape)
  whole = pattern[:height, :width].astype(np.float32)
  found = np.empty((len(LAGS), JPEG_GRID**2))
  for own, (row, column) in zip(found, LAGS, strict=True):
    own[:] = _by_place(whole * np.roll(whole, (-row, -column), (0, 1)))
  found -= found.mean(1, keepdims=True)
  found[1:] *= np.sqrt(2)  # Each lag but none stands for its opposite as well.
  return found.ravel() * np.sqrt(pattern.size) / JPEG_GRID


def _by_place(products: Float32[np.ndarray, "i j"]) -> Float32[np.ndarray, " q"]:
  """Their means over all blocks."""
  rows = products.reshape(-1, JPEG_GRID, products.shape[1]).mean(0)
  return rows.reshape(JPEG_GRID, -1, JPEG_GRID).mean(1).ravel()
