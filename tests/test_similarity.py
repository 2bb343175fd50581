import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import distance
from sklearn.metrics import roc_auc_score

from fsim.metrics.scores import SAME_DEVICE, SAME_MODEL
from fsim.systems.model import braycurtis, image_scores, model_pair_accuracy, report, similarity
from fsim.systems.model import figures as similarity_figures

PNG = b"\x89PNG\r\n\x1a\n"
SIZES = (1, 2, 4)


def patches(known=2, unknown=2, devices=2, images=2, each=4):
  """A table of patches: models k0, k1 ... and u0, u1 ..., of a few devices with a few images each."""
  models = [(f"k{n}", "known") for n in range(known)] + [(f"u{n}", "unknown") for n in range(unknown)]
  rows = [
    {"model": model, "device": f"{model}_{d}", "file": f"{model}_{d}_{i}.JPG", "scene": i, "image": 0, "side": side}
    for model, side in models
    for d in range(devices)
    for i in range(images)
    for _ in range(each)
  ]
  return pd.DataFrame(rows).assign(image=lambda t: pd.factorize(t["file"])[0])


def truth(table, noise=0.0, seed=0):
  """Log-odds of +-2 by the true models, with noise that does not depend on the order of the two patches."""
  models = pd.factorize(table["model"])[0]
  noisy = noise * np.random.default_rng(seed).normal(size=(len(table), len(table)))
  scores = np.where(models[:, None] == models, 2.0, -2.0) + noisy + noisy.T
  return lambda a, b: scores[np.ix_(a, b)].astype(np.float32)


def features_of(table, noise=0.0, seed=0):
  """One number a model that is large for it alone, with noise."""
  models = pd.factorize(table["model"])[0]
  of_models = 2 * np.eye(models.max() + 1, dtype=np.float32)[models]
  return of_models + np.float32(noise) * np.random.default_rng(seed).normal(size=of_models.shape).astype(np.float32)


def nearness(a, b):
  """Log-odds of +-4 by the true models, without noise."""
  means = [np.stack([own.mean(0) for own in side]) for side in (a, b)]
  return 4 - np.square(means[0][:, None] - means[1]).sum(-1)


def names(pairs):
  """Pairs by what they are of, not by where they stand."""
  return sorted(zip(*(pairs[f"{c}_{k}"].astype(str) for c in ("model", "file") for k in "ab"), strict=True))


@given(st.integers(0, 50), st.integers(1, 3), st.integers(1, 3), st.integers(1, 5))
def test_pairs_are_as_many_as_asked_for_and_never_of_one_image(seed, devices, images, each):
  table = patches(devices=devices, images=images, each=each)
  pairs = similarity.draw_pairs(table, 7, seed)
  counts = pairs.groupby(["model_a", "model_b"], observed=True).size()
  assert (counts == 7).all()
  assert len(counts) == 6 + 4 * (devices * images > 1)
  assert not (table["image"].to_numpy()[pairs["a"]] == table["image"].to_numpy()[pairs["b"]]).any()
  np.testing.assert_array_equal(pairs["model_a"].astype(str), table["model"].to_numpy()[pairs["a"]])


@settings(max_examples=10)
@given(st.integers(0, 50))
def test_pairs_depend_neither_on_the_order_of_models_nor_on_which_others_there_are(seed):
  table = patches()
  whole = similarity.draw_pairs(table, 5, seed)
  turned = pd.concat([table[table["model"] == model] for model in ("u1", "k0", "u0", "k1")])
  assert names(similarity.draw_pairs(turned, 5, seed)) == names(whole)
  two = similarity.draw_pairs(table[table["model"].isin(["k0", "u1"])], 5, seed)
  assert names(two) == names(whole[whole["model_a"].isin(["k0", "u1"]) & whole["model_b"].isin(["k0", "u1"])])


def test_pairs_of_one_model_are_uniform_over_patches_of_two_images():
  table = patches(known=1, unknown=0, devices=1, images=3, each=1)
  table = pd.concat([table, table[table["image"] == 0]], ignore_index=True)  # Images of two, one and one patch.
  pairs = similarity.draw_pairs(table, 20_000, 0)
  drawn = pairs.groupby(["a", "b"]).size()
  assert len(drawn) == 4 * 3 - 2
  np.testing.assert_allclose(drawn / len(pairs), 0.1, atol=0.01)


def test_models_that_are_known_and_unknown_are_refused():
  table = patches()
  table.loc[0, "side"] = "unknown"
  with pytest.raises(ValueError, match="does not hold for k0"):
    similarity.draw_pairs(table, 2, 0)
  with pytest.raises(ValueError, match="two images"):
    similarity.draw_pairs(patches(known=1, unknown=0, devices=1, images=1), 2, 0)


