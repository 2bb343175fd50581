"""Max pooling, with a form of it for the CPU, where XLA's own runs unvectorised (docs/speed.md).

Shapes: b images, h w pixels, c channels, i j windows. Values and gradients are the same on every backend.
"""

from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from fsim.boundary.errors import UserError

Padding = Literal["VALID", "SAME"]
ROWS, COLUMNS = 1, 2


@partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3))
def max_pool(
  x: Float[Array, "b h w c"], window: int, stride: int, padding: Padding = "VALID"
) -> Float[Array, "b i j c"]:
  """Largest value of every window. The gradient goes to its first maximum in reading order, as in PyTorch.

  VALID keeps whole windows only; SAME has ceil(h / stride) of them, an odd row of padding below (so with an even window
  of the stride's size it is PyTorch's ceil mode). Raises UserError if no window fits.
  """
  if padding == "VALID" and min(x.shape[1:3]) < window:
    raise UserError(f"a pooling window of {window}x{window} does not fit into a map of {x.shape[1]}x{x.shape[2]}")
  shape = {"window": window, "stride": stride, "padding": padding}
  return lax.platform_dependent(x, cpu=partial(_by_taps, **shape), default=partial(_reduce_window, **shape))


def _forward(x, window, stride, padding):
  y = max_pool(x, window, stride, padding)
  return y, (x, y)


def _backward(window, stride, padding, saved, g):
  shape = {"window": window, "stride": stride, "padding": padding}
  return (
    lax.platform_dependent(
      *saved, g, cpu=partial(_gradient_by_taps, **shape), default=partial(_select_and_scatter, **shape)
    ),
  )


max_pool.defvjp(_forward, _backward)


def _reduce_window(x, *, window, stride, padding):
  return lax.reduce_window(x, -jnp.inf, lax.max, (1, window, window, 1), (1, stride, stride, 1), padding)


def _select_and_scatter(x, y, g, **shape):
  return jax.vjp(partial(_reduce_window, **shape), x)[1](g)[0]


def _by_taps(x, *, window, stride, padding):
  """Columns first, then rows: 2 k maxima of whole shifted maps instead of k² a window."""
  padded, _ = _pad(x, window, stride, padding)
  return _maxima(lax.optimization_barrier(_maxima(padded, window, stride, COLUMNS)), window, stride, ROWS)


def _gradient_by_taps(x, y, g, *, window, stride, padding):
  """First the row of each window that has its maximum, then the column in that row: the first in reading order."""
  padded, (top, left) = _pad(x, window, stride, padding)
  in_row = lax.optimization_barrier(_maxima(padded, window, stride, COLUMNS))  # Else its maxima are computed per tap.
  g_row = lax.optimization_barrier(_spread(in_row, y, g, window, stride, ROWS))
  whole = _spread(padded, in_row, g_row, window, stride, COLUMNS)
  return whole[:, top : top + x.shape[1], left : left + x.shape[2]]


def _pad(x, window, stride, padding):
  pads = lax.padtype_to_pads(x.shape, (1, window, window, 1), (1, stride, stride, 1), padding)
  return jnp.pad(x, pads, constant_values=-jnp.inf), (pads[ROWS][0], pads[COLUMNS][0])


def _maxima(x, window, stride, axis):
  count = (x.shape[axis] - window) // stride + 1
  y = _tap(x, 0, count, stride, axis)
  for n in range(1, window):
    y = jnp.maximum(y, _tap(x, n, count, stride, axis))
  return y


def _tap(x, n, count, stride, axis):
  """The n-th value of every window along one axis."""
  return lax.slice_in_dim(x, n, n + stride * (count - 1) + 1, stride, axis)


def _spread(x, y, g, window, stride, axis):
  """Gradient of `_maxima`: sums the taps that fall on one phase of the stride, then interleaves the phases."""
  count, places = y.shape[axis], -(-x.shape[axis] // stride)
  shape = (*x.shape[:axis], places, *x.shape[axis + 1 :])
  phases = [jnp.zeros(shape, g.dtype)] * stride
  taken = jnp.zeros(y.shape, bool)
  for n in range(window):
    first = (_tap(x, n, count, stride, axis) == y) & ~taken
    taken |= first
    pads = [(0, 0)] * x.ndim
    pads[axis] = (n // stride, places - count - n // stride)
    phases[n % stride] += jnp.pad(jnp.where(first, g, 0), pads)
  whole = jnp.stack(phases, axis + 1).reshape(*x.shape[:axis], places * stride, *x.shape[axis + 1 :])
  return lax.slice_in_dim(whole, 0, x.shape[axis], axis=axis)
