"""Patterns in four bits a pixel, which is what a signature can afford to carry: made once, kept on disk, correlated.

The pattern is that of `probe.against_image`, of the central square in landscape. A portrait file was turned one way or
the other, and nothing in it says which: it is turned back one way, and correlated both ways.

Shapes: n m patterns, r rows of a data set, s pixels a side, t = s / 2 bytes a row of pixels, d = s s pixels of a
pattern, h w pixels of an image.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Int8, UInt8
from scipy.special import log_ndtr, ndtri_exp

from fsim.boundary import arrays
from fsim.data import cache
from fsim.data.loader import CentreCrop, centre_crop
from fsim.data.markers import JPEG_GRID
from fsim.data.patches import Stored
from fsim.prnu import patterns, probe
from fsim.prnu.settings import DEFAULT

FORMAT = 3  # Of the folders; one more with every change to what a pattern is.
PIXELS_FILE = "compact.bin"  # One pattern a row of the data set; nothing is written for rows that were not asked for.
STEP, TOP = 0.35, 7  # Standard deviations a level, and levels on either side of 0: for a normal distribution.
FAINTEST = 0.5  # Deviation below which there is no pattern: what rounding leaves of an even image is below .1.
PIXELS = 1 << 25  # Of the patterns that are unpacked at a time.


class Patterns(NamedTuple):
  """Of n photographs; `packed` may be read from a file when it is asked for.

  portrait: which were turned. shift: (rows, columns) by which a square lies off the middle, so that the square of the
  photograph turned by half is this one turned by half and shifted by so much.
  """

  packed: UInt8[np.ndarray, "n s t"]
  portrait: Bool[np.ndarray, " n"]
  shift: Int[np.ndarray, "n 2"]


def pack(found: Float[np.ndarray, "n s s"]) -> UInt8[np.ndarray, "n s t"]:
  """Levels of the values in standard deviations of each pattern, two to a byte."""
  deviation = np.maximum(found.std((1, 2), keepdims=True), 1e-12)
  level = np.clip(np.rint(found / (STEP * deviation)), -TOP, TOP).astype(np.int8) + TOP
  return (level[..., ::2] << 4 | level[..., 1::2]).astype(np.uint8)


def unpack(packed: UInt8[np.ndarray, "n s t"]) -> Int8[np.ndarray, "n s s"]:
  """Levels, -TOP..TOP."""
  both = np.stack([packed >> 4, packed & 15], -1).astype(np.int8) - TOP
  return both.reshape(*packed.shape[:2], -1)


def square(image: UInt8[np.ndarray, "h w 3"], size: int) -> UInt8[np.ndarray, "s s 3"]:
  """The central square of an image in landscape. Raises ValueError if it is smaller."""
  height, width = image.shape[:2]
  return centre_crop(np.rot90(image) if height > width else image, size)


def of(squares: UInt8[np.ndarray, "n s s 3"], at_once: int) -> UInt8[np.ndarray, "n s t"]:
  """Patterns of at most so many squares, for which one program is compiled; all 0 of an even image."""
  found = np.asarray(probe.against_image(arrays.filled(squares, at_once)))[: len(squares)]
  return pack(np.where(found.std((1, 2), keepdims=True) >= FAINTEST, found, 0))  # Of a black one they are no numbers.


def placed(
  packed: UInt8[np.ndarray, "n s t"], widths: Int[np.ndarray, " n"], heights: Int[np.ndarray, " n"]
) -> Patterns:
  """Of photographs of these sizes, as stored."""
  sides = np.stack([np.minimum(heights, widths), np.maximum(heights, widths)], 1)  # Rows and columns in landscape.
  rest = sides - packed.shape[1]
  return Patterns(packed, heights > widths, rest - 2 * (rest // 2 // JPEG_GRID * JPEG_GRID))


def open_compact(
  records: Sequence[bytes], rows: Int[np.ndarray, " r"], data_digest: str, size: int, home: Path
) -> Stored:
  """Row -> its packed pattern. data_digest: of the stored bytes. home: where data sets are kept.

  Rows that were not asked for have no pattern. Raises ValueError for an image smaller than the square.
  """
  said = ("compact", FORMAT, tuple(DEFAULT), STEP, TOP, data_digest, len(records), np.asarray(rows).tolist(), size)
  about = {"data_digest": data_digest, "size": size, "levels": 2 * TOP + 1}
  folder = cache.get_or_build(home / "patterns", said, about, lambda draft: _fill(records, rows, size, draft))
  return Stored(folder / PIXELS_FILE, (size, size // 2), np.uint8)


def _fill(records: Sequence[bytes], rows: Int[np.ndarray, " r"], size: int, folder: Path) -> None:
  cut = CentreCrop(records, size)
  made = patterns.batches(
    rows, lambda row: square(cut.pixels(row), size), lambda squares: of(squares, patterns.AT_ONCE)
  )
  patterns.write(folder / PIXELS_FILE, made, len(rows), len(records), size * size // 2, "noise patterns")


def z(a: Patterns, b: Patterns) -> Float[np.ndarray, "n m"]:
  """Every pattern with every other: normalised correlation in the standard deviations that white noise would have.

  Where a file is in portrait the better of two looks counts, less what the better of two is better by chance.
  """
  found = np.zeros((len(a.packed), len(b.packed)), np.float32)
  step = max(1, PIXELS // (a.packed.shape[1] ** 2))
  for i in range(0, len(a.packed), step):
    own = _some(a, i, step)
    for j in range(0, len(b.packed), step):
      found[i : i + step, j : j + step] = _looked_at(own, _some(b, j, step))
  return found


class _Rows(NamedTuple):
  """Some patterns, unpacked."""

  levels: Int8[np.ndarray, "n s s"]
  rows: Float[np.ndarray, "n d"]
  portrait: Bool[np.ndarray, " n"]
  shift: Int[np.ndarray, "n 2"]


def _some(patterns: Patterns, first: int, count: int) -> _Rows:
  packed, portrait, shift = (part[first : first + count] for part in patterns)
  levels = unpack(packed)
  return _Rows(levels, units(levels), portrait, shift)


def _looked_at(a: _Rows, b: _Rows) -> Float[np.ndarray, "n m"]:
  seen = a.rows @ b.rows.T
  twice = a.portrait[:, None] | b.portrait
  if not twice.any():
    return seen
  # The two differ by what lies at an edge alone; their mean is the same in either order.
  turned = (_upside_down(a) @ b.rows.T + a.rows @ _upside_down(b).T) / 2
  return np.where(twice, better_of_two(np.maximum(seen, turned)), seen)


def units(levels: Float[np.ndarray, "n s s"] | Int8[np.ndarray, "n s s"]) -> Float[np.ndarray, "n d"]:
  """Rows of which the product with another is z: of mean 0, their squares' sum the root of the number of pixels."""
  rows = levels.reshape(len(levels), -1).astype(np.float32)
  rows -= rows.mean(1, keepdims=True)
  norms = np.sqrt(np.einsum("nd,nd->n", rows, rows))
  rows *= (rows.shape[1] ** 0.25 / np.maximum(norms, 1e-12))[:, None]
  return rows


def better_of_two(z: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
  """The z of one look that is as improbable as that of the better of two; of less than -5 that of -5."""
  far = z > 5  # There the difference to twice the probability is beyond double precision.
  log_p = np.log(2) + log_ndtr(-np.where(far, z, 5.0).astype(np.float64))
  exact = np.log(-np.expm1(2 * log_ndtr(np.clip(z, -5.0, 5.0).astype(np.float64))))
  return (-ndtri_exp(np.where(far, log_p, exact))).astype(np.float32)


def _upside_down(some: _Rows) -> Float[np.ndarray, "n d"]:
  """Of the photographs turned by half. What comes in at an edge is unknown; what left at the other stands there."""
  turned = [
    np.roll(np.rot90(one, 2), tuple(by), (0, 1)) for one, by in zip(some.levels, some.shift.tolist(), strict=True)
  ]
  return units(np.stack(turned))