def test_true_scores_are_all_right_and_turned_ones_all_wrong():
  table = patches()
  pairs = similarity.scored(similarity.draw_pairs(table, 300, 0), truth(table))
  found = model_pair_accuracy.of_pairs(pairs)
  assert (found.models, found.sides) == (["k0", "k1", "u0", "u1"], ["known"] * 2 + ["unknown"] * 2)
  np.testing.assert_array_equal(found.right, 1)
  np.testing.assert_array_equal(found.counts, 300)
  lines = model_pair_accuracy.accuracies(found, 50, 0)
  assert [line.group for line in lines] == list(model_pair_accuracy.GROUPS)
  assert [(line.models, line.same, line.different) for line in lines] == [
    (4, 1200, 1800),
    (2, 600, 300),
    (4, 0, 1200),
    (2, 600, 300),
  ]
  assert all((line.value, line.low, line.high) == (1, 1, 1) for line in lines)
  assert [line.subset for line in model_pair_accuracy.rates(pairs, 5, 0)] == ["all", "known-known", "unknown-unknown"]
  assert all(line.values["auc"] == 1 for line in model_pair_accuracy.rates(pairs, 5, 0))
  assert model_pair_accuracy.worst(found, 3).empty
  wrong = pairs.assign(log_odds=-pairs["log_odds"])
  assert all(line.value == 0 for line in model_pair_accuracy.accuracies(model_pair_accuracy.of_pairs(wrong), 5, 0))


def test_random_scores_are_right_half_of_the_time():
  table = patches(known=3, unknown=3)
  pairs = similarity.draw_pairs(table, 1000, 0)
  pairs = pairs.assign(log_odds=np.random.default_rng(0).normal(size=len(pairs)))
  for line in model_pair_accuracy.accuracies(model_pair_accuracy.of_pairs(pairs), 200, 0):
    assert line.value == pytest.approx(0.5, abs=0.02)
    assert line.low < line.value < line.high
  for line in model_pair_accuracy.rates(pairs, 20, 0):
    assert line.values["auc"] == pytest.approx(0.5, abs=0.02)


@settings(max_examples=8)
@given(st.integers(0, 100), st.randoms())
def test_accuracies_ignore_the_order_of_pairs_and_within_pairs(seed, random):
  table = patches()
  pairs = similarity.scored(similarity.draw_pairs(table, 6, seed), truth(table, noise=2.0, seed=seed))
  swaps = {f"{c}_{k}": f"{c}_{other}" for c in ("model", "device", "file", "side") for k, other in ("ab", "ba")}
  rows = random.sample(range(len(pairs)), len(pairs))
  other = pairs.iloc[rows].rename(columns=swaps | {"a": "b", "b": "a"})
  np.testing.assert_allclose(model_pair_accuracy.of_pairs(other).right, model_pair_accuracy.of_pairs(pairs).right)
  for mine, theirs in zip(model_pair_accuracy.rates(pairs, 0, 0), model_pair_accuracy.rates(other, 0, 0), strict=True):
    assert mine.values == pytest.approx(theirs.values)


def test_every_two_models_count_equally_however_many_pairs_they_have():
  table = patches(known=0, unknown=3)
  pairs = similarity.scored(similarity.draw_pairs(table, 50, 0), truth(table, noise=1.0))
  many = pd.concat([pairs, pairs[pairs["model_a"].astype(str) == "u0"]], ignore_index=True)
  (once,), (more,) = (model_pair_accuracy.accuracies(model_pair_accuracy.of_pairs(p), 10, 0) for p in (pairs, many))
  assert once.group == "unknown-unknown"
  assert more.same > once.same
  assert more.value == pytest.approx(once.value)
  (one,), (other,) = (model_pair_accuracy.rates(p, 0, 0) for p in (pairs, many))
  assert one.values == pytest.approx(other.values)


def test_known_unknown_pairs_are_all_of_different_models():
  table = patches()
  pairs = similarity.scored(similarity.draw_pairs(table, 9, 0), truth(table))
  mixed = pairs["side_a"].astype(str) != pairs["side_b"].astype(str)
  pairs.loc[mixed & (pairs["model_a"].astype(str) == "k0"), "log_odds"] = 1.0
  _, known, mixed, _ = model_pair_accuracy.accuracies(model_pair_accuracy.of_pairs(pairs), 10, 0)
  assert known.value == 1
  assert np.isnan(mixed.same_right)
  assert mixed.value == mixed.different_right == 0.5
  worst = model_pair_accuracy.worst(model_pair_accuracy.of_pairs(pairs), 5)
  assert set(zip(worst["model_a"], worst["model_b"], strict=True)) == {("k0", "u0"), ("k0", "u1")}


