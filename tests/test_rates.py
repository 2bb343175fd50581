import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from fsim.metrics import rates, scores

WEIGHTED = st.lists(st.tuples(st.booleans(), st.integers(0, 6), st.integers(0, 3)), min_size=2, max_size=60)


@given(WEIGHTED)
def test_auc_equals_the_librarys(triples):
  same, score, weight = (np.array(column) for column in zip(*triples, strict=True))
  assume((weight * same).any() and (weight * ~same).any())
  curve = rates.roc(same, score.astype(float), weight.astype(float))
  expected = roc_auc_score(same, score, sample_weight=weight)
  assert rates.summary(curve)["auc"] == pytest.approx(expected)


@given(st.lists(st.tuples(st.booleans(), st.floats(-3, 3)), min_size=4, max_size=60))
def test_the_equal_error_rate_lies_between_its_neighbours(pairs):
  same, score = np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])
  assume(same.any() and not same.all())
  curve = rates.roc(same, score, np.ones(len(score)))
  eer = rates.summary(curve)["eer"]
  reached = np.maximum(curve.fpr, 1 - curve.tpr).min()
  assert 0 <= eer <= reached + 1e-12


def test_known_error_rates():
  same = np.array([True] * 4 + [False] * 4)
  score = np.array([9, 8, 7, 2, 6, 3, 1, 0.0])
  values = rates.summary(rates.roc(same, score, np.ones(8)))
  assert values == pytest.approx({"auc": 14 / 16, "eer": 0.25, "tpr_at_1e-2": 0.75, "tpr_at_1e-3": 0.75})


def table(per_device=4, seed=0, sibling_shift=0.0):
  devices = np.repeat(["a_0", "a_1", "b_0", "c_0"], per_device)
  rng = np.random.default_rng(seed)
  n = len(devices)
  logits = rng.normal(size=(n, n)).astype(np.float32) + 3 * (devices[:, None] == devices)
  models = np.array([d[0] for d in devices])
  logits += sibling_shift * ((models[:, None] == models) & (devices[:, None] != devices)).astype(np.float32)
  images = pd.DataFrame({"file": devices, "device": devices, "model": models})
  return scores.pair_table(images, logits)


def test_same_model_pairs_are_rated_apart():
  lines = {line.subset: line for line in rates.rates(table(8, sibling_shift=3.0), resamples=20, seed=0)}
  assert lines["different models"].values["auc"] > 0.95
  assert 0.35 < lines["same model"].values["auc"] < 0.65
  assert lines["same model"].same == 2 * 28  # Only of the model that has two devices.
  assert lines["same model"].different == 64


def test_intervals_hold_the_value_and_are_reproducible():
  (line, *_) = rates.rates(table(8), resamples=200, seed=0)
  low, high = line.intervals["auc"]
  assert low < line.values["auc"] < high
  again = rates.rates(table(8), resamples=200, seed=0)[0]
  assert again.intervals == line.intervals


def test_pairs_of_one_kind_have_no_rates():
  pairs = table()
  assert rates.rates(pairs[pairs["truth"] == scores.SAME_DEVICE], resamples=5, seed=0) == []
  with pytest.raises(ValueError, match="pairs of one device and pairs of two"):
    rates.roc(np.array([True]), np.array([1.0]), np.ones(1))


def test_resamples_draw_as_many_devices_as_there_are_and_the_same_ones_again():
  drawn = list(rates.redrawn(5, 200, seed=1))
  assert all(times.sum() == 5 and len(times) == 5 for times in drawn)
  np.testing.assert_array_equal(drawn, list(rates.redrawn(5, 200, seed=1)))
  assert np.mean(drawn, 0) == pytest.approx(np.ones(5), abs=0.3)


def test_better_than_guessing_is_what_the_interval_or_the_number_of_units_bears_out():
  assert rates.better_than(0.5, 0.8, 0.6, 4)
  assert not rates.better_than(0.5, 0.8, 0.4, 400)
  assert not rates.better_than(0.5, 1.0, 1.0, 4)  # All right, of four devices: also of a coin one time in 16.
  assert rates.better_than(0.5, 1.0, 1.0, 5)
