"""An image in question -> the pattern that is correlated, or the reason why it can answer nothing.

Shapes: b images, h w pixels, v columns of half a spectrum.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, UInt8

from fsim.prnu import AnyArray
from fsim.prnu.residuals import DEFAULT, SMALLEST, Settings, clean, compiled_noise, exposed, grey, local_power
from fsim.prnu.settings import LEARNED

VARIANCE_FLOOR = 0.1  # Added to the variance of the clean residual, in squared grey levels.
PRIOR = 0.007  # Standard deviation of a pixel's relative sensitivity, as it is known before any image.
GRID = 0.009  # Cycles a pixel around the frequencies of the JPEG grid that are left out: what varies over 110 pixels.
RISE = 0.35  # Cycles a pixel up to which frequencies count the less, the lower they are.
DARK = 8  # Grey levels below which a pixel's noise is not the sensor's pattern.
USABLE = 0.25  # Share of pixels that must be neither dark nor saturated.
PLAIN = 0.25  # Standard deviation of the residual, in grey levels, below which an image was smoothed or is synthetic.


class Quality(NamedTuple):
  """What decides whether an image that can be filtered can be matched; shares of its pixels, and grey levels."""

  saturated: float
  dark: float
  deviation: float

  def objection(self) -> str:
    """Why no statement is possible, or nothing."""
    if self.saturated > 1 - USABLE:
      return f"over-exposed: {100 * self.saturated:.0f} % of the pixels are saturated"
    if self.saturated + self.dark > 1 - USABLE:
      return f"under-exposed: {100 * self.dark:.0f} % of the pixels are nearly black"
    if self.deviation < PLAIN:
      return f"no noise left: the residual's standard deviation is {self.deviation:.2f} grey levels"
    return ""


class Filtered(NamedTuple):
  """Images and what the noise filter takes off them, made once for all that is asked of them; on JAX's device."""

  images: UInt8[AnyArray, "b h w 3"]
  noise: Float[AnyArray, "b h w"]
  settings: Settings


def filtered(images: UInt8[AnyArray, "b h w 3"], settings: Settings = DEFAULT) -> Filtered:
  """Raises UserError below SMALLEST pixels."""
  images = jax.device_put(images)  # `jnp.asarray` would compile a program for it.
  return Filtered(images, compiled_noise(images, settings), settings)


