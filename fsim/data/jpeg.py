"""Decodes camera JPEGs as libjpeg does, and says plainly why a file cannot be used.

Pixels: slow integer IDCT and fancy upsampling (libjpeg's defaults), no resize, no rotation by EXIF, no colour
management.
"""

import io

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageFile, UnidentifiedImageError

MAX_PIXELS = 256_000_000  # Larger files are refused before they are decoded.
Image.MAX_IMAGE_PIXELS = None  # MAX_PIXELS above is the limit, with a message of its own.
ImageFile.LOAD_TRUNCATED_IMAGES = False


class BadImage(ValueError):
  """A file that cannot serve as a camera JPEG; the message gives the cause, the caller adds the file's name."""


def size(data: bytes) -> tuple[int, int]:
  """(width, height) from the header. Raises BadImage for anything that is not an 8-bit colour JPEG of a sane size."""
  with _opened(data) as image:
    return image.size


def decode(data: bytes) -> UInt8[np.ndarray, "h w 3"]:
  """RGB pixels of a colour JPEG, as stored on the sensor's grid. Raises BadImage with the cause."""
  with _opened(data) as image:
    try:
      return np.asarray(image)
    except (OSError, ValueError, SyntaxError) as error:
      raise BadImage(f"damaged JPEG: {error}") from error


def _opened(data: bytes) -> Image.Image:
  if not data:
    raise BadImage("empty file")
  try:
    image = Image.open(io.BytesIO(data))
  except UnidentifiedImageError as error:
    cause = "a 12-bit or otherwise unsupported JPEG" if data[:2] == b"\xff\xd8" else "no image that can be read"
    raise BadImage(cause) from error
  except (OSError, ValueError, SyntaxError) as error:
    raise BadImage(f"damaged header: {error}") from error
  cause = _unusable(image)
  if cause:
    image.close()
    raise BadImage(cause)
  return image


def _unusable(image: Image.Image) -> str:
  if image.format not in ("JPEG", "MPO"):
    return f"a {image.format} file, not a JPEG"
  if image.mode != "RGB":
    return {"L": "greyscale", "CMYK": "CMYK"}.get(image.mode, image.mode) + ", but a colour JPEG is needed"
  if image.width * image.height > MAX_PIXELS:
    return f"{image.width}x{image.height} pixels, more than the limit of {MAX_PIXELS:,}"
  return ""
