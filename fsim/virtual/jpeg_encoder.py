"""Pixels -> the JPEG file of a camera: its own quantisation tables, chroma subsampling, EXIF."""

import io
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from jaxtyping import UInt8
from PIL import ExifTags, Image

SUBSAMPLINGS = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}
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
class Label:
  """What EXIF says of a shot; `turns` are quarter turns of the camera."""

  make: str
  model: str
  serial: str
  taken: datetime
  turns: int


def tables(encoder: Encoder) -> tuple[list[int], list[int]]:
  """The 64 luminance and 64 chrominance quantisation steps, row by row."""
  frequency = np.hypot(*np.mgrid[0:8, 0:8]) / np.hypot(7, 7)
  luminance = encoder.step * (1 + (encoder.rise - 1) * frequency**encoder.bend)
  both = (luminance, luminance * encoder.colour)
  first, second = (np.clip(np.round(steps), 1, 255).astype(int).ravel().tolist() for steps in both)
  return first, second


def encode(pixels: UInt8[np.ndarray, "h w 3"], encoder: Encoder, label: Label) -> bytes:
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