def test_a_single_model_has_no_interval():
  table = patches(known=3, unknown=1)
  pairs = similarity.scored(similarity.draw_pairs(table, 9, 0), truth(table, noise=1.0))
  lines = {line.group: line for line in model_pair_accuracy.accuracies(model_pair_accuracy.of_pairs(pairs), 30, 0)}
  assert np.isnan(lines["unknown-unknown"].low)
  assert lines["known-known"].low <= lines["known-known"].value <= lines["known-known"].high


def test_devices_that_are_recognised_show_in_the_column_self():
  table = patches(devices=2, images=3)
  device = table["device"].to_numpy()
  by_device = lambda a, b: np.where(device[a][:, None] == device[b], 1.0, -1.0).astype(np.float32)  # noqa: E731
  found = model_pair_accuracy.by_device(similarity.scored(similarity.draw_pairs(table, 100, 0), by_device))
  right = found.set_index(["side", "truth"])["right"]
  assert (right.xs(SAME_DEVICE, level="truth") == 1).all()
  assert (right.xs(SAME_MODEL, level="truth") == 0).all()
  assert found["models"].tolist() == [2, 2, 2, 2]


@given(st.integers(0, 100), st.integers(1, 5))
def test_two_images_are_compared_by_their_first_patches(seed, most):
  table = patches(devices=1).drop(index=[3, 9, 10, 11]).sample(frac=1, random_state=seed).reset_index(drop=True)
  features = features_of(table, noise=1.0, seed=seed)
  pairs = image_scores.decide(table, features, nearness, (most,), 1, 0).pairs
  assert len(pairs) == 8 * 7 / 2
  for row in (0, 13, 27):
    own = [[features[np.flatnonzero(table["file"] == pairs[f"file_{k}"].iloc[row])[:most]]] for k in "ab"]
    assert pairs["log_odds"].iloc[row] == pytest.approx(nearness(*own)[0, 0], abs=1e-5)


def test_with_all_patches_the_curve_ends_at_the_images():
  table = patches(devices=2, images=3)
  pairs, curve = image_scores.decide(table, features_of(table, noise=1.5), nearness, SIZES, 5, 0)
  last = curve[curve["patches"] == 4].set_index("group")
  for line in model_pair_accuracy.accuracies(model_pair_accuracy.of_pairs(pairs), 0, 0):
    np.testing.assert_allclose(last.loc[line.group, ["accuracy", "accuracy_low", "accuracy_high"]], line.value)
  for line in model_pair_accuracy.rates(pairs, 0, 0):
    np.testing.assert_allclose(last.loc[line.subset, "auc"], line.values["auc"])
  assert np.isnan(last.loc["known-unknown", "auc"])
  rising = curve[curve["group"] == "all"]["auc"].to_numpy()
  assert rising[0] < rising[1] < rising[2]


@given(st.integers(0, 100))
def test_bray_curtis_distances_are_the_librarys(seed):
  a, b = np.random.default_rng(seed).dirichlet(np.ones(5), (2, 6))
  expected = [distance.braycurtis(x, y) for x, y in zip(a, b, strict=True)]
  np.testing.assert_allclose(braycurtis.distances(a, b), expected)


@given(st.integers(0, 100), st.floats(0.1, 3))
def test_the_baseline_never_has_more_false_alarms(seed, noise):
  table = patches(unknown=3)
  pairs = similarity.scored(similarity.draw_pairs(table, 40, seed), truth(table, noise=noise, seed=seed))
  distances = np.random.default_rng(seed).integers(0, 20, len(pairs)) / 20
  found = braycurtis.compare(pairs, distances)
  assert (found.models, found.same, found.different) == (3, 120, 120)
  assert found.reached <= found.false_alarm + 1e-9
  unknown = pairs[(pairs["side_a"].astype(str) == "unknown") & (pairs["side_b"].astype(str) == "unknown")]
  expected = roc_auc_score(model_pair_accuracy.same_model(unknown), unknown["log_odds"])
  assert found.auc == pytest.approx(expected)


