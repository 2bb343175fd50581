"""Decodes camera JPEGs as libjpeg does, and says plainly why a file cannot be used.

Pixels: slow integer IDCT and fancy upsampling (libjpeg's defaults), no resize, no rotation by EXIF, no colour
management. What libjpeg warns of is damage. Of several images in a file (MPO) the first counts.
"""

import re

import numpy as np
import simplejpeg
from jaxtyping import UInt8

from fsim.data import markers
from fsim.data.markers import BadImage

BEGINNING = b"\xff\xd8\xff"
TRIED_FIRST = 50_000_000  # Pixels from which on a file is decoded at an eighth of its size before it may have memory.
# What other images begin with.
KINDS = {
  "PNG": rb"\x89PNG",
  "HEIC": rb".{4}ftyp(hei|hev|mif1|msf1)",
  "AVIF": rb".{4}ftypavi",
  "raw": rb".{4}ftypcrx|FUJIFILMCCD-RAW|IIRO|IIRS|MMOR|IIU\0",
  "WebP": rb"RIFF.{4}WEBP",
  "TIFF or raw": rb"II[*+]\0|MM\0[*+]",
  "GIF": rb"GIF8[79]a",
  "BMP": rb"BM.{4}\0{4}",
  "DDS": rb"DDS ",
  "EMF": rb"\x01\0{3}.{36} EMF",
  "PSD": rb"8BPS",
  "JPEG 2000": rb"\0{3}\x0cjP  |\xff\x4f\xff\x51",
  "JPEG XL": rb"\0{3}\x0cJXL |\xff\x0a",
  "PDF": rb"%PDF",
}


def size(data: bytes) -> tuple[int, int]:
  """(width, height) from the header. Raises BadImage for anything that is not an 8-bit colour JPEG of a sane size."""
  _require_jpeg(data)
  frame = markers.header(data)
  return frame.width, frame.height


def decode(data: bytes) -> UInt8[np.ndarray, "h w 3"]:
  """RGB pixels of a colour JPEG, as stored on the sensor's grid. Raises BadImage with the cause."""
  return decode_with_structure(data)[0]


def decode_with_structure(data: bytes) -> tuple[UInt8[np.ndarray, "h w 3"], markers.Structure]:
  """As `decode`, with what the file says of itself."""
  _require_jpeg(data)
  found = markers.read(data)
  image = _without_metadata(data, found)
  if found.frame.width * found.frame.height > TRIED_FIRST:
    # Its claims may still be false, and simplejpeg fills all its memory before it says so: once in little of it.
    _pixels(image, found.frame, "GRAY", min_height=1, min_width=1)
  return _pixels(image, found.frame, "RGB"), found


def _without_metadata(data: bytes, found: markers.Structure) -> bytes:
  """The image alone: TurboJPEG also complains of colour profiles, on which no pixel depends."""
  places = [0, *(place for segment in found.metadata for place in segment), found.end]
  kept = [data[start:end] for start, end in zip(places[::2], places[1::2], strict=True)]
  return b"".join(kept) + (b"\xd9" if found.cut else b"")


def _pixels(image: bytes, frame: markers.Frame, colours: str, **scale: int) -> UInt8[np.ndarray, "h w c"]:
  try:
    return simplejpeg.decode_jpeg(image, colours, fastdct=False, fastupsample=False, strict=True, **scale)
  except ValueError as error:
    if "Could not determine subsampling" in str(error):
      sampled = ", ".join(f"{plane.across}x{plane.down}" for plane in frame.components)
      raise BadImage(f"its colours are sampled {sampled}, which no camera does and fsim does not read") from error
    raise BadImage(f"damaged JPEG: {error}") from error


def _require_jpeg(data: bytes) -> None:
  if not data:
    raise BadImage("empty file")
  if not data.startswith(BEGINNING):
    found = kind(data)
    raise BadImage(f"a {found} file, not a JPEG" if found else "no image that can be read")


def kind(data: bytes) -> str:
  """What other image a file begins as, "" if nothing that is known."""
  return next((name for name, pattern in KINDS.items() if re.match(pattern, data, re.DOTALL)), "")
