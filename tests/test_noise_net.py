"""The network of sensor noise begins as the classical estimate, and its evidence adds up."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fsim.models.constrained import KERNEL, constrain_kernel
from fsim.models.noise_net import SHARE, Evidence, NoiseNet
from fsim.prnu import fingerprints, learned, matching
from fsim.prnu.fingerprints import Sums
from fsim.prnu.residuals import DEFAULT, compiled_noise
from tests.networks import applied

SMALL = NoiseNet(width=4, blocks=1)


def photographs(count: int = 1, height: int = 64, width: int = 80) -> np.ndarray:
  rng = np.random.default_rng(3)
  smooth = np.linspace(60, 200, width)[None, :, None] + np.linspace(0, 30, height)[:, None, None]
  return np.clip(smooth + rng.normal(0, 3, (count, height, width, 3)), 0, 255).astype(np.uint8)


@functools.cache
def variables():
  return jax.jit(SMALL.init)(jax.random.key(0), jnp.asarray(photographs()), *jnp.ones((2, 1, 64, 80)))


def shaken(tree):
  """Parameters of a network that has learned something."""
  return jax.tree.map(lambda x: x + 0.05 * np.random.default_rng(0).standard_normal(x.shape).astype(np.float32), tree)


def evidence(images, own) -> Evidence:
  return learned.of_residual(images, compiled_noise(images, DEFAULT), SMALL, own)


@pytest.fixture(scope="module")
def larger():
  """Two photographs and their residuals, to cut from: the filter's program is compiled for one size."""
  images = photographs(2, 66, 81)
  return images, compiled_noise(images, DEFAULT)


def test_an_untrained_network_gives_the_classical_sums_but_for_a_factor():
  image = photographs()[0]
  found = evidence(image[None], variables())
  classical = fingerprints.add(fingerprints.nothing(image.shape[:2]), image, DEFAULT)
  np.testing.assert_allclose(found.information[0], SHARE * classical.above, rtol=1e-4, atol=1e-4)
  np.testing.assert_allclose(found.precision[0], SHARE**2 * classical.below, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("size", [(64, 80), (65, 81), (66, 67)])
def test_every_pixel_of_any_size_has_evidence(size, larger):
  images, residuals = (x[:, : size[0], : size[1]] for x in larger)
  found = learned.of_residual(images, residuals, SMALL, shaken(variables()))
  for part in found:
    assert part.shape == (2, *size)
    assert np.isfinite(part).all()
  assert (found.precision > 0).all()


def test_a_saturated_pixel_says_nothing():
  images = photographs()
  images[:, 20:30, 20:30, 2] = 255
  found = evidence(images, shaken(variables()))
  for part in found:
    assert (np.asarray(part)[:, 20:30, 20:30] == 0).all()


def test_a_network_sees_no_further_than_its_layers_reach():
  images = photographs(1, 96, 96)
  own = shaken(variables())
  residual, variance = jnp.zeros((1, 96, 96)), jnp.ones((1, 96, 96))
  changed = images.copy()
  changed[0, 0, 0] = 255 - changed[0, 0, 0]
  a, b = (applied(SMALL, own, x, residual, variance).information for x in (images, changed))
  differs = np.argwhere(np.asarray(a != b)[0])
  assert len(differs)
  assert differs.max() <= 2 + 2 * 4 + 1  # The constrained filter's 2, four layers of 2 each, and the place's own 2x2.


def test_moved_by_two_pixels_the_evidence_moves_along():
  images = jnp.asarray(photographs(1, 96, 96))
  own, (residual, variance) = shaken(variables()), jnp.ones((2, 1, 96, 96))
  whole = applied(SMALL, own, images, residual, variance).information
  part = applied(SMALL, own, *(x[:, 2:, 2:] for x in (images, residual, variance))).information
  np.testing.assert_allclose(whole[:, 22:-20, 22:-20], part[:, 20:-20, 20:-20], rtol=1e-4, atol=1e-4)


def test_the_first_layer_is_constrained():
  kernel = variables()["params"]["ConstrainedConv_0"][KERNEL]
  np.testing.assert_allclose(constrain_kernel(kernel), kernel, atol=1e-6)


def test_evidence_of_many_photographs_is_the_sum_and_folds_in_any_order():
  images, own = photographs(4), shaken(variables())
  found = [evidence(two, own) for two in (images[:2], images[2:])]
  each = [Sums(*(np.asarray(part)[k] for part in two)) for two in found for k in range(2)]
  left, right = ((each[0] + each[1]) + (each[2] + each[3]), each[3] + (each[2] + (each[1] + each[0])))
  for a, b in zip(left, right, strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-4)


def test_patterns_find_their_shift_and_nothing_in_noise():
  """What is correlated serves the search over shifts as residuals do."""
  rng = np.random.default_rng(0)
  gain = 0.03 * rng.standard_normal((128, 128))
  flat = lambda: np.clip(120 * (1 + gain[..., None]) + rng.normal(0, 1, (128, 128, 3)), 0, 255)  # noqa: E731
  images = np.stack([flat(), np.roll(flat(), (16, 8), (0, 1)), 120 + rng.normal(0, 4, (128, 128, 3))]).astype(np.uint8)
  seen = learned.posterior(evidence(images, variables()))
  found = matching.search(seen[:1], seen[1:])
  assert found.shift[0, 0].tolist() in ([16, 8], [-16, -8])
  assert found.pce[0, 0] > 100 > 40 > found.pce[0, 1]


def test_the_posterior_of_little_evidence_is_small():
  information = jnp.asarray(np.random.default_rng(0).standard_normal((1, 64, 64)), jnp.float32)
  little, much = (learned.posterior(Evidence(information, jnp.full((1, 64, 64), p))) for p in (1e9, 1.0))
  assert np.abs(little).max() < 1e-3 * np.abs(much).max()
