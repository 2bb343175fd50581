"""Max pooling with a gradient that is quick on the CPU too.

Shapes: b images, h w pixels, c channels, i j windows.
"""

from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

Padding = Literal["VALID", "SAME"]


@partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3))
def max_pool(
  x: Float[Array, "b h w c"], window: int, stride: int, padding: Padding = "VALID"
) -> Float[Array, "b i j c"]:
  """Largest value of every window. The gradient goes to the first maximum in reading order, as in PyTorch.

  VALID keeps whole windows only; SAME has ceil(h / stride) of them and pads below and to the right first.
  """
  return lax.reduce_window(x, -jnp.inf, lax.max, (1, window, window, 1), (1, stride, stride, 1), padding)


def _forward(x, window, stride, padding):
  y = max_pool(x, window, stride, padding)
  return y, (x, y)


def _backward(window, stride, padding, saved, g):
  """XLA's own gradient (select and scatter) is quick on a GPU but runs on one CPU core, unvectorised."""
  shape = {"window": window, "stride": stride, "padding": padding}
  return (lax.platform_dependent(*saved, g, cpu=partial(_to_taps, **shape), default=partial(_scatter, **shape)),)


max_pool.defvjp(_forward, _backward)


def _scatter(x, y, g, *, window, stride, padding):
  pool = partial(max_pool.fun, window=window, stride=stride, padding=padding)
  return jax.vjp(pool, x)[1](g)[0]


def _to_taps(x, y, g, *, window, stride, padding):
  """Compares each tap of the windows with their maxima, sums taps that fall on one phase of the stride, interleaves."""
  sizes, steps = (1, window, window, 1), (1, stride, stride, 1)
  pads = lax.padtype_to_pads(x.shape, sizes, steps, padding)
  padded = jnp.pad(x, pads, constant_values=-jnp.inf)
  (b, h, w, c), (i, j) = padded.shape, y.shape[1:3]
  rows, columns = -(-h // stride), -(-w // stride)
  zero = jnp.zeros((b, rows, columns, c), g.dtype)
  phases = [[zero] * stride for _ in range(stride)]
  taken = jnp.zeros(y.shape, bool)
  for m in range(window):
    for n in range(window):
      tap = padded[:, m : m + stride * (i - 1) + 1 : stride, n : n + stride * (j - 1) + 1 : stride]
      first = (tap == y) & ~taken
      taken |= first
      down, right = m // stride, n // stride
      share = jnp.pad(jnp.where(first, g, 0), ((0, 0), (down, rows - i - down), (right, columns - j - right), (0, 0)))
      phases[m % stride][n % stride] += share
  whole = jnp.stack([jnp.stack(phase, 3) for phase in phases], 2).reshape(b, rows * stride, columns * stride, c)
  (top, _), (left, _) = pads[1:3]
  return whole[:, top : top + x.shape[1], left : left + x.shape[2]]
