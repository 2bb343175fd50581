"""The benchmark that passes photographs through chains, on runs that were never trained."""

import numpy as np
import pytest

import fsim
from benchmarks import robustness
from benchmarks.robustness import UNTOUCHED
from fsim.virtual import postprocessing
from tests import fitted_similarity, jpegs, predictors


def test_every_chain_changes_a_photograph_and_none_but_one_leaves_it():
  pixels = jpegs.scene(96, 128)
  made = {name: robustness.passed_on(pixels, name, 90) for name in (UNTOUCHED, *postprocessing.CHAINS)}
  assert [name for name, after in made.items() if np.array_equal(after, pixels)] == [UNTOUCHED]


def test_a_run_that_names_models_is_asked_after_every_chain(tmp_path):
  known = fsim.load(predictors.patch_run(tmp_path / "run"))
  photographs = [jpegs.scene(192, 256, seed) for seed in range(3)]
  models = [known.classes[0], known.classes[1], "never learned"]
  found = robustness.table(lambda *some: robustness.named(known, *some), photographs, models, 90)
  assert found.index.tolist() == [UNTOUCHED, *postprocessing.CHAINS]
  assert (found["images"] == 2).all()
  right = np.mean([known.name(image).model == model for image, model in zip(photographs[:2], models, strict=False)])
  assert found.loc[UNTOUCHED, "likeliest_right"] == pytest.approx(right)


def test_a_run_that_compares_loses_what_a_chain_destroys(tmp_path):
  known = fsim.load(predictors.model_run(tmp_path / "run"))
  photographs = [fitted_similarity.texture(kind, 300, 300, seed) for seed in range(2) for kind in ("fine", "coarse")]
  found = robustness.table(lambda *some: robustness.compared(known, *some), photographs, ["fine", "coarse"] * 2, 90)
  assert found.loc[UNTOUCHED, "auc"] == 1
  assert (found["images"] + found["silent"] == 4).all()
