"""Image -> noise residual, where PRNU is.

Residual: wavelet Wiener filter of Mihcak et al. 1999 as used by Lukas, Fridrich & Goljan 2006 (appendix A), on every
colour channel. Zero mean and Fourier Wiener filter: Chen, Fridrich, Goljan & Lukas 2008 (section III-B).

Shapes: b images, h w pixels, v columns of half a spectrum. Pixels and residuals are in grey levels, 0..255.
"""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Bool, Float, UInt8

from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.prnu import AnyArray
from fsim.prnu.settings import DEFAULT, LEARNED, MAX_SIGMA, NOISES, Settings
from fsim.prnu.wavelet import Transform, require_orthogonal

SATURATED = 250  # Grey levels of the brightest channel from which on a pixel tells nothing about the sensor.
SMALLEST = 64  # Pixels of the shorter side; below, four levels of a wavelet are mostly border.
WINDOWS = (3, 5, 7, 9)  # Sides of the squares in which the local variance is estimated; the smallest estimate counts.
GREY = (0.299, 0.587, 0.114)  # Luma of JPEG.


MAX_LEVELS = 8
ZERO_MEANS = ("phases", "whole", "none")


def require_sane(settings: Settings) -> None:
  """Raises UserError naming the setting."""
  require_orthogonal(settings.wavelet)
  if not 0 < settings.sigma <= MAX_SIGMA:
    raise UserError(f"sigma must be above 0 and at most {MAX_SIGMA:g} grey levels, got {settings.sigma:g}")
  if not 1 <= settings.levels <= MAX_LEVELS:
    raise UserError(f"levels must be from 1 to {MAX_LEVELS}, got {settings.levels}")
  if settings.zero_mean not in ZERO_MEANS:
    raise UserError(f"zero_mean must be one of {', '.join(ZERO_MEANS)}, got {shown(settings.zero_mean)}")
  if settings.noise not in NOISES:
    raise UserError(f"noise must be one of {', '.join(NOISES)}, got {shown(settings.noise)}")
  if settings.noise == LEARNED.noise and settings != LEARNED:
    raise UserError("learned noise has no other settings: the network knows residuals of the usual ones alone")


def compiled_noise(images: UInt8[AnyArray, "b h w 3"], settings: Settings) -> Float[AnyArray, "b h w"]:
  """What the wavelet filter takes off the three channels, as one grey image; no clean-up yet.

  The filter of each channel is followed by linear steps only, so the inverse transform is done once, of the grey bands.
  Its programs are compiled by themselves, also where nothing around it is.
  Raises UserError below SMALLEST pixels.
  """
  require_size(*images.shape[1:3])
  return _noise_of(_channels(images), settings)


@jax.jit
def _channels(images: UInt8[AnyArray, "b h w 3"]) -> UInt8[AnyArray, "3 b h w"]:
  """A program of its own, or XLA would keep the channels of a pixel side by side in all that follows."""
  return jnp.moveaxis(images, -1, 0)


# Most of what is compiled, and so a program of its own, which all that is asked of one image shares.
@functools.partial(jax.jit, static_argnums=1)
def _noise_of(channels: UInt8[AnyArray, "3 b h w"], settings: Settings) -> Float[AnyArray, "b h w"]:
  transform = Transform(settings.wavelet)
  _, details = transform.analyse(channels, settings.levels)
  noisy = [_noisy(bands, settings.sigma**2) for bands in details]
  mixed = [_luma(*(lax.index_in_dim(bands, c, 1, keepdims=False) for c in range(3))) for bands in noisy]
  return transform.synthesise(mixed, channels.shape[2:])


@functools.partial(jax.jit, static_argnames="settings")
def clean(pattern: Float[AnyArray, "b h w"], settings: Settings) -> Float[AnyArray, "b h w"]:
  """Takes off what cameras of one model share: means of rows and columns, and periodic parts."""
  if settings.zero_mean == "phases":
    pattern = _zero_mean_phases(pattern)
  elif settings.zero_mean == "whole":
    pattern = _zero_mean(pattern)
  elif settings.zero_mean != "none":
    raise UserError(f'zero_mean must be "phases", "whole" or "none", got {settings.zero_mean!r}')
  return _whiten(pattern) if settings.whiten else pattern


def residuals(images: UInt8[AnyArray, "b h w 3"], settings: Settings = DEFAULT) -> Float[AnyArray, "b h w"]:
  """Clean residuals of images of one size. Raises UserError below SMALLEST pixels."""
  return clean(compiled_noise(images, settings), settings)


def require_size(height: int, width: int) -> None:
  if min(height, width) < SMALLEST:
    raise UserError(f"{width}x{height} pixels are too few for a noise residual: at least {SMALLEST} on each side")


def grey(images: UInt8[AnyArray, "*b h w 3"]) -> Float[AnyArray, "*b h w"]:
  return _luma(*(images[..., c].astype(jnp.float32) for c in range(3)))


def _luma(
  red: Float[AnyArray, "*b h w"], green: Float[AnyArray, "*b h w"], blue: Float[AnyArray, "*b h w"]
) -> Float[AnyArray, "*b h w"]:
  """A sum and not a matrix product, which needs a transpose, and which GPUs round to 10 bits by default."""
  return GREY[0] * red + GREY[1] * green + GREY[2] * blue


def exposed(images: UInt8[AnyArray, "*b h w 3"]) -> Bool[AnyArray, "*b h w"]:
  """Where no channel is saturated."""
  return jnp.maximum(jnp.maximum(images[..., 0], images[..., 1]), images[..., 2]) < SATURATED


