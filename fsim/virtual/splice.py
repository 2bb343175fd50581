"""Spliced photographs whose pasted region is known: part of one photograph in another, of whatever cameras.

Shapes: h w pixels of the host, a b pixels of the donor.
"""

import io

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image
from scipy import ndimage

from fsim.virtual.texture import power_noise

SLOPE = 2.2  # Of the outline's spectrum: larger is smoother.
UNEVENNESS = 0.6  # Of the outline, as a share of the region's radius.


def region(rng: np.random.Generator, h: int, w: int, share: float) -> Bool[np.ndarray, "h w"]:
  """One connected region without holes, about that share of the pixels, of an irregular smooth outline.

  Raises ValueError for a share that is not within 0..0.5: what is pasted must be the smaller part.
  """
  if not 0 < share < 0.5:
    raise ValueError(f"the pasted share must be more than 0 and less than .5, got {share}")
  y, x = np.mgrid[0:h, 0:w]
  radius = np.sqrt(share * h * w / np.pi)
  reach = np.minimum(radius, [h / 2, w / 2])  # The middle keeps the region within the image, as far as it fits.
  centre = rng.uniform(reach, np.array([h, w]) - reach)
  height = np.hypot(y - centre[0], x - centre[1]) / radius - UNEVENNESS * power_noise(rng, h, w, SLOPE)
  inside = height <= np.quantile(height, share)
  parts, _ = ndimage.label(inside)
  largest = np.bincount(parts.ravel())[1:].argmax() + 1
  return ndimage.binary_fill_holes(parts == largest)


def paste(
  rng: np.random.Generator,
  host: UInt8[np.ndarray, "h w 3"],
  donor: UInt8[np.ndarray, "a b 3"],
  mask: Bool[np.ndarray, "h w"],
) -> UInt8[np.ndarray, "h w 3"]:
  """The host with pixels of the donor, from a random place of it, where the mask says; JPEG grids are not aligned.

  Raises ValueError if the donor is smaller than the region.
  """
  rows, columns = ndimage.find_objects(mask.astype(np.uint8))[0]
  height, width = rows.stop - rows.start, columns.stop - columns.start
  if height > donor.shape[0] or width > donor.shape[1]:
    size = f"{donor.shape[1]}x{donor.shape[0]}"
    raise ValueError(f"a region of {width}x{height} pixels cannot be taken from a photograph of {size}")
  top, left = (int(rng.integers(0, room + 1)) for room in (donor.shape[0] - height, donor.shape[1] - width))
  made = host.copy()
  made[rows, columns][mask[rows, columns]] = donor[top : top + height, left : left + width][mask[rows, columns]]
  return made


def compress(pixels: UInt8[np.ndarray, "h w 3"], quality: int) -> bytes:
  """A JPEG file at a quality of libjpeg's, without subsampling of colours."""
  file = io.BytesIO()
  Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=0)
  return file.getvalue()
