import numpy as np
import pandas as pd
import pytest

from fsim.evaluate import matrix, rates, result, scores
from fsim.evaluate.result import Evaluation
from fsim.report import figures

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def evaluation():
  devices = np.repeat(["a_0", "a_1", "b_0"], 4)
  images = pd.DataFrame({"file": [f"{k}.JPG" for k in range(12)], "device": devices, "model": [d[0] for d in devices]})
  logits = np.random.default_rng(0).normal(size=(12, 12)).astype(np.float32) + 2 * (devices[:, None] == devices)
  pairs = scores.pair_table(images, logits + logits.T)
  similarity = matrix.similarity_matrix(images, logits + logits.T, threshold=0.5, draws=10, seed=0)
  return Evaluation("test", "12 images.", 0.5, similarity, ["a", "a", "b"], rates.rates(pairs, 5, 0), pairs)


def test_an_evaluation_is_read_back_as_it_was_written(evaluation, tmp_path):
  result.save(tmp_path, [evaluation, evaluation._replace(name="elsewhere", note="others")])
  (first, second) = result.load(tmp_path)
  assert (first.name, second.name) == ("test", "elsewhere")
  pd.testing.assert_frame_equal(first.pairs, evaluation.pairs)
  assert len(second.pairs) == len(evaluation.pairs)
  np.testing.assert_array_equal(first.matrix.values, evaluation.matrix.values)
  assert [line.values for line in first.rates] == [line.values for line in evaluation.rates]
  np.testing.assert_array_equal(first.rates[0].curve.fpr, evaluation.rates[0].curve.fpr)


def test_every_figure_is_drawn(evaluation):
  diary = [
    {
      "phase": "signature",
      "step": k,
      "loss": 1 / k,
      "accuracy": 0.5,
      "validation_loss": 1.0,
      "validation_accuracy": 0.4,
    }
    for k in (1, 2)
  ]
  drawn = [
    figures.matrix(evaluation.matrix, evaluation.models),
    figures.roc_and_det(evaluation.rates),
    figures.histograms(evaluation.pairs, evaluation.threshold),
    figures.training(diary, "signature"),
  ]
  assert all(image.startswith(PNG) and len(image) > 5000 for image in drawn)
