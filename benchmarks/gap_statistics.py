"""What a patch shows of its camera, in groups that are named after what they stand for.

Shapes: s pixels of a patch's side (a multiple of 16), f numbers of a group. Grey levels run from 0 to 255.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import scipy.fft
import scipy.ndimage
from jaxtyping import Float, UInt8

from fsim.virtual import pipeline

BLOCK = 16  # Pixels of the blocks of which the smoothest show the noise.
SMOOTHEST = 0.25  # Share of the blocks.
NOISE = 3.0  # Grey levels that the residual's denoiser takes for noise.
LOG_FLOOR = 0.02  # Grey levels, or a share, below which a logarithm would only show rounding.
RINGS = 16
REACH = 5  # Pixels to either side of an edge.

Plane = Float[np.ndarray, "s s"]


class Seen(NamedTuple):
  """One patch, prepared once for all groups.

  Attributes:
    pixels: its colours.
    luma: (r + 2g + b) / 4.
    chroma: blue and red minus luma.
    residual: of each colour, what a local Wiener filter takes away.
    smooth: upper left corners of the smoothest blocks.
  """

  pixels: Float[np.ndarray, "s s 3"]
  luma: Plane
  chroma: tuple[Plane, Plane]
  residual: Float[np.ndarray, "s s 3"]
  smooth: list[tuple[int, int]]


def see(patch: UInt8[np.ndarray, "s s 3"]) -> Seen:
  pixels = patch.astype(np.float32)
  luma, blue, red = pipeline.to_luma(pixels.transpose(2, 0, 1))
  residual = np.stack([c - pipeline.denoise(c, NOISE) for c in pixels.transpose(2, 0, 1)], -1)
  corners = [(y, x) for y in range(0, len(luma), BLOCK) for x in range(0, len(luma), BLOCK)]
  spread = [high_pass(luma)[y : y + BLOCK, x : x + BLOCK].std() for y, x in corners]
  best = np.argsort(spread, kind="stable")[: max(4, round(SMOOTHEST * len(corners)))]
  return Seen(pixels, luma, (blue, red), residual, [corners[k] for k in best])


def high_pass(plane: Plane) -> Plane:
  return plane - scipy.ndimage.uniform_filter(plane, 3, mode="mirror")


def log(values) -> np.ndarray:
  return np.log(np.asarray(values, np.float64) + LOG_FLOOR)


def _follows(one: Float[np.ndarray, " n"], other: Float[np.ndarray, " n"]) -> float:
  """Correlation; 0 where one hardly varies."""
  one, other = one - one.mean(), other - other.mean()
  return float((one * other).mean() / (one.std() * other.std() + LOG_FLOOR**2))


def noise(seen: Seen) -> Float[np.ndarray, " f"]:
  """Deviation in smooth blocks of the darkest, middle and brightest third of a patch, and the differences."""
  high = high_pass(seen.luma)
  tiles = [
    x.reshape(-1, BLOCK, x.shape[1] // BLOCK, BLOCK).swapaxes(1, 2).reshape(-1, BLOCK**2) for x in (seen.luma, high)
  ]
  mean, spread = tiles[0].mean(1), log(tiles[1].std(1))
  thirds = np.array_split(np.argsort(mean, kind="stable"), 3)
  low = [np.quantile(spread[rows], 0.2) for rows in thirds]
  return np.array([*low, low[0] - low[1], low[2] - low[1], np.quantile(spread, 0.05), np.median(spread)])


def spectrum(seen: Seen) -> Float[np.ndarray, " f"]:
  """Shape of the luminance residual's radial spectrum, and its power along rows and columns relative to diagonals."""
  power = _power(seen.residual @ np.array([0.25, 0.5, 0.25], np.float32))
  y, x = np.meshgrid(*[np.abs(np.fft.fftfreq(len(power)))] * 2, indexing="ij")
  ring = np.minimum((np.hypot(y, x) * 2 * RINGS).astype(int), RINGS)
  rings = log([power[ring == k].mean() for k in range(1, RINGS)])
  outer = np.hypot(y, x) > 0.25
  straight, oblique = outer & (np.minimum(y, x) < 0.08), outer & (np.abs(y - x) < 0.08)
  return np.array([*(rings - rings.mean()), np.log(power[straight].mean() / power[oblique].mean())])


def _power(plane: Plane) -> Plane:
  window = np.hanning(len(plane))
  return np.abs(scipy.fft.fft2(plane * window[:, None] * window)) ** 2 / (window**2).sum() ** 2 + 1e-6