def test_a_distance_that_orders_pairs_as_the_scores_do_finds_the_same():
  table = patches(unknown=3)
  pairs = similarity.scored(similarity.draw_pairs(table, 100, 0), truth(table, noise=1.5))
  found = braycurtis.compare(pairs, 1 / (1 + np.exp(pairs["log_odds"].to_numpy(np.float64))))
  assert found.false_alarm == pytest.approx(found.reached)
  assert 0 < found.found < 1
  assert found.baseline_found == pytest.approx(found.found, abs=0.02)
  without = pairs[pairs["side_a"].astype(str) == "known"]
  with pytest.raises(ValueError, match="pairs of one unknown model and pairs of two"):
    braycurtis.compare(without, np.zeros(len(without)))


@pytest.fixture(scope="module")
def evaluated():
  table = patches(devices=2, images=2)
  scores = truth(table, noise=1.5)
  pairs = similarity.scored(similarity.draw_pairs(table, 30, 0), scores)
  images, curve = image_scores.decide(table, features_of(table, noise=1.0), nearness, SIZES, 3, 0)
  baseline = braycurtis.compare(pairs, np.random.default_rng(0).random(len(pairs)))
  test = similarity.Similarity("test", "A note.", pairs, images, curve, baseline._asdict())
  only = table[table["side"] == "unknown"].reset_index(drop=True)
  pairs = similarity.scored(similarity.draw_pairs(only, 30, 0), truth(only))
  images, curve = image_scores.decide(only, features_of(only), nearness, SIZES, 3, 0)
  return [test, similarity.Similarity("external", "Others.", pairs, images, curve, {})]


def test_an_evaluation_is_read_back_as_it_was_written(evaluated, tmp_path):
  similarity.save(tmp_path, evaluated)
  for mine, read in zip(evaluated, similarity.load(tmp_path), strict=True):
    assert (mine.name, mine.note, mine.baseline) == (read.name, read.note, read.baseline)
    for part in ("pairs", "images"):
      pd.testing.assert_frame_equal(getattr(mine, part).astype(str), getattr(read, part).astype(str))
    pd.testing.assert_frame_equal(mine.curve, read.curve)


def test_the_page_shows_every_set_and_its_numbers(evaluated, tmp_path):
  similarity.save(tmp_path, evaluated)
  (tmp_path / "report").mkdir()
  config = {"seed": 0, "evaluate": {"resamples": 5}}
  summary, (first, second) = report.sections(tmp_path, config)
  assert "known-unknown" in summary
  assert summary.startswith(
    report.finding(model_pair_accuracy.accuracies(model_pair_accuracy.of_pairs(evaluated[0].pairs), 5, 0))
  )
  assert (len(first.tables), len(second.tables)) == (5, 4)  # The second has no baseline.
  assert [line[0] for line in second.tables[0].lines] == ["unknown-unknown"]
  assert all(len(line) == len(table.head) for part in (first, second) for table in part.tables for line in table.lines)
  assert len(list((tmp_path / "report").glob("*.png"))) == len(first.figures) + len(second.figures) == 10
  numbers = report.numbers(tmp_path)
  assert numbers["external, patches, unknown-unknown: accuracy"] == 1
  assert 0.5 < numbers["test, patches, all: AUC"] < numbers["test, images, all: AUC"] <= 1
  assert numbers["test, 4 patches an image, all: accuracy"] == pytest.approx(numbers["test, images, all: accuracy"])
  assert {"test, baseline: found", "test, baseline: baseline_found"} <= numbers.keys()


def test_the_triangle_is_drawn_for_few_and_many_models():
  for known, unknown in ((0, 1), (1, 1), (20, 15)):
    table = patches(known, unknown, devices=1, images=2, each=1)
    found = model_pair_accuracy.of_pairs(similarity.scored(similarity.draw_pairs(table, 1, 0), truth(table)))
    assert similarity_figures.model_pair_accuracy(found).startswith(PNG)


@pytest.mark.parametrize(
  ("group", "low", "said"),
  [
    ("unknown-unknown", 0.6, "It tells camera models that it never learned apart: right in 80 of 100 pairs"),
    ("known-known", 0.4, "It is not seen to tell camera models that it learned apart: right in 80 of 100 pairs"),
    ("unknown-unknown", np.nan, "Of camera models that it never learned too few were seen"),
  ],
)
def test_what_was_found_is_said_in_plain_words(group, low, said):
  found = model_pair_accuracy.accuracies(model_pair_accuracy.of_pairs(similarity_pairs()), 5, 0)[0]
  lines = [found._replace(group="all"), found._replace(group=group, value=0.8, low=low)]
  assert report.finding(lines).startswith(said)


def similarity_pairs():
  table = patches(devices=1, images=2, each=1)
  return similarity.scored(similarity.draw_pairs(table, 3, 0), truth(table))