def central(found: Filtered, side: int) -> Filtered:
  """The square in the middle, on the JPEG grid, filtered by itself; the whole where it is no larger."""
  height, width = found.images.shape[1:3]
  if max(height, width) <= side:
    return found
  top, left = (max(n - side, 0) // 16 * 8 for n in (height, width))
  return filtered(np.asarray(found.images)[:, top : top + side, left : left + side], found.settings)


class Look(NamedTuple):
  """An image's pattern, or the objection why it has none."""

  objection: str
  pattern: Float[np.ndarray, "h w"] | None


def look(image: UInt8[np.ndarray, "h w 3"], make: Callable[[Filtered], AnyArray], settings: Settings = DEFAULT) -> Look:
  """make: `for_image` or `for_fingerprint`."""
  found, objection = examined(image, settings)
  return Look(objection, None if found is None else jax.device_get(make(found))[0])


def looked(own: Float[np.ndarray, "3"], pattern: Float[np.ndarray, "h w"]) -> Look:
  """From the `shares` and the pattern of one image."""
  objection = _objection(own)
  return Look(objection, None if objection else pattern)


def examined(image: UInt8[np.ndarray, "h w 3"], settings: Settings = DEFAULT) -> tuple[Filtered | None, str]:
  """The image, filtered, or None and the objection why nothing can be said of it."""
  if objection := too_small(image):
    return None, objection
  found = filtered(image[None], settings)
  objection = _objection(jax.device_get(shares(found))[0])
  return None if objection else found, objection


def too_small(image: UInt8[np.ndarray, "h w 3"]) -> str:
  """Why an image cannot be filtered at all, or nothing."""
  side = min(image.shape[:2])
  return f"too small: {side} pixels on the shorter side, at least {SMALLEST} are needed" if side < SMALLEST else ""


def _objection(own: Float[np.ndarray, "3"]) -> str:
  """From the `shares` of one image."""
  return Quality(*(float(x) for x in own)).objection()


def shares(found: Filtered) -> Float[AnyArray, "b 3"]:
  """Saturated and dark pixels, and the noise's standard deviation, of each image."""
  return _shares(found.images, found.noise)


@jax.jit
def _shares(images: UInt8[AnyArray, "b h w 3"], noise: Float[AnyArray, "b h w"]) -> Float[AnyArray, "b 3"]:
  dark, clear = grey(images) < DARK, exposed(images)
  return jnp.stack([1 - clear.mean((1, 2)), dark.mean((1, 2)), noise.std((1, 2))], 1)


def against_fingerprint(images: UInt8[AnyArray, "b h w 3"], settings: Settings = DEFAULT) -> Float[AnyArray, "b h w"]:
  """What correlates with a fingerprint K: W I, as W does with the expected I K (Goljan 2009), over W's local deviation.

  Texture, where denoising leaves content, then counts less, as it does in the fingerprint.
  """
  return for_fingerprint(filtered(images, settings))


def for_fingerprint(found: Filtered) -> Float[AnyArray, "b h w"]:
  pattern = _for_fingerprint(*found)
  return _with_learned(found, pattern) if found.settings.noise == LEARNED.noise else pattern


@functools.partial(jax.jit, static_argnums=2)
def _for_fingerprint(
  images: UInt8[AnyArray, "b h w 3"], found: Float[AnyArray, "b h w"], settings: Settings
) -> Float[AnyArray, "b h w"]:
  return without_grid(_weighted(images, found, settings) * grey(images))


def against_image(images: UInt8[AnyArray, "b h w 3"], settings: Settings = DEFAULT) -> Float[AnyArray, "b h w"]:
  """W sqrt(I) over the residual's local deviation, low frequencies attenuated.

  Between two single images noise is stronger than between an image and a fingerprint, so that it pays to discount
  texture and the low frequencies, where denoising leaves content. Chosen on several sets of cameras: docs/prnu.md.
  """
  return for_image(filtered(images, settings))


def for_image(found: Filtered) -> Float[AnyArray, "b h w"]:
  pattern = _for_image(*found)
  return _with_learned(found, pattern) if found.settings.noise == LEARNED.noise else pattern


@functools.partial(jax.jit, static_argnums=2)
def _for_image(
  images: UInt8[AnyArray, "b h w 3"], found: Float[AnyArray, "b h w"], settings: Settings
) -> Float[AnyArray, "b h w"]:
  height, width = images.shape[1:3]
  weighted = _weighted(images, found, settings) * jnp.sqrt(grey(images))
  return _filtered(weighted, _off_grid(height, width) * _rising(height, width))


def _weighted(
  images: UInt8[AnyArray, "b h w 3"], found: Float[AnyArray, "b h w"], settings: Settings
) -> Float[AnyArray, "b h w"]:
  """Clean residual over its local deviation, nothing where pixels are saturated."""
  residual = clean(found, settings)
  return residual * exposed(images) / jnp.sqrt(local_power(residual) + VARIANCE_FLOOR)


def _filtered(pattern: Float[AnyArray, "b h w"], gain: Float[np.ndarray, "h v"]) -> Float[AnyArray, "b h w"]:
  spectrum = jnp.fft.rfft2(pattern - pattern.mean((1, 2), keepdims=True))
  return jnp.fft.irfft2(spectrum * gain, s=pattern.shape[1:3])


def without_grid(pattern: Float[AnyArray, "b h w"]) -> Float[AnyArray, "b h w"]:
  """Without its mean, and without the frequencies of the JPEG grid."""
  return _filtered(pattern, _off_grid(*pattern.shape[1:3]))


def _with_learned(found: Filtered, classical: Float[AnyArray, "b h w"]) -> Float[AnyArray, "b h w"]:
  """Both patterns in equal parts: what each misses is partly in the other (docs/prnu.md)."""
  from fsim.prnu import learned  # Needs Flax, without which all else matches.

  return together(classical, learned.pattern(found))


def together(classical: Float[AnyArray, "b h w"], learned: Float[AnyArray, "b h w"]) -> Float[AnyArray, "b h w"]:
  return _standardised(classical) + _standardised(learned)


@jax.jit
def _standardised(pattern: Float[AnyArray, "b h w"]) -> Float[AnyArray, "b h w"]:
  return pattern / jnp.maximum(pattern.std((1, 2), keepdims=True), 1e-20)


def _off_grid(height: int, width: int) -> Float[np.ndarray, "h v"]:
  """0 around the frequencies of what repeats every 8 pixels both ways, else 1.

  JPEG leaves a pattern in its blocks that cameras with one encoder share. It comes back with the weights, and varies
  slowly over the image, so that neighbouring frequencies go too.
  """
  row, column = (np.abs(f - np.round(f * 8) / 8) <= GRID for f in (np.fft.fftfreq(height), np.fft.rfftfreq(width)))
  return 1 - np.outer(row, column).astype(np.float32)


def _rising(height: int, width: int) -> Float[np.ndarray, "h v"]:
  """Amplitude as the square root of the frequency up to RISE, then flat."""
  frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width))
  return np.sqrt(np.minimum(frequency / RISE, 1)).astype(np.float32)
