import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsim.boundary.errors import UserError
from fsim.models import posteriors
from fsim.models.extractors import PATCH_SIDE
from fsim.systems.model import fitted
from fsim.systems.model.fitted import BATCH
from tests import fitted_similarity
from tests.fitted_similarity import SIZE, SURE
from tests.networks import applied, drawn


@pytest.fixture(scope="module")
def known():
  return fitted_similarity.made()


@pytest.fixture(scope="module")
def features(known):
  return {kind: fitted.features(known, fitted_similarity.tiles(kind, seed=1)) for kind in ("fine", "coarse")}


def test_features_do_not_depend_on_the_batch(known, features):
  pixels = np.concatenate([fitted_similarity.tiles("fine", seed=1)] * 3)[: BATCH + 5]
  found = fitted.features(known, pixels)
  np.testing.assert_allclose(found[:16], features["fine"], atol=1e-4)
  np.testing.assert_allclose(found[32:], features["fine"][:5], atol=1e-4)
  assert fitted.features(known, pixels[:0]).shape == (0, 200)


def test_patches_of_another_size_are_refused(known):
  with pytest.raises(ValueError, match=f"must have {SIZE} pixels a side, got 80x80"):
    fitted.features(known, np.zeros((1, 80, 80, 3), np.uint8))


def test_log_odds_are_symmetric_and_tell_the_textures(known, features):
  both = np.concatenate([features["fine"], features["coarse"]])
  logits = fitted.log_odds(known, both, both)
  np.testing.assert_allclose(logits, logits.T, atol=1e-4)
  same = np.arange(32)[:, None] // 16 == np.arange(32) // 16
  assert logits[same].mean() > SURE / 2
  assert logits[~same].mean() < -SURE / 2


def by_distance(known, scatter=0.0):
  """Features of two numbers, whose log-odds are 3 less their mean squared difference."""
  line = {"params": {"log_slope": np.zeros(1, np.float32), "offset": np.float32(3)}}
  return known._replace(variables={}, tiles={"params": {}}, classes=2, kind="distance", scorer=line, scatter=scatter)


@settings(max_examples=20)
@given(st.integers(0, 100), st.integers(1, 6), st.integers(1, 6))
def test_images_compare_as_their_patches_do_but_for_how_these_scatter(known, seed, first, second):
  rng = np.random.default_rng(seed)
  a, b = (rng.normal(size=(k, 2)).astype(np.float32) for k in (first, second))
  bare = fitted.image_log_odds(by_distance(known), [a], [b])[0, 0]
  nearer = a.var(0).mean() + b.var(0).mean()  # (1 - 1/k) of the variance of patches, for each image.
  assert bare == pytest.approx(fitted.log_odds(by_distance(known), a, b).mean() + nearer, abs=1e-4)
  ((found,),) = fitted.image_log_odds(by_distance(known, 0.5), [a], [b])
  assert found == pytest.approx(bare - 0.5 * (2 - 1 / first - 1 / second), abs=1e-4)


def test_of_single_patches_images_compare_as_these_do(known):
  rng = np.random.default_rng(0)
  a, b = (rng.normal(size=(4, 2)).astype(np.float32) for _ in range(2))
  own = by_distance(known, 0.7)
  found = fitted.image_log_odds(own, [x[None] for x in a], [x[None] for x in b])
  np.testing.assert_allclose(found, fitted.log_odds(own, a, b), atol=1e-5)


def test_a_tile_of_the_matrix_is_that_part_of_the_whole(known, features):
  a, b = features["fine"][:5], features["coarse"]
  np.testing.assert_allclose(fitted.log_odds(known, a, b), fitted.log_odds(known, b, a).T, atol=1e-4)


def test_saved_and_loaded_it_is_the_same(known, features, tmp_path):
  fitted.save(tmp_path / "run" / "predictor", known)
  again = fitted.load(tmp_path / "run" / "predictor")
  for before, after in zip(jax.tree.leaves(known), jax.tree.leaves(again), strict=True):
    np.testing.assert_array_equal(before, after)
  x = features["fine"]
  np.testing.assert_array_equal(fitted.log_odds(again, x, x), fitted.log_odds(known, x, x))
  assert {p.suffix for p in (tmp_path / "run" / "predictor").iterdir()} == {".npz", ".json"}


def saved_without(field, known, folder):
  """As a version saved it that had no such field."""
  fitted.save(folder, known)
  path = folder / "predictor.json"
  plain = json.loads(path.read_text())
  del plain[field]
  path.write_text(json.dumps(plain))


def test_what_was_saved_before_there_were_block_shares_has_none(known, tmp_path):
  saved_without("block_shares", known, tmp_path)
  assert fitted.load(tmp_path).block_shares is False


def test_what_was_saved_before_images_were_compared_by_means_is_refused(known, tmp_path):
  """No number stands for a scatter that nobody measured."""
  saved_without("scatter", known, tmp_path)
  with pytest.raises(UserError, match=r"predictor\.json: the field 'scatter' is missing"):
    fitted.load(tmp_path)


