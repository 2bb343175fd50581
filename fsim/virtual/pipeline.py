"""Raw -> the pixels of the file: white balance, demosaicing, colours, tone, noise reduction, sharpening, size.

Shapes: h w sensor pixels, y x pixels of the file. Planes are red, green, blue; behind the tone curve 1 is 255.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.ndimage
from jaxtyping import Float, UInt8
from PIL import Image

from fsim.virtual.demosaic import demosaic

Planes = Float[np.ndarray, "3 h w"]
LEVELS = 65535  # Steps of the tone curve's table.
COLOUR_WINDOW = 9  # Pixels a side, of chrominance noise reduction.


@dataclass(frozen=True)
class Pipeline:
  """A model's processing.

  Attributes:
    method: demosaicing, a key of `demosaic.METHODS`.
    response: relative answer of red and blue filters to white, below 1; white balance undoes it.
    matrix: camera colours -> the file's linear colours, rows that sum to 1; it mixes the channels' noise too.
    contrast: slope of the tone curve's middle relative to a plain 1/2.2 power.
    mends: whether single hot pixels are replaced.
    quiet: luminance noise reduction at base ISO, as a multiple of the expected noise (Lee 1980).
    smooth: chrominance blur, standard deviation in sensor pixels at base ISO.
    amount: sharpening, weight of the detail that is added.
    radius: sharpening, standard deviation in sensor pixels of the blur that separates detail.
    limit: largest change by sharpening, 0..1.
    size: pixels of the file per sensor pixel along a side.
  """

  method: str
  response: tuple[float, float]
  matrix: tuple[tuple[float, float, float], ...]
  contrast: float
  mends: bool
  quiet: float
  smooth: float
  amount: float
  radius: float
  limit: float
  size: float

  colour_quiet: ClassVar[float] = 0.0  # Off, but for a QuietPipeline.
  local: ClassVar[float] = 0.0  # Off, but for a LocalPipeline.


@dataclass(frozen=True)
class QuietPipeline(Pipeline):
  """A model's processing with noise reduction of its colours, as real cameras have it.

  Attributes:
    colour_quiet: chrominance noise reduction, as a multiple of the expected noise, edges of colours stay.
  """

  colour_quiet: float


@dataclass(frozen=True)
class LocalPipeline(QuietPipeline):
  """Processing that also brings dark and bright parts nearer to each other, as phones do.

  Attributes:
    local: local tone mapping, see `compress`.
  """

  local: float


@dataclass(frozen=True)
class Look:
  """How one shot is rendered.

  Attributes:
    balance: factors of red and blue left over by a wrong guess of the illuminant.
    contrast: factor on the model's contrast.
    saturation: factor on the colours.
    lift: displacement of the tone curve in stops.
    zoom: digital zoom, 1 for none.
  """

  balance: tuple[float, float]
  contrast: float
  saturation: float
  lift: float
  zoom: float


def gains(pipeline: Pipeline, look: Look) -> tuple[float, float, float]:
  """White balance as the camera applies it: factors of red, green, blue."""
  return look.balance[0] / pipeline.response[0], 1.0, look.balance[1] / pipeline.response[1]


def develop(
  raw: Float[np.ndarray, "h w"],
  pipeline: Pipeline,
  look: Look,
  bayer: str,
  noise: float,
  iso: float,
  shape: tuple[int, int],
) -> UInt8[np.ndarray, "y x 3"]:
  """Pixels of the file from a linear raw image (0 black, 1 white).

  Args:
    raw: the mosaic.
    pipeline: the model's processing.
    look: the shot's rendering.
    bayer: the mosaic's upper left 2x2.
    noise: standard deviation that the sensor's data sheet promises at middle grey (.18 of white).
    iso: amplification relative to base ISO.
    shape: rows and columns of the file.
  """
  balanced = balance(raw, bayer, gains(pipeline, look))
  colours = mix(demosaic(balanced, bayer, pipeline.method), np.array(pipeline.matrix, np.float32))
  toned = tone(colours, pipeline.contrast * look.contrast, look.lift)
  luma, blue, red = to_luma(compress(toned, pipeline.local))
  visible = noise * 0.18 ** (1 / 2.2) / (2.2 * 0.18)  # Through the slope of the tone curve at middle grey.
  luma = sharpen(denoise(luma, pipeline.quiet * visible), pipeline.amount, pipeline.radius, pipeline.limit)
  blue, red = (denoise(c, pipeline.colour_quiet * visible, COLOUR_WINDOW) for c in (blue, red))
  width = pipeline.smooth * iso**0.25
  blue, red = (
    look.saturation * scipy.ndimage.gaussian_filter(c, width, truncate=2.5, mode="mirror") for c in (blue, red)
  )
  return to_pixels(luma, blue, red, shape, look.zoom)


def balance(raw: Float[np.ndarray, "h w"], bayer: str, factors: tuple[float, float, float]) -> Float[np.ndarray, "h w"]:
  """Each filter's pixels times its factor; what exceeds white is clipped, or highlights would turn magenta."""
  balanced = np.empty_like(raw)
  for place, colour in enumerate(bayer):
    row, column = divmod(place, 2)
    balanced[row::2, column::2] = raw[row::2, column::2] * np.float32(factors["RGB".index(colour)])
  return np.minimum(balanced, 1)


