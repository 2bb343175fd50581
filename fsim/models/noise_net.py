"""Photograph -> what every pixel says of its sensor's pattern, and how surely.

Shapes: b images, h w pixels, y x half of them, c channels.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from fsim.models.constrained import ConstrainedConv
from fsim.models.extractors import Pixels

GREY = (0.299, 0.587, 0.114)  # Luma of JPEG.
SATURATED = 250  # Grey levels of the brightest channel from which on a pixel tells nothing about the sensor.
FILTERS = 6  # Of the constrained layer, two a channel.
SHARE = 0.17  # Of the pattern that is taken to be in the residual before anything is learned.
SPAN = 8.0  # Largest logarithm by which the network changes a precision.


class Evidence(NamedTuple):
  """Of one photograph, or the sum over several of one sensor: log p(pixels | K) = information K - precision K^2 / 2.

  With a prior of precision p the posterior's mean is information / (p + precision), its variance 1 / (p + precision).

  Attributes:
    information: 1 / relative sensitivity.
    precision: 1 / relative sensitivity^2.
  """

  information: Float[Array, "b h w"]
  precision: Float[Array, "b h w"]


class NoiseNet(nn.Module):
  """A convolutional network that begins as the classical estimate and learns where to depart from it.

  Of the wavelet filter's residual W with the local variance v and an intensity I, the estimate of Chen et al. 2008 has
  the information W I / v and the precision I^2 / v, here with I times SHARE. Then W is multiplied and added to, and the
  precision multiplied, by what a network sees around each pixel: prediction errors of constrained filters (Bayar &
  Stamm 2018), W itself, v, and the colours. Every 2x2 pixels are the channels of one place (Zhang, Zuo & Zhang 2018,
  "FFDNet", section III-B), so that the sites of a colour filter array stay apart, and a layer costs a quarter.

  Attributes:
    width: channels.
    blocks: of two convolutions around which there is a way past.
    dtype: type of the arithmetic between the first and the last layer.
  """

  width: int = 48
  blocks: int = 3
  dtype: Any = jnp.float32

  @nn.compact
  def __call__(self, images: Pixels, residual: Float[Array, "b h w"], variance: Float[Array, "b h w"]) -> Evidence:
    """residual: of the wavelet filter, grey levels; variance: of it around each pixel, above 0."""
    colours = images.astype(jnp.float32)
    deviation = jnp.sqrt(variance)
    seen = self._seen(colours, residual, deviation)
    x = nn.Conv(self.width, (3, 3), dtype=self.dtype)(_halved(seen).astype(self.dtype))
    for _ in range(self.blocks):
      inner = nn.Conv(self.width, (3, 3), dtype=self.dtype)(nn.relu(x))
      x = x + nn.Conv(self.width, (3, 3), dtype=self.dtype)(nn.relu(inner))
    x = nn.Conv(12, (3, 3), dtype=self.dtype, kernel_init=nn.initializers.zeros)(nn.relu(x)).astype(jnp.float32)
    factor, added, sureness = jnp.moveaxis(_doubled(x, residual.shape[1:]), -1, 0)
    light = (colours @ jnp.asarray(GREY)) * (colours.max(-1) < SATURATED)
    noise = residual * (1 + factor) + deviation * added
    light = SHARE * light
    precision = light**2 / variance * jnp.exp(SPAN * jnp.tanh(sureness / SPAN))
    return Evidence(noise * light / variance, precision)

  def _seen(
    self, colours: Float[Array, "b h w 3"], residual: Float[Array, "b h w"], deviation: Float[Array, "b h w"]
  ) -> Float[Array, "b h w c"]:
    """What is known of each pixel, none of it far from -3..3."""
    padded = jnp.pad(colours, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="edge")
    errors = ConstrainedConv(FILTERS, apart=True)(padded)
    grey = [residual / deviation, jnp.arcsinh(residual / 2), jnp.log(deviation), colours.max(-1) >= SATURATED]
    return jnp.concatenate([jnp.arcsinh(errors / 2), colours / 127.5 - 1, jnp.stack(grey, -1)], -1)


def _halved(x: Float[Array, "b h w c"]) -> Float[Array, "b y x d"]:
  """2x2 pixels side by side; an odd last row or column is repeated."""
  b, h, w, c = x.shape
  x = jnp.pad(x, ((0, 0), (0, h % 2), (0, w % 2), (0, 0)), mode="edge")
  x = x.reshape(b, (h + 1) // 2, 2, (w + 1) // 2, 2, c)
  return x.transpose(0, 1, 3, 2, 4, 5).reshape(b, (h + 1) // 2, (w + 1) // 2, 4 * c)


def _doubled(x: Float[Array, "b y x d"], size: tuple[int, int]) -> Float[Array, "b h w c"]:
  """Undoes `_halved`."""
  b, y, z, d = x.shape
  x = x.reshape(b, y, z, 2, 2, d // 4).transpose(0, 1, 3, 2, 4, 5)
  return x.reshape(b, 2 * y, 2 * z, d // 4)[:, : size[0], : size[1]]