def demosaicing(seen: Seen) -> Float[np.ndarray, " f"]:
  """Each colour's residual at half a cycle a pixel beside its neighbourhood, and how the four filter phases differ."""
  found = []
  for channel in range(3):
    power, side = _power(seen.residual[..., channel]), len(seen.luma)
    half = side // 2
    for y, x in ((0, half), (half, 0), (half, half)):
      around = power.take(range(y - 8, y + 9), 0, mode="wrap").take(range(x - 8, x + 9), 1, mode="wrap")
      found.append(np.log(around[7:10, 7:10].mean() / np.median(around)))
    energy = [np.square(seen.residual[a::2, b::2, channel]).mean() + 1e-4 for a in (0, 1) for b in (0, 1)]
    found += [abs(np.log((energy[0] + energy[3]) / (energy[1] + energy[2]))), np.log(max(energy) / min(energy))]
  return np.array(found)


def grid(seen: Seen) -> Float[np.ndarray, " f"]:
  """Bends at the borders of 8x8 and of 16x16 blocks relative to those inside, and residual power at the harmonics."""
  found = []
  for plane in (seen.luma, *seen.chroma):
    for axis in (0, 1):
      bend = np.abs(np.diff(plane, 2, axis=axis)).mean(1 - axis)  # Number k is centred on pixel k + 1.
      at = np.array([bend[place::16].mean() + LOG_FLOOR for place in range(16)])
      inside = np.concatenate([at[:6], at[8:14]]).mean()
      found += [np.log(at[6:8].mean() / inside), np.log(at[14:].mean() / inside)]
  power = _power(seen.residual[..., 1])
  lines = np.arange(len(power) // 8, len(power) // 2, len(power) // 8)
  for lined in (power[:, 2:].mean(1), power[2:].mean(0)):
    beside = (lined[lines - 3] + lined[lines + 3]) / 2
    found.append(np.log(lined[lines] / beside).mean())
  return np.array(found)


def quantisation(seen: Seen) -> Float[np.ndarray, " f"]:
  """Share of the 8x8 cosine coefficients that are zero, by frequency, in luminance and in both colour differences."""
  red, green, blue = seen.pixels.transpose(2, 0, 1)
  y = 0.299 * red + 0.587 * green + 0.114 * blue
  radius = np.add(*np.mgrid[0:8, 0:8])
  found = []
  for plane in (y, 0.564 * (blue - y), 0.713 * (red - y)):
    tiles = plane.reshape(len(y) // 8, 8, -1, 8).swapaxes(1, 2).reshape(-1, 8, 8)
    zero = (np.abs(scipy.fft.dctn(tiles, axes=(1, 2), norm="ortho")) < 0.5).mean(0)
    found += [zero[(radius >= a) & (radius < b)].mean() for a, b in ((1, 3), (3, 5), (5, 7), (7, 9), (9, 12), (12, 15))]
  return np.array(found)


def colours(seen: Seen) -> Float[np.ndarray, " f"]:
  """Correlation and relative strength of the colours, in residual and in a coarser band; chroma in smooth blocks."""
  coarse = scipy.ndimage.gaussian_filter(seen.pixels, (1.5, 1.5, 0)) - scipy.ndimage.gaussian_filter(
    seen.pixels, (4, 4, 0)
  )
  found = []
  for band in (seen.residual, coarse):
    planes = band.reshape(-1, 3).T
    found += [_follows(planes[a], planes[b]) for a, b in ((0, 1), (0, 2), (1, 2))]
    found += np.diff(log(planes.std(1))).tolist()
  for plane in seen.chroma:
    found.append(np.median([log(high_pass(t).std()) - log(high_pass(u).std()) for t, u in _pairs(seen, plane)]))
  return np.array(found)


def _pairs(seen: Seen, plane: Plane) -> list[tuple[Plane, Plane]]:
  return [(plane[y : y + BLOCK, x : x + BLOCK], seen.luma[y : y + BLOCK, x : x + BLOCK]) for y, x in seen.smooth]


def correlation(seen: Seen) -> Float[np.ndarray, " f"]:
  """Correlation of what is left in smooth blocks between pixels 1 to 4 apart, in luminance and in colour."""
  found = []
  for plane in (seen.luma, seen.chroma[0]):
    left = plane - scipy.ndimage.gaussian_filter(plane, 3, mode="mirror")
    tiles = np.stack([left[y : y + BLOCK, x : x + BLOCK] for y, x in seen.smooth])
    scale = np.square(tiles).mean() + LOG_FLOOR
    for down, right in ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (2, 2), (0, 3), (3, 0), (0, 4), (4, 0)):
      found.append((tiles[:, down:, right:] * tiles[:, : BLOCK - down, : BLOCK - right]).mean() / scale)
    found.append(float(log(np.sqrt(scale))))
  return np.array(found)


def edges(seen: Seen) -> Float[np.ndarray, " f"]:
  """Median profile across the strongest edges as a share of their height: how steep, and what lies beyond them."""
  found = []
  for plane in (seen.luma, seen.luma.T):
    slope = plane[:, 2:] - plane[:, :-2]
    inner = np.abs(slope[:, REACH : -REACH or None])
    peak = inner == scipy.ndimage.maximum_filter1d(inner, 5, axis=1)
    y, x = np.nonzero(peak & (inner >= max(np.quantile(inner, 0.97), 4.0)))
    if not len(y):
      found.append(np.zeros(2 * REACH))
      continue
    x = x + REACH + 1
    profile = np.stack([plane[y, x + k] for k in range(-REACH, REACH + 1)], 1)
    profile = (profile - profile[:, [REACH]]) * np.sign(profile[:, [REACH + 1]] - profile[:, [REACH - 1]])
    height = np.abs(profile[:, [-1]] - profile[:, [0]]) + np.abs(profile).max(1, keepdims=True)
    found.append(np.median(profile / height, 0)[[*range(REACH), *range(REACH + 1, 2 * REACH + 1)]])
  return np.concatenate([(found[0] + found[1]) / 2])


def clipping(seen: Seen) -> Float[np.ndarray, " f"]:
  """Shares of pixels at and near black and white, and how ragged the histogram of grey levels is."""
  counts = np.bincount(seen.pixels[..., 1].astype(int).ravel(), minlength=256) / seen.luma.size
  smooth = scipy.ndimage.gaussian_filter1d(counts, 2.0)
  ragged = np.abs(counts - smooth)[2:-2].sum() / np.sqrt(smooth[2:-2] + 1e-9).sum()
  ends = [
    (seen.pixels <= 0).mean(),
    (seen.pixels <= 4).mean(),
    (seen.pixels >= 251).mean(),
    (seen.pixels >= 255).mean(),
  ]
  return np.array([*np.log(np.array(ends) + 1e-4), ragged * np.sqrt(seen.luma.size)])


def local_tone(seen: Seen) -> Float[np.ndarray, " f"]:
  """Contrast in octaves of size, and whether it follows brightness (tone mapping evens it out, scenes do not)."""
  levels = [seen.luma, *(scipy.ndimage.gaussian_filter(seen.luma, 2.0**k, mode="mirror") for k in range(5))]
  bands = [a - b for a, b in pairwise(levels)]
  spread = log([band.std() for band in bands])
  follows = [_follows(levels[-1].ravel(), np.log(np.abs(band).ravel() + 0.5)) for band in bands[1:4]]
  return np.array([*np.diff(spread), *follows])


def content(seen: Seen) -> Float[np.ndarray, " f"]:
  """A control that no camera's fine traces reach: brightness, contrast and colours of means over 8x8 pixels."""
  side = len(seen.luma) // 8
  small = seen.pixels.reshape(side, 8, side, 8, 3).mean((1, 3))
  grey = small.mean(2)
  apart = [np.abs(small[..., a] - small[..., b]).mean() for a, b in ((0, 1), (2, 1), (0, 2))]
  steps = [np.abs(np.diff(grey, axis=axis)).mean() for axis in (0, 1)]
  return np.array([*small.mean((0, 1)), *log(small.std((0, 1))), *log(apart), *log(steps)])


Group = Callable[[Seen], Float[np.ndarray, " f"]]
GROUPS: dict[str, Group] = {
  "noise against intensity": noise,
  "residual spectrum": spectrum,
  "demosaicing period": demosaicing,
  "8x8 block grid": grid,
  "JPEG quantisation": quantisation,
  "colour correlation": colours,
  "noise correlation in space": correlation,
  "edges and sharpening": edges,
  "clipping, histogram": clipping,
  "local contrast": local_tone,
}
CONTROL = "content alone (control)"


def measure(patch: UInt8[np.ndarray, "s s 3"]) -> dict[str, Float[np.ndarray, " f"]]:
  """All groups and the control of one patch."""
  seen = see(patch)
  return {name: group(seen) for name, group in {**GROUPS, CONTROL: content}.items()}