def mix(planes: Planes, matrix: Float[np.ndarray, "3 3"]) -> Planes:
  """Each pixel's colour times a matrix."""
  return np.einsum("ij,jhw->ihw", matrix, planes)


def tone(planes: Planes, contrast: float, lift: float) -> Planes:
  """Linear 0..1 -> perceptual 0..1: a power of 1/2.2 with a straight foot, then a curve that is steeper in the middle.

  `contrast` multiplies the slope at middle grey, `lift` brightens by so many stops without moving black and white.
  """
  x = np.linspace(0, 1, LEVELS + 1, dtype=np.float32)
  lifted = x * 2**lift / (1 + x * (2**lift - 1))
  curve = np.where(lifted < 0.008, lifted * (0.008 ** (1 / 2.2) / 0.008), lifted ** (1 / 2.2))
  middle = 0.18 ** (1 / 2.2)
  curve = np.where(
    curve < middle, middle * (curve / middle) ** contrast, 1 - (1 - middle) * ((1 - curve) / (1 - middle)) ** contrast
  )
  steps = (np.clip(planes, 0, 1) * np.float32(LEVELS)).astype(np.uint16)
  return curve.astype(np.float32).take(steps)


def compress(planes: Planes, strength: float) -> Planes:
  """Local tone mapping: each place's mean brightness, over a twelfth of the image, moves to middle grey by a power.

  strength: 0 for none; 1 would make all places equally bright. Noise is amplified where a place is brightened.
  """
  if strength == 0:
    return planes
  width = min(planes.shape[1:]) / 24
  around = scipy.ndimage.gaussian_filter(planes[1, ::4, ::4], width / 4, truncate=3.0, mode="nearest")
  factor = ((np.clip(around, 0, 1) + np.float32(0.05)) / np.float32(0.5)) ** np.float32(-strength)
  enlarged = Image.fromarray(factor).resize(planes.shape[:0:-1], Image.Resampling.BILINEAR)
  return planes * np.asarray(enlarged)


def to_luma(planes: Planes) -> tuple[Float[np.ndarray, "h w"], Float[np.ndarray, "h w"], Float[np.ndarray, "h w"]]:
  """Luminance (r + 2g + b) / 4 and the differences of blue and of red to it."""
  red, green, blue = planes
  luma = np.float32(0.25) * (red + blue) + np.float32(0.5) * green
  return luma, blue - luma, red - luma


def denoise(luma: Float[np.ndarray, "h w"], sigma: float, window: int = 5) -> Float[np.ndarray, "h w"]:
  """Local Wiener filter over window x window pixels for noise of a standard deviation `sigma` (Lee 1980)."""
  if sigma == 0:
    return luma
  mean = scipy.ndimage.uniform_filter(luma, window, mode="mirror")
  detail = luma - mean
  variance = scipy.ndimage.uniform_filter(detail * detail, window, mode="mirror")
  noise = np.float32(sigma**2)
  return mean + detail * (np.maximum(variance - noise, 0) / np.maximum(variance, noise))


def sharpen(luma: Float[np.ndarray, "h w"], amount: float, radius: float, limit: float) -> Float[np.ndarray, "h w"]:
  """Unsharp mask whose change is limited, so that edges do not ring without bound."""
  if amount == 0:
    return luma
  detail = luma - scipy.ndimage.gaussian_filter(luma, radius, truncate=3.0, mode="mirror")
  return luma + np.clip(np.float32(amount) * detail, -np.float32(limit), np.float32(limit))


def to_pixels(
  luma: Float[np.ndarray, "h w"],
  blue: Float[np.ndarray, "h w"],
  red: Float[np.ndarray, "h w"],
  shape: tuple[int, int],
  zoom: float,
) -> UInt8[np.ndarray, "y x 3"]:
  """Luminance and differences -> 8 bits a channel: the middle 1 / zoom of the sides, brought to `shape` (bicubic)."""
  planes = [resized(plane, shape, zoom) for plane in (luma + red, luma - np.float32(0.5) * (red + blue), luma + blue)]
  pixels = np.empty((*shape, 3), np.uint8)
  for channel, plane in enumerate(planes):
    pixels[..., channel] = np.clip(plane * np.float32(255) + np.float32(0.5), 0, 255)
  return pixels


def resized(plane: Float[np.ndarray, "h w"], shape: tuple[int, int], zoom: float) -> Float[np.ndarray, "y x"]:
  """The middle 1 / zoom of the sides, brought to `shape` (bicubic)."""
  height, width = plane.shape
  if zoom == 1 and shape == plane.shape:
    return plane
  top, left = height * (1 - 1 / zoom) / 2, width * (1 - 1 / zoom) / 2
  box = (left, top, width - left, height - top)
  return np.asarray(Image.fromarray(plane).resize(shape[::-1], Image.Resampling.BICUBIC, box))
