"""What happens to a photograph after the camera: re-compression, resizing, cropping, gamma, blur, messengers.

Every step is a pure function of pixels; a chain is steps in order and a last JPEG file. Shapes: h w before, y x after.
"""

import io
from collections.abc import Callable, Sequence

import numpy as np
import scipy.ndimage
from jaxtyping import UInt8
from PIL import Image

from fsim.virtual.jpeg_encoder import SUBSAMPLINGS

Pixels = UInt8[np.ndarray, "h w 3"]
Step = Callable[[Pixels], UInt8[np.ndarray, "y x 3"]]


def compressed(pixels: Pixels, quality: int, subsampling: str) -> bytes:
  """A JPEG file with libjpeg's standard tables at a quality of 1 to 100, without EXIF, as software writes it."""
  file = io.BytesIO()
  Image.fromarray(pixels).save(file, "JPEG", quality=quality, subsampling=SUBSAMPLINGS[subsampling])
  return file.getvalue()


def recompress(quality: int, subsampling: str) -> Step:
  """Once through a JPEG file."""
  return lambda pixels: np.asarray(Image.open(io.BytesIO(compressed(pixels, quality, subsampling))))


def resize(factor: float) -> Step:
  """Bicubic change of both sides by a factor."""

  def step(pixels: Pixels) -> UInt8[np.ndarray, "y x 3"]:
    height, width = (max(1, round(side * factor)) for side in pixels.shape[:2])
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC))

  return step


def fit(side: int) -> Step:
  """Smaller, so that the longer side has `side` pixels; smaller images stay as they are."""

  def step(pixels: Pixels) -> UInt8[np.ndarray, "y x 3"]:
    longest = max(pixels.shape[:2])
    return resize(side / longest)(pixels) if longest > side else pixels

  return step


def crop(top: int, left: int, height: int, width: int) -> Step:
  """A rectangle; ValueError if it does not lie inside."""

  def step(pixels: Pixels) -> UInt8[np.ndarray, "y x 3"]:
    if min(top, left) < 0 or top + height > pixels.shape[0] or left + width > pixels.shape[1]:
      raise ValueError(f"a crop of {height}x{width} at {top}, {left} leaves an image of {pixels.shape[:2]}")
    return pixels[top : top + height, left : left + width]

  return step


def gamma(exponent: float) -> Step:
  """Pixels, as shares of white, to a power."""
  table = np.round(255 * (np.arange(256) / 255) ** exponent).astype(np.uint8)
  return lambda pixels: table[pixels]


def blur(sigma: float) -> Step:
  """Gaussian blur, standard deviation in pixels."""
  return lambda pixels: scipy.ndimage.gaussian_filter(pixels, (sigma, sigma, 0))


# What social networks and messengers do to photographs, in order of magnitude (Giudice et al. 2017).
CHAINS: dict[str, tuple[Step, ...]] = {
  "none": (),
  "mail": (fit(1600),),
  "network": (fit(2048), recompress(85, "4:2:0")),
  "messenger": (fit(1280), recompress(75, "4:2:0")),
  "messenger twice": (fit(1280), recompress(75, "4:2:0"), fit(1024), recompress(70, "4:2:0")),
  "edited": (gamma(0.85), blur(0.5)),
}


def apply(pixels: Pixels, steps: Sequence[Step], quality: int, subsampling: str) -> bytes:
  """The file that leaves a chain."""
  for step in steps:
    pixels = step(pixels)
  return compressed(pixels, quality, subsampling)
