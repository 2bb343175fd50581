"""Patches on the JPEG grid of an image, and what they say of its pixels.

Shapes: n patches, h w pixels.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from fsim.data.markers import JPEG_GRID

MOST = 4000  # Patches up to which the stride is half a patch by default; memory grows with their square.


class NoStatement(ValueError):
  """An image of which nothing can be said; the message gives the cause."""


def usual_stride(h: int, w: int, size: int) -> int:
  """Half a patch, or the next multiple of 8 that gives at most MOST patches."""
  stride = max(JPEG_GRID, size // 2 // JPEG_GRID * JPEG_GRID)
  while stride < size and ((h - size) // stride + 2) * ((w - size) // stride + 2) > MOST:
    stride += JPEG_GRID
  return stride


def fits(stride: int, size: int) -> bool:
  """Whether patches that far apart lie on the JPEG grid and leave no gaps."""
  return stride % JPEG_GRID == 0 and 0 < stride <= size


def grid(h: int, w: int, size: int, stride: int) -> Int[np.ndarray, "n 2"]:
  """Tops and lefts on the JPEG grid, in reading order; a last row and column close up to the border.

  Raises NoStatement if no patch fits, ValueError for a stride off the grid or with gaps between patches.
  """
  if not fits(stride, size):
    raise ValueError(f"the stride must be a multiple of {JPEG_GRID} up to the patch size {size}, got {stride}")
  if min(h, w) < size:
    raise NoStatement(f"{w}x{h} pixels, in which no patch of {size}x{size} fits")
  lasts = ((side - size) // JPEG_GRID * JPEG_GRID for side in (h, w))
  tops, lefts = (np.union1d(np.arange(0, last + 1, stride), [last]) for last in lasts)
  return np.stack(np.meshgrid(tops, lefts, indexing="ij"), -1).reshape(-1, 2)


def nearest(places: Int[np.ndarray, "n 2"], size: int, usable: Bool[np.ndarray, " n"], point: tuple[int, int]) -> int:
  """Number of the patch that holds the pixel (x, y) nearest its centre, of those that are usable.

  Raises NoStatement if there is none.
  """
  inside = np.array(point[::-1]) - places
  holds = usable & ((inside >= 0) & (inside < size)).all(1)
  if not holds.any():
    raise NoStatement(f"no patch with texture enough holds the reference {point[0]},{point[1]}")
  return int(np.where(holds, np.hypot(*(inside - size / 2).T), np.inf).argmin())


def over_pixels(
  values: Float[np.ndarray, " n"], places: Int[np.ndarray, "n 2"], size: int, shape: tuple[int, int]
) -> Float[np.ndarray, "h w"]:
  """Of each pixel the mean over the patches on it; nan where fewer than half of them (or none) say something."""
  total, said, laid = (np.zeros(shape, np.float32) for _ in range(3))
  for value, (top, left) in zip(values, places, strict=True):
    area = slice(top, top + size), slice(left, left + size)
    laid[area] += 1
    if not np.isnan(value):
      total[area] += value
      said[area] += 1
  return np.where((said > 0) & (2 * said >= laid), total / np.maximum(said, 1), np.float32(np.nan))
