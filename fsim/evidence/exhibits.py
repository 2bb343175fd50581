"""A photograph beside the ratio: what its file says of itself, and a small picture. None of it enters the ratio."""

import io
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from fsim.boundary.inputs import Unreadable
from fsim.data import exif
from fsim.data.exif import Said
from fsim.data.markers import Component
from fsim.data.photographs import Photograph

THUMBNAIL = 320  # Pixels of the longer side.
# Mean of the standard's luma table (ITU T.81, annex K) over the coefficients that `quantisation` looks at.
STANDARD_STEP = 250 / 15


class Exhibit(NamedTuple):
  """quality: of libjpeg's scale, at which its table would be as coarse; None without one. subsampling: as 4:2:0.

  thumbnail: a JPEG, as the pixels lie in the file, whatever EXIF says of turning.
  """

  path: Path
  sha256: str
  width: int
  height: int
  exif: Said
  quality: int | None
  subsampling: str
  thumbnail: bytes

  def context(self) -> dict[str, Any]:
    """For JSON."""
    plain = {name: getattr(self, name) for name in ("sha256", "width", "height", "quality", "subsampling")}
    return {"file": str(self.path), **plain, "exif": self.exif._asdict()}


def of(photograph: Photograph) -> Exhibit:
  """Of a file that was read. Raises Unreadable for what is no photograph that fsim reads."""
  if photograph.pixels is None:
    raise Unreadable(photograph.path, photograph.problem)
  height, width = photograph.pixels.shape[:2]
  compression = photograph.compression
  return Exhibit(
    photograph.path,
    photograph.sha256,
    width,
    height,
    exif.said(photograph.exif),
    None if compression is None else quality(compression.step),
    subsampling(photograph.components),
    _thumbnail(photograph.pixels),
  )


def quality(step: float) -> int:
  """Of libjpeg's scale from 1 to 100, whose tables are the standard's times a percentage."""
  percent = 100 * step / STANDARD_STEP
  return round(max(100 - percent / 2 if percent < 100 else 5000 / percent, 1))


def subsampling(components: tuple[Component, ...]) -> str:
  """Of the colours against the luma: 4:4:4, 4:2:2, 4:2:0, or the ratio of samples across and down."""
  across = max(c.across for c in components) / min(c.across for c in components)
  down = max(c.down for c in components) / min(c.down for c in components)
  known = {(1, 1): "4:4:4", (2, 1): "4:2:2", (2, 2): "4:2:0", (1, 2): "4:4:0", (4, 1): "4:1:1"}
  return known.get((across, down), f"{across:g}x{down:g}")


def _thumbnail(pixels: UInt8[np.ndarray, "h w 3"]) -> bytes:
  image, buffer = Image.fromarray(pixels), io.BytesIO()
  image.thumbnail((THUMBNAIL, THUMBNAIL))
  image.save(buffer, "JPEG", quality=80)
  return buffer.getvalue()
