"""The calibration that came with fsim, and the weights that came with it."""

import numpy as np
import pytest

from fsim import weights
from fsim.evidence import calibration, lines, saved, shipped
from fsim.metrics.scores import OTHER_MODEL, SAME_DEVICE
from tests import synthetic_trials


@pytest.fixture(scope="module")
def made():
  return saved.load(shipped.FOLDER / f"{shipped.DEFAULT}.json")


def test_it_learned_the_similarity_of_the_weights_that_ship(made):
  assert made.fused is not None
  assert made.card["similarity"] == weights.default("compare").description.sha256


def test_its_card_says_how_independent_noise_and_similarity_are(made):
  for hypothesis in (SAME_DEVICE, OTHER_MODEL):
    assert -1 <= made.card["figures"][f"Spearman of noise and similarity, {hypothesis}"] <= 1
    assert 0 < made.card["figures"][f"its p if independent, {hypothesis}"] <= 1


def test_no_similarity_lifts_a_ratio_above_what_devices_support(made):
  trials, _, _ = synthetic_trials.made(devices=8, similarity=True)
  for similarity in (-lines.MOST, 0.0, lines.MOST):
    asked = trials._replace(similarity=np.full(len(trials.z), similarity))
    for ratio in calibration.ratios(made, asked, OTHER_MODEL):
      assert ratio.low <= ratio.log10 <= ratio.high
