from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
import pytest
from flax import linen as nn
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fsim.models import constrained
from fsim.models.constrained import KERNEL, LEAST_SUM, ConstrainedConv, constrain
from tests.networks import applied, drawn

constrain_kernel = jax.jit(constrained.constrain_kernel)  # Compiled once a shape, and not operation by operation.
SIZES = st.sampled_from([(3, 1, 1), (5, 1, 3), (5, 3, 2)])  # Few, since each is compiled.
kernels = SIZES.flatmap(
  lambda s: hnp.arrays(np.float32, (s[0], s[0], *s[1:]), elements=st.integers(-8000, 8000).map(lambda n: n / 8))
)


class Net(nn.Module):
  @nn.compact
  def __call__(self, x):
    x = ConstrainedConv(3)(x)
    x = nn.Conv(4, (3, 3))(nn.tanh(x))
    return nn.Dense(2)(x.mean((1, 2)))


def neighbours(kernel):
  k = kernel.shape[0]
  return np.delete(np.asarray(kernel, np.float64).reshape(k * k, -1), k * k // 2, 0)


def holds(kernel, tolerance=1e-5):
  k = kernel.shape[0]
  np.testing.assert_array_equal(kernel[k // 2, k // 2].astype(jnp.float32), -1)
  np.testing.assert_allclose(neighbours(kernel).sum(0), 1, atol=tolerance)


@given(kernels)
def test_centres_are_minus_one_and_neighbours_sum_to_one(kernel):
  once = constrain_kernel(kernel)
  holds(once)
  assert np.abs(neighbours(once)).sum(0).max() <= 1.001 / LEAST_SUM
  np.testing.assert_allclose(constrain_kernel(once), once, atol=1e-5)


@given(kernels, st.sampled_from([0.0625, 0.5, 16]))
def test_only_proportions_count_and_not_the_centre(kernel, factor):
  k = len(kernel) // 2
  other = kernel * np.float32(factor)
  other[k, k] = 7
  np.testing.assert_allclose(constrain_kernel(other), constrain_kernel(kernel), atol=1e-3)


def test_a_vanishing_sum_gives_the_even_filter_and_only_there():
  kernel = np.ones((5, 5, 1, 2), np.float32) * np.arange(1, 6, dtype=np.float32)[:, None, None, None]
  kernel[:, :, 0, 1] = np.where(np.arange(25).reshape(5, 5) % 2, 1.0, -1.0)
  kernel[2, 2] = 0
  kernel[0, 0, 0, 1] = kernel[0, 1, 0, 1] = 0
  made = constrain_kernel(kernel)
  np.testing.assert_allclose(neighbours(made)[:, 1], 1 / 24, rtol=1e-6)
  np.testing.assert_allclose(made[4, 0, 0, 0] / made[0, 0, 0, 0], 5, rtol=1e-5)
  zero = constrain_kernel(jnp.zeros((5, 5, 1, 1)))
  np.testing.assert_allclose(neighbours(zero), 1 / 24, rtol=1e-6)


@partial(jax.jit, static_argnums=0)
def begun(layer, seed, x):
  return layer.init_with_output(jax.random.key(seed), x)


@given(st.integers(0, 99), st.floats(0, 255, width=32), st.sampled_from([(1, False), (3, False), (4, True)]))
def test_a_flat_patch_leaves_nothing(seed, level, kind):
  channels, apart = kind
  residual, params = begun(ConstrainedConv(4, apart=apart), seed, np.full((1, 9, 8, channels), level, np.float32))
  holds(params["params"][KERNEL])
  assert float(neighbours(params["params"][KERNEL]).min()) >= 0
  assert residual.shape == (1, 5, 4, 4)
  np.testing.assert_allclose(residual, 0, atol=1e-3)


def test_the_residual_is_the_prediction_less_the_pixel():
  layer = ConstrainedConv(1, kernel=3)
  image = np.zeros((1, 3, 3, 1), np.float32)
  image[0, :2, 1, 0] = 4, 10
  params = {"params": {KERNEL: constrain_kernel(jnp.ones((3, 3, 1, 1)))}}
  np.testing.assert_allclose(applied(layer, params, image), 4 / 8 - 10, rtol=1e-6)


def test_only_constrained_kernels_change():
  tree = {"params": drawn(Net(), jnp.zeros((1, 9, 9, 1)))["params"], "momentum": (jnp.ones(3),)}
  tree["params"]["ConstrainedConv_0"][KERNEL] = 3 * jnp.asarray(tree["params"]["ConstrainedConv_0"][KERNEL])
  made = constrain(tree)
  holds(made["params"]["ConstrainedConv_0"][KERNEL])
  for (path, before), after in zip(jax.tree.leaves_with_path(tree), jax.tree.leaves(made), strict=True):
    assert (before is after) == (path[-1] != jax.tree_util.DictKey(KERNEL))


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_training_keeps_the_constraint_through_momentum_decay_and_checkpoints(dtype, tmp_path):
  net, images = Net(), jax.random.uniform(jax.random.key(1), (8, 12, 12, 1)) * 255
  params = jax.tree.map(lambda x: jnp.asarray(x, dtype), drawn(net, images)["params"])
  optimiser = optax.chain(optax.add_decayed_weights(5e-2), optax.sgd(0.05, momentum=0.95))
  tolerance = 1e-5 if dtype == jnp.float32 else 2e-2  # A sum of 24 taps of 8 bits each.

  @jax.jit
  def step(params, opt):
    loss = lambda p: optax.softmax_cross_entropy_with_integer_labels(  # noqa: E731
      net.apply({"params": p}, images), jnp.arange(8) % 2
    ).mean()
    updates, opt = optimiser.update(jax.grad(loss)(params), opt, params)
    return constrain(optax.apply_updates(params, updates)), opt

  opt, start = optimiser.init(params), params["ConstrainedConv_0"][KERNEL]
  for _ in range(10):
    params, opt = step(params, opt)
    kernel = params["ConstrainedConv_0"][KERNEL]
    assert kernel.dtype == dtype
    holds(kernel, tolerance)
  assert float(jnp.abs(kernel - start).max()) > 1e-3
  with ocp.StandardCheckpointer() as checkpointer:
    checkpointer.save(tmp_path / "saved", params)
    checkpointer.wait_until_finished()
    again = checkpointer.restore(tmp_path / "saved", params)
  holds(again["ConstrainedConv_0"][KERNEL], tolerance)
  np.testing.assert_array_equal(jax.jit(constrain)(again)["ConstrainedConv_0"][KERNEL], constrain_kernel(kernel))


@pytest.mark.parametrize("kernel", [1, 4])
def test_a_filter_without_a_centre_is_refused(kernel):
  with pytest.raises(ValueError, match=f"an odd side from 3, got {kernel}"):
    ConstrainedConv(1, kernel=kernel).init(jax.random.key(0), jnp.zeros((1, 9, 9, 1)))
