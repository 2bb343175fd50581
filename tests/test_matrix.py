import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsim.metrics.matrix import similarity_matrix


def images(counts):
  devices = [f"m{k // 2}_{k % 2}" for k, n in enumerate(counts) for _ in range(n)]
  return pd.DataFrame({"device": devices, "model": [d.split("_")[0] for d in devices]})


@given(st.lists(st.integers(2, 5), min_size=2, max_size=5), st.integers(0, 3))
def test_perfect_scores_give_the_identity(counts, seed):
  table = images(counts)
  own = table["device"].to_numpy()
  perfect = (own[:, None] == own).astype(float)
  result = similarity_matrix(table, perfect, threshold=0.5, draws=50, seed=seed)
  assert np.array_equal(result.values, np.eye(len(counts)))
  assert result.accuracy() == result.balanced_accuracy() == 1


def test_an_image_is_never_matched_with_itself():
  table = images([4, 4])
  only_self = np.eye(8)
  result = similarity_matrix(table, only_self, threshold=0.5, draws=400, seed=0)
  assert result.values.max() == 0


def test_cells_approach_the_share_of_pairs_above_the_threshold():
  table = images([6, 6])
  rng = np.random.default_rng(0)
  score = rng.random((12, 12))
  score = (score + score.T) / 2
  result = similarity_matrix(table, score, threshold=0.6, draws=20_000, seed=1)
  a, b = (np.flatnonzero(table["device"] == d) for d in result.devices)
  assert result.values[0, 1] == pytest.approx((score[np.ix_(a, b)] >= 0.6).mean(), abs=0.02)
  assert result.values[0, 1] == result.values[1, 0]


def test_a_device_with_one_image_is_left_out():
  result = similarity_matrix(images([3, 1, 2]), np.zeros((6, 6)), threshold=0.5, draws=5, seed=0)
  assert result.devices == ["m0_0", "m1_0"]


def test_calling_everything_different_is_no_achievement_when_balanced():
  result = similarity_matrix(images([3] * 5), np.zeros((15, 15)), threshold=0.5, draws=5, seed=0)
  assert result.accuracy() == pytest.approx(0.8)
  assert result.balanced_accuracy() == pytest.approx(0.5)
