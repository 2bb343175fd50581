import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from hypothesis import given
from hypothesis import strategies as st

from fsim.models import scorers
from fsim.models.scorers import HadamardScorer

WIDTH = 8


@pytest.fixture(scope="module")
def scorer():
  return HadamardScorer(width=WIDTH, shared_width=32)


@pytest.fixture(scope="module")
def params(scorer):
  return scorer.init(jax.random.key(0), *jnp.zeros((2, 1, 1024)))


def signatures(n, seed=0):
  return jnp.tanh(jax.random.normal(jax.random.key(seed), (n, 1024)))


def test_it_is_the_published_network_on_concatenated_parts(scorer, params):
  a, b = signatures(5, 1), signatures(5, 2)
  p = params["params"]
  hidden = [nn.relu(x @ p["shared"]["kernel"] + p["shared"]["bias"]) for x in (a, b)]
  joined = jnp.concatenate([*hidden, a * b], axis=1)
  kernel = jnp.concatenate([p[f"fc_2_{part}"]["kernel"] for part in ("first", "second", "product")])
  out = nn.relu(joined @ kernel + p["fc_2_first"]["bias"]) @ p["same_device"]["kernel"] + p["same_device"]["bias"]
  np.testing.assert_allclose(scorer.apply(params, a, b), out[:, 0], rtol=1e-4, atol=1e-5)


def test_published_parameter_count():
  full = HadamardScorer(width=64)
  shapes = jax.eval_shape(lambda: full.init(jax.random.key(0), *jnp.zeros((2, 1, 1024))))
  count = sum(x.size for x in jax.tree.leaves(shapes))
  assert count == (1024 * 2048 + 2048) + ((2 * 2048 + 1024) * 64 + 64) + (64 + 1)


def test_the_order_of_a_pair_does_not_matter(scorer, params):
  parts = scorer.apply(params, signatures(7), method="parts")
  logits = scorers.score_rows(scorer, params, parts, parts)
  np.testing.assert_allclose(logits, logits.T, atol=1e-5)


def test_scoring_a_tile_is_scoring_each_pair_in_both_orders(scorer, params):
  x = signatures(6)
  rows, columns = (scorer.apply(params, part, method="parts") for part in (x[:2], x[2:]))
  tile = scorers.score_rows(scorer, params, rows, columns)
  for i in range(2):
    for j in range(4):
      a, b = x[i : i + 1], x[2 + j : 3 + j]
      both = (scorer.apply(params, a, b) + scorer.apply(params, b, a)) / 2
      np.testing.assert_allclose(tile[i, j], both[0], atol=1e-5)


@given(st.integers(2, 12), st.integers(1, 12))
def test_training_logits_are_those_of_the_plain_network(n, p):
  net = HadamardScorer(width=WIDTH, shared_width=32)
  params = net.init(jax.random.key(0), *jnp.zeros((2, 1, 1024)))
  x = signatures(n)
  pairs = jax.random.randint(jax.random.key(p), (p, 2), 0, n)
  logits = scorers.pair_logits(net, params, x, pairs)
  np.testing.assert_allclose(logits, net.apply(params, x[pairs[:, 0]], x[pairs[:, 1]]), atol=1e-5)
