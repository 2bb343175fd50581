import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from hypothesis import given
from hypothesis import strategies as st

from fsim.models.pool import max_pool


def first_maximum(x, g, window, stride, padding):
  """Where each window's share of g goes, window by window."""
  pads = jax.lax.padtype_to_pads(x.shape, (1, window, window, 1), (1, stride, stride, 1), padding)
  padded = np.pad(x, pads, constant_values=-np.inf)
  spread = np.zeros_like(padded)
  for b, i, j, c in np.ndindex(g.shape):
    view = padded[b, i * stride : i * stride + window, j * stride : j * stride + window, c]
    m, n = np.unravel_index(view.argmax(), view.shape)  # argmax gives the first in reading order.
    spread[b, i * stride + m, j * stride + n, c] += g[b, i, j, c]
  (top, _), (left, _) = pads[1:3]
  return spread[:, top : top + x.shape[1], left : left + x.shape[2]]


@functools.partial(jax.jit, static_argnums=(2, 3, 4))
def pools_and_gradients(x, g, window, stride, padding):
  """fsim's and Flax's."""
  sides = (
    lambda x: max_pool(x, window, stride, padding),
    lambda x: nn.max_pool(x, (window, window), (stride, stride), padding),
  )
  return [(y, pull(g)[0]) for y, pull in (jax.vjp(side, x) for side in sides)]


@st.composite
def poolings(draw):
  """A map with many ties, a gradient, and how to pool it."""
  window, stride = draw(st.integers(1, 4)), draw(st.integers(1, 5))
  padding = draw(st.sampled_from(["VALID", "SAME"]))
  h, w = (draw(st.integers(window if padding == "VALID" else 1, 9)) for _ in "hw")
  rng = np.random.default_rng(draw(st.integers(0, 2**32)))
  x = rng.integers(-2, 2, (2, h, w, 3)).astype(np.float32)
  shape = nn.max_pool(x, (window, window), (stride, stride), padding).shape
  return x, rng.normal(size=shape).astype(np.float32), window, stride, padding


@given(poolings())
def test_it_is_flax_max_pool_and_the_gradient_goes_to_the_first_maximum(pooling):
  x, g, window, stride, padding = pooling
  (y, dx), (flax_y, flax_dx) = pools_and_gradients(*pooling)
  np.testing.assert_array_equal(y, flax_y)
  np.testing.assert_allclose(dx, flax_dx, atol=1e-5)
  np.testing.assert_allclose(dx, first_maximum(x, g, window, stride, padding), atol=1e-5)


def test_same_padding_keeps_the_last_row_and_column():
  sides, side = [], 61
  while side > 5:
    side = max_pool(jnp.zeros((1, side, side, 1)), 2, 2, "SAME").shape[1]
    sides.append(side)
  assert sides == [31, 16, 8, 4]  # Rounded up, as Caffe does.


def test_images_are_pooled_alike_alone_and_mapped_over_in_any_precision():
  x = jax.random.normal(jax.random.key(0), (3, 2, 9, 8, 4), jnp.bfloat16)
  total = jax.grad(lambda x: max_pool(x, 3, 2).astype(jnp.float32).sum())
  mapped = jax.jit(jax.vmap(total))(x)
  assert mapped.dtype == jnp.bfloat16
  np.testing.assert_array_equal(mapped[1], total(x[1]))


def test_a_window_larger_than_the_map_is_refused():
  with pytest.raises(ValueError, match="window of 3x3 does not fit into a map of 2x5"):
    max_pool(jnp.zeros((1, 2, 5, 1)), 3, 2)


@pytest.mark.parametrize(("platform", "scatters"), [("cpu", False), ("cuda", True), ("tpu", True)])
def test_accelerators_keep_the_operations_of_xla(platform, scatters):
  def step(x):
    return jax.value_and_grad(lambda x: max_pool(x, 3, 2).sum())(x)

  program = jax.jit(step).trace(jnp.zeros((1, 9, 9, 2))).lower(lowering_platforms=(platform,)).as_text()
  assert ("select_and_scatter" in program) == scatters
  assert ("reduce_window" in program) == scatters
