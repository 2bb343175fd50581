import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from fsim.models import pair_scorers, scorers
from fsim.models.pair_scorers import DistanceScorer, PairScorer
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
  terms = scorer.apply(params, signatures(7), method="terms")
  logits = scorers.score_rows(scorer, params, terms, terms)
  np.testing.assert_allclose(logits, logits.T, atol=1e-5)


def test_scoring_a_tile_is_scoring_each_pair_in_both_orders(scorer, params):
  x = signatures(6)
  rows, columns = (scorer.apply(params, part, method="terms") for part in (x[:2], x[2:]))
  tile = scorers.score_rows(scorer, params, rows, columns)
  for i in range(2):
    for j in range(4):
      a, b = x[i : i + 1], x[2 + j : 3 + j]
      both = (scorer.apply(params, a, b) + scorer.apply(params, b, a)) / 2
      np.testing.assert_allclose(tile[i, j], both[0], atol=1e-5)


@pytest.mark.parametrize("count", [1, scorers.TOGETHER, scorers.TOGETHER + 1])
def test_scoring_some_pairs_is_finding_them_among_all(scorer, params, count):
  terms = scorer.apply(params, signatures(7), method="terms")
  rows = np.random.default_rng(0).integers(0, 7, (count, 2))
  whole = np.asarray(scorers.score_rows(scorer, params, terms, terms))
  np.testing.assert_allclose(
    scorers.score_pairs(scorer, params, terms, jnp.asarray(rows)), whole[rows[:, 0], rows[:, 1]], atol=1e-5
  )


@pytest.mark.parametrize(("n", "p"), [(2, 1), (3, 12), (12, 3)])  # More ends than images, and fewer.
def test_training_logits_are_those_of_the_plain_network(n, p):
  net = HadamardScorer(width=WIDTH, shared_width=32)
  params = net.init(jax.random.key(0), *jnp.zeros((2, 1, 1024)))
  x = signatures(n)
  pairs = jax.random.randint(jax.random.key(p), (p, 2), 0, n)
  logits = scorers.pair_logits(net, params, x, pairs)
  np.testing.assert_allclose(logits, net.apply(params, x[pairs[:, 0]], x[pairs[:, 1]]), atol=1e-5)


@pytest.fixture(scope="module", params=[False, True], ids=["published", "product"])
def pair(request):
  """A small pair network with slopes that differ, so that a mistaken order shows, and its parameters."""
  net = PairScorer(hidden=32, width=WIDTH, product=request.param)
  params = net.init(jax.random.key(0), *jnp.zeros((2, 1, 200)))["params"]
  for k, name in enumerate(("shared_slope", "pair_slope")):
    params[name] = jax.random.uniform(jax.random.key(k), params[name].shape)
  return net, {"params": params}


def features(n, seed=0):
  return jax.random.normal(jax.random.key(seed), (n, 200))


