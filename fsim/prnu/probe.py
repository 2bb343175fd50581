"""An image in question -> the pattern that is correlated, or the reason why it can answer nothing.

Shapes: b images, h w pixels, v columns of half a spectrum.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8

from fsim.models.noise_net import Evidence
from fsim.prnu import AnyArray, learned
from fsim.prnu.fingerprints import PRIOR
from fsim.prnu.residuals import DEFAULT, SMALLEST, Settings, clean, compiled_noise, exposed, grey, local_power
from fsim.prnu.settings import LEARNED

VARIANCE_FLOOR = 0.1  # Added to the variance of the clean residual, in squared grey levels.
GRID = 0.009  # Cycles a pixel around the frequencies of the JPEG grid that are left out: what varies over 110 pixels.
RISE = 0.35  # Cycles a pixel up to which frequencies count the less, the lower they are.
DARK = 8  # Grey levels below which a pixel's noise is not the sensor's pattern.
USABLE = 0.25  # Share of pixels that must be neither dark nor saturated.
PLAIN = 0.25  # Standard deviation of the residual, in grey levels, below which an image was smoothed or is synthetic.


class Quality(NamedTuple):
  """What decides whether an image can be matched at all; shares of its pixels, and grey levels."""

  saturated: float
  dark: float
  deviation: float
  smallest_side: int

  def objection(self) -> str:
    """Why no statement is possible, or nothing."""
    if self.smallest_side < SMALLEST:
      return f"too small: {self.smallest_side} pixels on the shorter side, at least {SMALLEST} are needed"
    if self.saturated > 1 - USABLE:
      return f"over-exposed: {100 * self.saturated:.0f} % of the pixels are saturated"
    if self.saturated + self.dark > 1 - USABLE:
      return f"under-exposed: {100 * self.dark:.0f} % of the pixels are nearly black"
    if self.deviation < PLAIN:
      return f"no noise left: the residual's standard deviation is {self.deviation:.2f} grey levels"
    return ""


def quality(image: UInt8[np.ndarray, "h w 3"], settings: Settings = DEFAULT) -> Quality:
  if min(image.shape[:2]) < SMALLEST:
    return Quality(0.0, 0.0, 0.0, min(image.shape[:2]))
  saturated, dark, deviation = (float(x) for x in _shares(image, compiled_noise(image[None], settings)))
  return Quality(saturated, dark, deviation, min(image.shape[:2]))


@jax.jit
def _shares(image: UInt8[AnyArray, "h w 3"], found: Float[AnyArray, "1 h w"]) -> tuple[AnyArray, Array, Array]:
  dark = grey(image) < DARK
  return 1 - exposed(image).mean(), dark.mean(), found.std()


def against_fingerprint(images: UInt8[AnyArray, "b h w 3"], settings: Settings = DEFAULT) -> Float[AnyArray, "b h w"]:
  """What correlates with a fingerprint K: W I, as W does with the expected I K (Goljan 2009), over W's local deviation.

  Texture, where denoising leaves content, then counts less, as it does in the fingerprint.
  """
  if settings.noise == LEARNED.noise:
    return _with_learned(images, against_fingerprint(images, DEFAULT))
  return _for_fingerprint(images, compiled_noise(images, settings), settings)


@functools.partial(jax.jit, static_argnums=2)
def _for_fingerprint(
  images: UInt8[AnyArray, "b h w 3"], found: Float[AnyArray, "b h w"], settings: Settings
) -> Float[AnyArray, "b h w"]:
  weighted = _weighted(images, found, settings) * grey(images)
  return _filtered(weighted, _off_grid(*images.shape[1:3]))


def against_image(images: UInt8[AnyArray, "b h w 3"], settings: Settings = DEFAULT) -> Float[AnyArray, "b h w"]:
  """W sqrt(I) over the residual's local deviation, low frequencies attenuated.

  Between two single images noise is stronger than between an image and a fingerprint, so that it pays to discount
  texture and the low frequencies, where denoising leaves content. Chosen on several sets of cameras: docs/prnu.md.
  """
  if settings.noise == LEARNED.noise:
    return _with_learned(images, against_image(images, DEFAULT))
  return _for_image(images, compiled_noise(images, settings), settings)


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


def _with_learned(images: UInt8[AnyArray, "b h w 3"], classical: Float[AnyArray, "b h w"]) -> Float[AnyArray, "b h w"]:
  """Both patterns in equal parts: what each misses is partly in the other (docs/prnu.md)."""
  return _standardised(classical) + _standardised(posterior(learned.evidence(images)))


@jax.jit
def _standardised(pattern: Float[AnyArray, "b h w"]) -> Float[AnyArray, "b h w"]:
  return pattern / jnp.maximum(pattern.std((1, 2), keepdims=True), 1e-20)


@jax.jit
def posterior(found: Evidence) -> Float[AnyArray, "b h w"]:
  """The pattern's mean after one photograph, without rows and columns and the JPEG grid that cameras share.

  The product of two is to first order the logarithm of the likelihood ratio of one sensor against two.
  """
  mean = clean(found.information / (found.precision + PRIOR**-2), DEFAULT._replace(whiten=False))
  return _filtered(mean, _off_grid(*mean.shape[1:]))


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