def test_answers_of_the_network_on_tiles_come_behind_the_extractors_features(known, features, tmp_path):
  net = fitted.tile_network(known.classes, known.dtype)
  tiles = drawn(net, jnp.zeros((1, PATCH_SIDE, PATCH_SIDE, 3), jnp.uint8))
  pixels = fitted_similarity.tiles("fine", seed=1)
  sizes = {"log_slope": np.zeros(2, np.float32), "offset": np.float32(0)}
  fitted.save(tmp_path, known._replace(tiles=tiles, kind="distance", scorer={"params": sizes}))
  fused = fitted.load(tmp_path)
  found = fitted.features(fused, pixels)
  np.testing.assert_allclose(found[:, :200], features["fine"], atol=1e-5)
  answers = jax.nn.softmax(applied(net, tiles, pixels[:, :PATCH_SIDE, :PATCH_SIDE])[1])
  np.testing.assert_allclose(posteriors.softmax(found[:, 200:]), answers, atol=1e-5)
  distances = [np.square(part[0] - part[1]).mean() for part in (found[:2, :200], found[:2, 200:])]
  np.testing.assert_allclose(fitted.log_odds(fused, found[:1], found[1:2]), -known.zero - sum(distances), rtol=1e-4)


def test_networks_answer_in_the_arithmetic_they_were_trained_in(known, features, tmp_path):
  fitted.save(tmp_path, known._replace(dtype="bfloat16"))
  half = fitted.features(fitted.load(tmp_path), fitted_similarity.tiles("fine", seed=1))
  np.testing.assert_array_equal(half, half.astype(jnp.bfloat16))  # So few bits are all that there were.
  np.testing.assert_allclose(half, features["fine"], atol=0.1)
  assert (features["fine"] != features["fine"].astype(jnp.bfloat16)).any()


@pytest.fixture
def run(known, tmp_path):
  fitted.save(tmp_path / "predictor", known)
  return tmp_path


def refusal(run):
  with pytest.raises(UserError) as caught:
    fitted.of_run(run)
  assert "\n" not in str(caught.value)
  return str(caught.value).removeprefix(f"{run}: no finished run of the system model: ")


def test_a_folder_without_one_is_told(tmp_path):
  assert refusal(tmp_path / "absent") == f"{tmp_path / 'absent'}: no such folder"
  assert refusal(tmp_path) == "the folder predictor is missing"
  (tmp_path / "predictor").mkdir()
  assert refusal(tmp_path) == "predictor/predictor.json: No such file or directory"


@pytest.mark.parametrize(
  ("field", "value"),
  [
    ("size", -72),
    ("size", 100_000),
    ("count", True),
    ("colours", "infrared"),
    ("last_pool", ["max"]),
    ("constrained", 1),
    ("classes", 3.0),
    ("kind", "guess"),
    ("zero", "1e999"),
    ("threshold", 1.01),
    ("limit", None),
    ("dtype", "int8"),
    ("more", 1),
  ],
)
def test_fields_that_cannot_be_are_refused_by_name(run, field, value):
  path = run / "predictor" / "predictor.json"
  plain = json.loads(path.read_text()) | {field: value}
  path.write_text(json.dumps(plain).replace('"1e999"', "1e999"))
  assert refusal(run).startswith(f"predictor/predictor.json: the field '{field}' ")


@pytest.mark.parametrize(
  ("text", "cause"),
  [
    ("[1, 2]", "not a JSON object"),
    ('{"size": NaN}', "NaN is no number of JSON"),
    ("{" * 4000, "not JSON"),
    ("[" * 4000 + "]" * 4000, "JSON"),  # Too deep, or no object: Python 3.13 reads so far.
    ('{"size": ' + "9" * 5000 + "}", "not JSON"),
    ("{" + " " * 20_000, "larger than"),
    ('{"size": 72}', "the field 'count' is missing"),
    ("\ufeff\udcff", "not JSON"),
  ],
)
def test_what_is_no_such_json_is_refused(run, text, cause):
  (run / "predictor" / "predictor.json").write_bytes(text.encode(errors="surrogateescape"))
  assert cause in refusal(run)


@pytest.mark.parametrize(
  ("change", "cause"),
  [
    (lambda own: own | {"params/classes/bias": np.zeros(4, np.float32)}, "must be float32 of shape (3,), and is"),
    (lambda own: own | {"params/classes/bias": np.zeros(3)}, "and is float64 of shape (3,)"),
    (lambda own: own | {"params/classes/bias": np.full(3, np.nan, np.float32)}, "numbers that are not finite"),
    (lambda own: own | {"params/classes/bias": np.array([None] * 3)}, "is no array of numbers or text"),
    (lambda own: own | {"params/more": np.zeros(1)}, "the array 'params/more' is none of this network"),
    (lambda own: own | {"batch_stats/BatchNorm_0/var": np.full(96, -1, np.float32)}, "holds a negative variance"),
    (lambda own: dict(list(own.items())[1:]), "is missing"),
    (lambda own: {}, "is missing"),
  ],
)
def test_networks_of_another_form_are_refused(run, change, cause):
  path = run / "predictor" / "network.npz"
  with np.load(path) as stored:
    arrays = dict(stored)
  np.savez(path, **change(arrays))
  found = refusal(run)
  assert found.startswith("predictor/network.npz: ")
  assert cause in found


def test_a_network_that_gives_no_numbers_says_nothing(known):
  huge = known.scorer | {"params": jax.tree.map(lambda own: 0 * own + np.float32(1e30), known.scorer["params"])}
  with pytest.raises(UserError, match="numbers that are not finite"):
    fitted.log_odds(known._replace(scorer=huge), np.ones((1, 200), np.float32), np.zeros((1, 200), np.float32))