def local_power(x: Float[AnyArray, "*b h w"]) -> Float[AnyArray, "*b h w"]:
  """Mean square over 9x9 pixels around each; beyond the border counts as zero."""
  padded = jnp.pad(x * x, [(0, 0)] * (x.ndim - 2) + [(4, 4), (4, 4)])
  h, w = x.shape[-2:]
  columns = lax.optimization_barrier(_total([_shifted(padded, k, h, -2) for k in range(9)]))
  return _total([_shifted(columns, k, w, -1) for k in range(9)]) / 81


def _noisy(band: Float[AnyArray, "*b h w"], variance: Float[AnyArray, ""] | float) -> Float[AnyArray, "*b h w"]:
  """The part of a band that is called noise: all where nothing but noise of this variance is seen, little at edges."""
  power = jnp.pad(band * band, [(0, 0)] * (band.ndim - 2) + [(4, 4), (4, 4)])
  return band * _attenuation(power, variance)


def _attenuation(
  power: Float[AnyArray, "*b i j"], variance: Float[AnyArray, "..."] | float
) -> Float[AnyArray, "*b h w"]:
  """Wiener gain of the noise, from squares padded by 4 on all sides."""
  excess = jnp.maximum(_smallest_mean(power) - variance, 0)
  return variance / (excess + variance)


def _smallest_mean(x: Float[AnyArray, "*b i j"]) -> Float[AnyArray, "*b h w"]:
  """Least of the means over squares of the WINDOWS around each pixel; sums grow from one window to the next."""
  h, w = x.shape[-2] - 8, x.shape[-1] - 8
  column = _shifted(x, 4, h, -2)
  columns = []
  for k in (1, 2, 3, 4):
    column = _total([column, _shifted(x, 4 - k, h, -2), _shifted(x, 4 + k, h, -2)])
    columns.append(column)
  # Else XLA sums columns anew for every row. Rows come last: most is read there, and neighbours of a row are near.
  columns = lax.optimization_barrier(tuple(columns))
  means = [
    _total([_shifted(column, 4 + d, w, -1) for d in range(-(k // 2), k // 2 + 1)]) / k**2
    for k, column in zip(WINDOWS, columns, strict=True)
  ]
  return functools.reduce(lax.min, means)


def _shifted(x: Float[AnyArray, "..."], start: int, size: int, axis: int) -> Float[AnyArray, "..."]:
  return lax.slice_in_dim(x, start, start + size, axis=axis % x.ndim)


def _total(parts: Sequence[Float[AnyArray, "..."]]) -> Float[AnyArray, "..."]:
  """Of `lax`, whose functions are traced in a fraction of the time that the operators of `jnp` take."""
  return functools.reduce(lax.add, parts)


def _zero_mean(x: Float[AnyArray, "*b h w"]) -> Float[AnyArray, "*b h w"]:
  x = x - x.mean(-2, keepdims=True)
  return x - x.mean(-1, keepdims=True)


def _zero_mean_phases(x: Float[AnyArray, "b h w"]) -> Float[AnyArray, "b h w"]:
  """Each of the four phases of the colour filter array by itself; an odd last row or column belongs to its phase."""
  odd_row, odd_column = (jnp.arange(n) % 2 == 1 for n in x.shape[-2:])
  columns = [x[:, i::2].mean(1) for i in (0, 1)]
  # Of the rows once the columns' means are off.
  rows = [
    x[:, :, j::2].mean(2) - jnp.where(odd_row, *(mean[:, None, j::2].mean(2) for mean in reversed(columns)))
    for j in (0, 1)
  ]
  off_columns = jnp.where(odd_row[:, None], columns[1][:, None], columns[0][:, None])
  return x - off_columns - jnp.where(odd_column, rows[1][..., None], rows[0][..., None])


def _whiten(x: Float[AnyArray, "b h w"]) -> Float[AnyArray, "b h w"]:
  """Wiener filter in the Fourier domain: frequencies that stand out from white noise of the same power come down."""
  h, w = x.shape[-2:]
  spectrum = jnp.fft.rfft2(x)
  power = (spectrum.real**2 + spectrum.imag**2) / (h * w)
  # Not `var`, which reads all twice: next to the deviation the mean is nothing.
  variance = (x * x).mean((-2, -1), keepdims=True) - x.mean((-2, -1), keepdims=True) ** 2
  gain = _attenuation(_wrapped(power, w), variance)
  return jnp.fft.irfft2(spectrum * gain, s=(h, w))


def _wrapped(power: Float[AnyArray, "b h v"], width: int) -> Float[AnyArray, "b i j"]:
  """Half a spectrum with 4 rows and columns more on each side, as it goes on: cyclic, and |F(-f)| = |F(f)|."""
  half = power.shape[-1]
  mirrored = jnp.roll(jnp.flip(power, -2), 1, -2)  # Row -u.
  left = jnp.flip(mirrored[..., 1:5], -1)
  last = width // 2 - (1 - width % 2)  # Column half - 1 + k is the mirror of width - (half - 1 + k).
  right = jnp.flip(mirrored[..., last - 3 : last + 1], -1)
  wide = jnp.concatenate([left, power, right], -1)
  assert wide.shape[-1] == half + 8
  return jnp.concatenate([wide[..., -4:, :], wide, wide[..., :4, :]], -2)
