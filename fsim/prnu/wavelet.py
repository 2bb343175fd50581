"""Separable wavelet transform with symmetric borders, as PyWavelets computes it (mode "symmetric").

Shapes: h w rows and columns of an image, any leading axes before them; the four bands of a level are about half of it.
"""

import functools
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import pywt
from jax import lax
from jaxtyping import Float, Shaped

from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.prnu import AnyArray

Image = Shaped[AnyArray, "..."]
Bands = Float[AnyArray, "3 ..."]  # Details of a level: horizontal (high-pass across rows), vertical, diagonal.


class Transform(NamedTuple):
  """Taps of an orthogonal wavelet, by its name in PyWavelets: "db4" has eight, "db8" sixteen."""

  name: str

  @property
  def low(self) -> np.ndarray:
    return np.asarray(_orthogonal(self.name).dec_lo, np.float32)

  @property
  def high(self) -> np.ndarray:
    return np.asarray(_orthogonal(self.name).dec_hi, np.float32)

  def analyse(self, image: Image, levels: int) -> tuple[Image, list[Bands]]:
    """Returns the approximation and the details, finest first; both of float32, whatever the image is of."""
    details = []
    for _ in range(levels):
      # Both halves as one array, so that few programs are compiled and few kernels started.
      (image, horizontal), (vertical, diagonal) = self._down(jnp.stack(self._down(image, -2)), -1)
      details.append(jnp.stack([horizontal, vertical, diagonal]))
    return image, details

  def synthesise(self, details: list[Bands], size: tuple[int, int]) -> Image:
    """The image of `size` that has these details and no approximation."""
    image = jnp.zeros_like(details[-1][0])
    for level in reversed(range(len(details))):
      horizontal, vertical, diagonal = details[level]
      h, w = details[level - 1].shape[-2:] if level else size
      image = image[..., : diagonal.shape[-2], : diagonal.shape[-1]]
      low, high = self._up(jnp.stack([image, horizontal]), jnp.stack([vertical, diagonal]), -1, w)
      image = self._up(low, high, -2, h)
    return image

  def _down(self, x: Image, axis: int) -> tuple[Image, Image]:
    taps = len(self.low)
    size = x.shape[axis]
    padding = [(0, 0)] * x.ndim
    padding[axis] = (taps - 2, taps)
    extended = jnp.pad(x, padding, mode="symmetric")
    kept = (size + taps - 1) // 2
    tap = [lax.slice_in_dim(extended, j, j + 2 * kept - 1, 2, axis % x.ndim) for j in range(taps)]
    tap = [lax.convert_element_type(x, np.float32) for x in tap]
    return _weighted(self.low[::-1], tap), _weighted(self.high[::-1], tap)

  def _up(self, low: Image, high: Image, axis: int, size: int) -> Image:
    """The first `size` values whose `_down` this is: even and odd ones apart, each from every second tap."""
    taps, kept = len(self.low), low.shape[axis]
    pairs = kept - taps // 2 + 1
    both = []
    for parity in (0, 1):
      # Of an orthogonal wavelet the reconstruction taps are the reversed decomposition taps.
      weights = np.concatenate([self.low[::-1][parity::2], self.high[::-1][parity::2]])
      starts = [taps // 2 - 1 - j for j in range(taps // 2)]
      parts = [[lax.slice_in_dim(x, s, s + pairs, 1, axis % x.ndim) for s in starts] for x in (low, high)]
      both.append(_weighted(weights, parts[0] + parts[1]))
    mixed = jnp.stack(both, axis=axis % low.ndim + 1)
    whole = mixed.reshape(*low.shape[: axis % low.ndim], 2 * pairs, *low.shape[axis % low.ndim + 1 :])
    return lax.slice_in_dim(whole, 0, size, 1, axis % low.ndim)


def require_orthogonal(name: str) -> None:
  """Raises UserError for other wavelets, which would need reconstruction taps of their own, and for other names."""
  if name not in pywt.wavelist(kind="discrete"):
    raise UserError(f"{shown(name[:40])} is no wavelet of PyWavelets")
  if not pywt.Wavelet(name).orthogonal:
    raise UserError(f"the wavelet {name} is not orthogonal")


@functools.cache
def _orthogonal(name: str) -> pywt.Wavelet:
  require_orthogonal(name)
  return pywt.Wavelet(name)


def _weighted(taps: Float[np.ndarray, " n"], shifted: list[Image]) -> Image:
  """Of `lax`, whose functions are traced in a fraction of the time that the operators of `jnp` take."""
  return functools.reduce(lax.add, [lax.mul(x, t) for t, x in zip(taps, shifted, strict=True)])
