import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fsim.models import posteriors

LOGITS = hnp.arrays(np.float32, (4, 3, 5), elements=st.floats(-30, 30, width=32))


def test_tiles_are_cut_row_by_row_and_the_rest_belongs_to_none():
  patches = np.random.default_rng(0).integers(0, 256, (2, 130, 130, 3)).astype(np.uint8)
  cut = posteriors.tiled(jnp.asarray(patches))
  assert cut.shape == (2, 4, 64, 64, 3)
  np.testing.assert_array_equal(cut[1, 1], patches[1, :64, 64:128])
  np.testing.assert_array_equal(cut[1, 2], patches[1, 64:128, :64])


@settings(max_examples=30)
@given(LOGITS)
def test_roots_have_a_mean_square_of_one_and_hold_the_mean_posterior(logits):
  sqrt_posteriors = np.asarray(posteriors.sqrt_posteriors(jnp.asarray(logits)))
  np.testing.assert_allclose(np.square(sqrt_posteriors).mean(1), 1, rtol=1e-4)
  softmax = np.exp(logits - logits.max(2, keepdims=True))
  mean = (softmax / softmax.sum(2, keepdims=True)).mean(1)
  np.testing.assert_allclose(posteriors.softmax(sqrt_posteriors), mean, atol=1e-5)


@settings(max_examples=30)
@given(LOGITS)
def test_the_mean_squared_difference_is_twice_the_squared_hellinger_distance(logits):
  sqrt_posteriors = np.asarray(posteriors.sqrt_posteriors(jnp.asarray(logits)))
  p = posteriors.softmax(sqrt_posteriors)
  hellinger = 1 - np.sqrt(p[0] * p[1]).sum()
  np.testing.assert_allclose(np.square(sqrt_posteriors[0] - sqrt_posteriors[1]).mean(), 2 * hellinger, atol=1e-4)
