import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from fsim.metrics import scores


def images(devices):
  return pd.DataFrame(
    {"file": [f"{k}.JPG" for k in range(len(devices))], "device": devices, "model": [d[0] for d in devices]}
  )


def test_each_pair_carries_its_hypothesis():
  logits = np.zeros((4, 4), np.float32)
  table = scores.pair_table(images(["a0", "a0", "a1", "b0"]), logits)
  truth = {(r.row_a, r.row_b): r.truth for r in table.itertuples()}
  assert len(truth) == 6
  assert truth[0, 1] == scores.SAME_DEVICE
  assert truth[0, 2] == truth[1, 2] == scores.SAME_MODEL
  assert truth[2, 3] == scores.OTHER_MODEL


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.1, 0.2, 0.5, 0.7, 0.9])), min_size=2, max_size=40))
def test_no_threshold_has_a_better_f1(pairs):
  same, score = np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])
  if same.all() or not same.any():
    with pytest.raises(ValueError, match="pairs of one device and pairs of two"):
      scores.best_f1_threshold(same, score)
    return
  threshold = scores.best_f1_threshold(same, score)
  best = max(f1_score(same, score >= t) for t in (0.1, 0.2, 0.5, 0.7, 0.9))
  assert f1_score(same, score >= threshold) == pytest.approx(best)


def test_only_wrong_decisions_are_errors_and_the_worst_come_first():
  logits = np.zeros((4, 4), np.float32)
  logits[0, 1], logits[2, 3], logits[0, 2], logits[1, 3] = -5, 5, 3, 6
  table = scores.pair_table(images(["a0", "a0", "b0", "b0"]), logits)
  errors = scores.worst_errors(table, threshold=0.9, count=2)
  assert errors[["row_a", "row_b"]].to_numpy().tolist() == [[1, 3], [0, 2], [0, 1]]


def test_a_sigmoid_of_any_log_odds_is_a_share():
  found = scores.sigmoid(np.array([-1e4, -1.0, 0.0, 1.0, 1e4], np.float32))
  np.testing.assert_allclose(found, [0, 1 / (1 + np.e), 0.5, np.e / (1 + np.e), 1])
