"""Pixels -> the JPEG file of a camera: its own quantisation tables, chroma subsampling, EXIF."""

import io
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from jaxtyping import Float, UInt8
from PIL import ExifTags, Image

SUBSAMPLINGS = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}
# Tables K.1 and K.2 of the standard.
LUMINANCE = np.array(
  [
    [16, 11, 10, 16, 24, 40, 51, 61],
    [12, 12, 14, 19, 26, 58, 60, 55],
    [14, 13, 16, 24, 40, 57, 69, 56],
    [14, 17, 22, 29, 51, 87, 80, 62],
    [18, 22, 37, 56, 68, 109, 103, 77],
    [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101],
    [72, 92, 95, 98, 112, 100, 103, 99],
  ]
)
CHROMINANCE = np.full((8, 8), 99)
CHROMINANCE[:4, :4] = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]
ORIENTATIONS = (1, 6, 3, 8)  # EXIF values for 0, 1, 2, 3 quarter turns of the camera.


@dataclass(frozen=True)
class Encoder:
  """A model's JPEG settings.

  Attributes:
    step: quantisation step of the lowest luminance frequencies; about 1 is quality 97, 6 quality 80.
    rise: how much larger the step of the highest frequency is than that of the lowest (standard tables: about 6).
    bend: power of frequency with which the step grows (2: slowly at first).
    colour: factor of the chrominance steps on the luminance steps.
    subsampling: a key of SUBSAMPLINGS.
  """

  step: float
  rise: float
  bend: float
  colour: float
  subsampling: str


@dataclass(frozen=True)
class StandardEncoder:
  """JPEG settings of a model that scales the example tables of the standard (ITU-T T.81, annex K), as most cameras do.

  Attributes:
    step: factor on the tables' steps; libjpeg's quality q from 50 up is 2 - q / 50, so .1 is quality 95.
    subsampling: a key of SUBSAMPLINGS.
  """

  step: float
  subsampling: str


@dataclass(frozen=True)
class Label:
  """What EXIF says of a shot; `turns` are quarter turns of the camera."""

  make: str
  model: str
  serial: str
  taken: datetime
  turns: int


def tables(encoder: Encoder | StandardEncoder) -> tuple[list[int], list[int]]:
  """The 64 luminance and 64 chrominance quantisation steps, row by row."""
  if isinstance(encoder, StandardEncoder):
    return _steps(LUMINANCE * encoder.step), _steps(CHROMINANCE * encoder.step)
  frequency = np.hypot(*np.mgrid[0:8, 0:8]) / np.hypot(7, 7)
  luminance = encoder.step * (1 + (encoder.rise - 1) * frequency**encoder.bend)
  return _steps(luminance), _steps(luminance * encoder.colour)


def _steps(wanted: Float[np.ndarray, "8 8"]) -> list[int]:
  return np.clip(np.round(wanted), 1, 255).astype(int).ravel().tolist()


def encode(pixels: UInt8[np.ndarray, "h w 3"], encoder: Encoder | StandardEncoder, label: Label) -> bytes:
  """A JPEG file with EXIF."""
  file = io.BytesIO()
  Image.fromarray(pixels).save(
    file,
    "JPEG",
    qtables=list(tables(encoder)),
    subsampling=SUBSAMPLINGS[encoder.subsampling],
    exif=exif(label),
  )
  return file.getvalue()


def exif(label: Label) -> Image.Exif:
  """Make, model, serial number, date and orientation."""
  tags = Image.Exif()
  tags[ExifTags.Base.Make] = label.make
  tags[ExifTags.Base.Model] = label.model
  tags[ExifTags.Base.Orientation] = ORIENTATIONS[label.turns]
  inner = tags.get_ifd(ExifTags.IFD.Exif)
  inner[ExifTags.Base.DateTimeOriginal] = label.taken.strftime("%Y:%m:%d %H:%M:%S")
  inner[ExifTags.Base.BodySerialNumber] = label.serial
  return tags