def test_the_pair_network_is_the_published_one_on_concatenated_features(pair):
  net, params = pair
  p = params["params"]
  prelu = lambda x, slope: jnp.maximum(x, 0) + slope * jnp.minimum(x, 0)  # noqa: E731
  a, b = (prelu(features(5, k) @ p["shared"]["kernel"] + p["shared"]["bias"], p["shared_slope"]) for k in (1, 2))
  terms = [(a, "first"), (b, "second"), (a * b, "product")][: 3 if net.product else 2]
  joined = jnp.concatenate([x for x, _ in terms], axis=1)
  kernel = jnp.concatenate([p[f"pair_{name}"]["kernel"] for _, name in terms])
  out = prelu(joined @ kernel + p["pair_first"]["bias"], p["pair_slope"]) @ p["same_source"]["kernel"]
  expected = (out + p["same_source"]["bias"])[:, 0]
  np.testing.assert_allclose(net.apply(params, features(5, 1), features(5, 2)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
  ("net", "count"),
  [
    (PairScorer(), (200 * 1024 + 1024 + 1024) + (2 * 1024 * 64 + 64 + 64) + (64 + 1)),
    (PairScorer(hidden=2048, product=True), (200 * 2048 + 2048 + 2048) + (3 * 2048 * 64 + 64 + 64) + (64 + 1)),
  ],
)
def test_published_parameter_counts_of_the_pair_network(net, count):
  shapes = jax.eval_shape(lambda: net.init(jax.random.key(0), *jnp.zeros((2, 1, 200))))
  assert sum(x.size for x in jax.tree.leaves(shapes)) == count


def test_the_pair_network_scores_alike_in_both_orders(pair):
  net, params = pair
  x = features(6)
  terms = net.apply(params, x, method="terms")
  logits = scorers.score_rows(net, params, terms, terms)
  np.testing.assert_allclose(logits, logits.T, atol=1e-5)
  one_way = net.apply(params, x[:3], x[3:])
  assert float(jnp.abs(one_way - net.apply(params, x[3:], x[:3])).max()) > 1e-3
  both = (one_way + net.apply(params, x[3:], x[:3])) / 2
  np.testing.assert_allclose(jnp.diagonal(logits[:3, 3:]), both, atol=1e-5)


def test_dropout_differs_between_the_ends_of_a_batch_and_is_repeated_by_its_key(pair):
  net, params = pair
  ends = jnp.array([[0, 1]] * 40)
  steps = [scorers.pair_logits(net, params, features(2), ends, key=jax.random.key(k)) for k in (0, 0, 1)]
  np.testing.assert_array_equal(steps[0], steps[1])
  assert float(jnp.abs(steps[0] - steps[2]).max()) > 1e-3
  assert float(jnp.std(steps[0])) > 1e-3
  at_rest = scorers.pair_logits(net, params, features(2), ends)
  np.testing.assert_allclose(at_rest, at_rest[0], atol=1e-6)


def test_a_network_without_dropout_takes_the_key_and_does_as_without(scorer, params):
  pairs = jnp.array([[0, 1], [2, 1], [0, 0]])
  keyed = scorers.pair_logits(scorer, params, signatures(3), pairs, key=jax.random.key(0))
  np.testing.assert_allclose(keyed, scorers.pair_logits(scorer, params, signatures(3), pairs), atol=1e-5)


def test_the_distance_is_the_weighted_sum_of_mean_squared_differences_in_both_orders():
  a, b = jax.random.normal(jax.random.key(0), (2, 5, 7))
  params = {"params": {"log_slope": jnp.array([0.5, -1.0]), "offset": jnp.float32(2.0)}}
  scorer = DistanceScorer((4, 3))
  squares = np.square(np.asarray(a)[:, None] - np.asarray(b)[None])
  expected = 2.0 - np.exp(0.5) * squares[..., :4].mean(2) - np.exp(-1.0) * squares[..., 4:].mean(2)
  terms = [scorer.apply(params, x, method="terms") for x in (a, b)]
  np.testing.assert_allclose(scorers.score_rows(scorer, params, *terms), expected, rtol=1e-5)
  np.testing.assert_allclose(scorer.apply(params, a, b), np.diag(expected), rtol=1e-5)
  assert not scorers.drops(scorer)


def test_the_whitened_distance_is_that_of_the_mapped_features_and_learns_no_map():
  a, b = jax.random.normal(jax.random.key(0), (2, 5, 7))
  maps = [jax.random.normal(jax.random.key(k), (n, n)) for k, n in enumerate((4, 3))]
  inner = {"log_slope": jnp.array([0.5, -1.0]), "offset": jnp.float32(2.0)}
  params = {"params": {"whitening_0": maps[0], "whitening_1": maps[1], "distance": inner}}
  scorer = pair_scorers.forensic("whitened", (4, 3), {})
  assert jax.tree.structure(scorer.init(jax.random.key(0), a, b)) == jax.tree.structure(params)
  mapped = [jnp.concatenate([x[:, :4] @ maps[0], x[:, 4:] @ maps[1]], 1) for x in (a, b)]
  expected = DistanceScorer((4, 3)).apply({"params": inner}, *mapped)
  np.testing.assert_allclose(scorer.apply(params, a, b), expected, rtol=1e-5)
  slopes = jax.grad(lambda p: scorer.apply(p, a, b).sum())(params)["params"]
  assert float(jnp.abs(slopes["whitening_0"]).max()) == 0
  assert float(jnp.abs(slopes["distance"]["log_slope"]).min()) > 0


def test_a_kind_of_scorer_that_there_is_not_is_refused():
  attributes = {"hidden": 16, "width": 4, "product": True, "dropout": 0.0}
  assert pair_scorers.forensic("network", (7,), attributes) == PairScorer(16, 4, True, 0.0)
  with pytest.raises(ValueError, match="one of network, distance, whitened, got 'near'"):
    pair_scorers.forensic("near", (7,), {})
