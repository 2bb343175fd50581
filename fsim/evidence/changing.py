"""Photographs as they are asked about: cut, and saved again. Shapes: h w, i j pixels."""

import io

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from fsim.data import jpeg, quantisation
from fsim.data.quantisation import Compression
from fsim.evidence.selecting import Variant


def changed(
  pixels: UInt8[np.ndarray, "h w 3"], variant: Variant
) -> tuple[UInt8[np.ndarray, "i j 3"], Compression | None]:
  """The photograph so changed; the compression if it was saved again."""
  pixels = middle(pixels, variant.side)
  if variant.quality is None:
    return pixels, None
  buffer = io.BytesIO()
  Image.fromarray(pixels).save(buffer, "JPEG", quality=variant.quality)
  saved = jpeg.decode(buffer.getvalue())
  return saved, quantisation.compression(buffer.getvalue(), saved.shape[0] * saved.shape[1])


def middle(x: np.ndarray, side: int | None) -> np.ndarray:
  """Rows and columns in the middle, on the JPEG grid, as far as there are so many."""
  if side is None:
    return x
  top, left = (max(n - side, 0) // 16 * 8 for n in x.shape[:2])
  return x[top : top + side, left : left + side]
