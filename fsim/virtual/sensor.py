"""Light -> raw numbers: colour filters, photo-response non-uniformity, shot and dark noise, offsets, quantisation.

The noise model is that of EMVA 1288 and of Healey & Kondepudy (1994). h w are pixels, e- electrons, DN raw numbers.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.ndimage
from jaxtyping import Float, Float16, UInt16

from fsim.virtual.seeds import generator
from fsim.virtual.texture import power_noise


@dataclass(frozen=True)
class Sensor:
  """What the devices of a model have in common.

  Attributes:
    bayer: colours of the upper left 2x2 filters, row by row, such as "RGGB".
    full_well: e- that a pixel holds at base ISO.
    read_noise: e- standard deviation a pixel and shot.
    bits: depth of the converter.
    black: DN of no light.
    prnu: standard deviation of the pixels' relative response (0.3 to 2 %; Lukas, Fridrich & Goljan 2006).
    shading: standard deviation of its smooth part, which comes from the filters and microlenses.
    dark: e- standard deviation of the fixed dark pattern in a second's exposure.
    hot: share of pixels that leak at least 50 e- in that second.
    lines: e- standard deviation of the fixed offsets of rows and of columns.
  """

  bayer: str
  full_well: float
  read_noise: float
  bits: int
  black: int
  prnu: float
  shading: float
  dark: float
  hot: float
  lines: float


class Maps(NamedTuple):
  """A device's own pattern, in half precision because a process keeps those of many devices.

  Attributes:
    gain: relative response of each pixel minus 1: the PRNU factor K.
    dark: e- of dark signal in a second.
    rows: e- of offset of each row.
    columns: e- of offset of each column.
  """

  gain: Float16[np.ndarray, "h w"]
  dark: Float16[np.ndarray, "h w"]
  rows: Float[np.ndarray, "h 1"]
  columns: Float[np.ndarray, "1 w"]


def maps(sensor: Sensor, seed: int, device: str, height: int, width: int) -> Maps:
  """The pattern of a device, fixed by the seed and the device's name."""
  rng = generator(seed, "sensor", device)
  gain = np.float32(sensor.prnu) * rng.standard_normal((height, width), dtype=np.float32)
  gain += np.float32(sensor.shading) * power_noise(rng, height, width, 1.5)
  dark = np.float32(sensor.dark) * np.abs(rng.standard_normal((height, width), dtype=np.float32))
  hot = rng.random((height, width), dtype=np.float32) < sensor.hot
  dark[hot] += 50 * rng.pareto(1.5, int(hot.sum())).astype(np.float32) + 50
  rows = np.float32(sensor.lines) * rng.standard_normal((height, 1), dtype=np.float32)
  columns = np.float32(sensor.lines) * rng.standard_normal((1, width), dtype=np.float32)
  return Maps(gain.astype(np.float16), np.minimum(dark, 6e4).astype(np.float16), rows, columns)


def mosaic(light: Float[np.ndarray, "3 h w"], bayer: str) -> Float[np.ndarray, "h w"]:
  """The one colour that each pixel's filter passes."""
  raw = np.empty(light.shape[1:], np.float32)
  for place, colour in enumerate(bayer):
    row, column = divmod(place, 2)
    raw[row::2, column::2] = light["RGB".index(colour), row::2, column::2]
  return raw


def expose(
  light: Float[np.ndarray, "h w"], sensor: Sensor, own: Maps, iso: float, seconds: float, rng: np.random.Generator
) -> UInt16[np.ndarray, "h w"]:
  """Raw numbers of one exposure.

  Args:
    light: filtered light, 1 fills the converter at the shot's ISO.
    sensor: the model's sensor.
    own: the device's pattern.
    iso: amplification relative to base ISO; the converter is full at full_well / iso electrons.
    seconds: time of exposure, for the dark signal.
    rng: shot and read noise.
  """
  capacity = np.float32(sensor.full_well / iso)
  expected = light * (1 + own.gain.astype(np.float32)) * capacity + own.dark.astype(np.float32) * np.float32(seconds)
  signal = rng.poisson(np.maximum(expected, 0)).astype(np.float32)
  noise = np.float32(sensor.read_noise) * rng.standard_normal(light.shape, dtype=np.float32)
  top = 2**sensor.bits - 1
  gain = np.float32((top - sensor.black) / capacity)
  numbers = (np.minimum(signal, np.float32(sensor.full_well)) + noise + own.rows + own.columns) * gain + np.float32(
    sensor.black + 0.5
  )
  return np.clip(numbers, 0, top).astype(np.uint16)


def linear(numbers: UInt16[np.ndarray, "h w"], sensor: Sensor, mends: bool) -> Float[np.ndarray, "h w"]:
  """Raw numbers with black at 0, white at 1; a camera that `mends` replaces pixels far above all their neighbours."""
  raw = (numbers.astype(np.float32) - np.float32(sensor.black)) * np.float32(1 / (2**sensor.bits - 1 - sensor.black))
  if mends:
    ring = np.ones((5, 5), bool)
    ring[1::2] = ring[:, 1::2] = False  # Pixels of the same filter only.
    ring[2, 2] = False
    around = scipy.ndimage.maximum_filter(raw, footprint=ring, mode="mirror")
    raw = np.where(raw > around + np.float32(0.08), around, raw)
  return raw
