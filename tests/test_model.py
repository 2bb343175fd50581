"""Forensic similarity as a user types it, on virtual cameras and on real JPEGs."""

import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ml_collections import ConfigDict
from sklearn.metrics import roc_curve

from fsim.boundary.errors import UserError
from fsim.data import pairs, patches
from fsim.data.patches import Cache, Choice
from fsim.models import block_shares, posteriors, saved
from fsim.models.block_shares import SHARES
from fsim.models.constrained import KERNEL
from fsim.models.mislnet import FEATURES, SHARE
from fsim.models.pair_scorers import DistanceScorer
from fsim.systems import patch_dataset
from fsim.systems.dataset import open_dataset
from fsim.systems.model import fitted, image_scores, learning, similarity, test_sets, whitening
from fsim.systems.model import run as model
from fsim.systems.model import taken as taken_extractor
from fsim.systems.model.tiles import Tiles
from fsim.systems.patch_dataset import PatchSet
from fsim.train.compare import LabelledSignatures
from fsim.train.step import State
from tests import commands, recording
from tests.commands import ROOT

CONFIG = ROOT / "configs" / "model.py"
QUICK = f"--config={CONFIG}:quick"


def test_every_setting_is_read(finished):
  assert recording.unread(finished) == recording.OTHERS["model"].keys()


def test_the_page_shows_what_the_paper_shows(finished):
  page = (finished / "report" / "index.html").read_text()
  assert "http" not in page.replace("http-equiv", "")
  for phase in ("extractor", "tiles", "similarity"):
    assert f"Training of the {phase} network" in page
  assert "unknown-unknown" in page


def test_no_model_that_is_called_unknown_was_learned(finished):
  (found,) = similarity.load(finished)
  sides = {
    side: set(found.pairs.loc[found.pairs["side_a"] == side, "model_a"].astype(str)) for side in ("known", "unknown")
  }
  assert len(sides["known"]) == len(sides["unknown"]) == 2
  assert not sides["known"] & sides["unknown"]
  assert json.loads((finished / "predictor" / "predictor.json").read_text())["classes"] == 4
  assert found.baseline["models"] == 2


def test_the_saved_comparer_gives_the_scores_of_the_run(finished, tmp_path):
  config = ConfigDict(json.loads((finished / "config.json").read_text()))
  dataset = open_dataset(config.data.source, config, tmp_path)
  cache, sides = patch_dataset.open_patches(dataset, config), model.divide(dataset.table, config)
  known, unknown = (patch_dataset.patches_of(cache, side["test"]) for side in (sides.a, sides.c))
  numbers = test_sets.internal(cache, known, unknown, config).part.numbers
  (found,) = similarity.load(finished)
  whole = fitted.load(finished / "predictor")
  assert whole.tiles
  some = found.pairs.sample(20, random_state=0)
  a, b = (fitted.features(whole, np.stack([cache.stored()(numbers[k]) for k in some[end]])) for end in ("a", "b"))
  np.testing.assert_allclose(np.diag(fitted.log_odds(whole, a, b)), some["log_odds"], atol=1e-3)


def test_the_first_layer_of_the_saved_comparer_is_constrained(finished):
  whole = fitted.load(finished / "predictor")
  (kernel,) = [layer[KERNEL] for layer in whole.variables["params"].values() if KERNEL in layer]
  np.testing.assert_allclose(kernel[2, 2], -1, atol=1e-5)
  np.testing.assert_allclose(kernel.sum((0, 1)), 0, atol=1e-5)


def test_log_odds_of_zero_are_where_most_validation_pairs_are_decided_rightly():
  """Logits of the first patch with the others: -1, -4, -9, -16, -25, -36."""
  features = np.arange(7, dtype=np.float32)[:, None]
  validation_pairs = np.stack([np.zeros(6, int), np.arange(1, 7)], 1)
  state = State(0, {"log_slope": jnp.zeros(1), "offset": jnp.zeros(())}, {}, {})
  for other, expected in (([3, 4, 5, 6], -4.0), ([2, 5, 6], -16.0), ([1, 2, 3], -36.0)):
    validation = LabelledSignatures(features, np.isin(np.arange(7), other).astype(int))
    assert learning.zero_of(DistanceScorer((1,)), state, validation, validation_pairs) == expected


def test_a_finished_run_is_only_evaluated_again_also_elsewhere(finished, tmp_path, train, realcams):
  folder = shutil.copytree(finished, tmp_path / "run")
  (folder / "predictor" / "predictor.json").write_text("{}")  # As one of before, which has not all fields.
  for photo in sorted((realcams / "natural").glob("*_[12].JPG")):
    (tmp_path / "some").mkdir(exist_ok=True)
    shutil.copy(photo, tmp_path / "some")
  done = train(QUICK, "--workdir=run", "--config.evaluate.external=some")
  assert done.returncode == 0, done.stderr
  assert (folder / "metrics.jsonl").read_text() == (finished / "metrics.jsonl").read_text()
  assert fitted.load(folder / "predictor").scatter == fitted.load(finished / "predictor").scatter > 0
  test, external = similarity.load(folder)
  np.testing.assert_array_equal(test.pairs["log_odds"], similarity.load(finished)[0].pairs["log_odds"])
  assert set(external.pairs["side_a"].astype(str)) == {"unknown"}
  assert external.pairs["model_a"].astype(str).nunique() > 5


def table(models, scenes, devices=1):
  rows = [(f"M_{m}", f"M_{m}_{d}", f"{s}/1") for m in range(models) for d in range(devices) for s in range(scenes)]
  frame = pd.DataFrame(rows, columns=["model", "device", "scene"])
  count = np.arange(len(frame))
  return frame.assign(sha256=count.astype(str), file=count.astype(str), subset="natural", instance="0", row=count)


@settings(max_examples=20)
@given(st.integers(0, 99), st.integers(6, 20), st.integers(4, 9))
def test_no_model_serves_two_purposes_and_no_scene_two_sides(seed, models, scenes):
  config = commands.config(CONFIG)
  config.seed = seed
  config.data.sizes = (4, 2, 2)
  sides = model.divide(table(models, scenes, devices=2), config)
  shown = [set(pd.concat(side.values())["model"]) for side in sides]
  assert not shown[0] & shown[1]
  assert not shown[2] & (shown[0] | shown[1])
  assert all(len(names) >= 2 for names in shown)
  by_side = {
    name: {scene for side in sides if name in side for scene in side[name]["scene"]}
    for name in ("train", "validation", "test")
  }
  assert not by_side["train"] & by_side["validation"]
  assert not by_side["test"] & (by_side["train"] | by_side["validation"])


def test_tiles_cover_a_patch(tmp_path):
  pixels = np.random.default_rng(0).integers(0, 256, (6, 128, 128, 3)).astype(np.uint8)
  pixels.tofile(tmp_path / "patches.bin")
  tiles = Tiles(patches.Stored(tmp_path / "patches.bin", pixels.shape[1:], np.uint8), 128)
  (numbers,) = tiles.of(np.array([4]))
  a, b, c, d = (tiles(number) for number in numbers)
  np.testing.assert_array_equal(np.concatenate([np.hstack([a, b]), np.hstack([c, d])]), pixels[4])
  np.testing.assert_array_equal(posteriors.tiled(jnp.asarray(pixels))[4], [a, b, c, d])


def test_known_models_are_drawn_by_lot_and_all_unknown_ones_take_part():
  config = commands.config(CONFIG, "quick")
  known, unknown = (
    pd.DataFrame({"model": [f"{letter}{k}" for k in range(5)], "row": range(first, first + 5)})
    for letter, first in (("K", 0), ("U", 5))
  )
  cache = Cache(None, Choice(72, 72, 2, "random", 0.1, 2.0), np.full(10, 2))
  blank = np.zeros(0, int)
  drawn = []
  for seed in range(4):
    config.seed = seed
    test_set = test_sets.internal(cache, PatchSet(known, blank, blank, 0), PatchSet(unknown, blank, blank, 0), config)
    shown = test_set.part.table.groupby("side")["model"].unique()
    assert len(shown["known"]) == 2
    assert len(shown["unknown"]) == 5
    drawn.append(tuple(shown["known"]))
  assert len(set(drawn)) > 1


@pytest.fixture
def _learned(finished, monkeypatch):
  """Networks with the settings of the finished run are its own, and not trained again."""
  learn = learning.learn_models

  def known(cache, a, classes, config, context):
    for name in ("extractor", "tiles"):
      shutil.copytree(finished / "checkpoints" / name, context.workdir / "checkpoints" / name)
    return learn(cache, a, classes, config, context)

  monkeypatch.setattr(learning, "learn_models", known)


@pytest.mark.usefixtures("_learned")
def test_the_extractor_alone_is_compared_as_published(tmp_path, data):
  config = commands.config(CONFIG, "quick")
  fields = {"scorer.use_tile_posteriors": False, "tile_extractor.epochs": 0}
  alone = fields | {"scorer.kind": "network", "evaluate.draws": 1}
  config.update_from_flattened_dict(alone | {"data.folder": str(data)})
  page = model.experiment(config, tmp_path)
  assert "Training of the tiles network" not in page.read_text()
  assert similarity.load(tmp_path)[0].baseline == {}
  assert fitted.load(tmp_path / "predictor").tiles == {}


@pytest.mark.usefixtures("_learned")
def test_a_scorer_starts_with_how_features_scatter_within_models_and_keeps_it(tmp_path, data):
  config = commands.config(CONFIG, "quick")
  whitened = {"scorer.kind": "whitened", "scorer.whitening": "virtual/tiny", "extractor.block_shares": True}
  config.update_from_flattened_dict(whitened | {"evaluate.draws": 1, "data.folder": str(data)})
  model.experiment(config, tmp_path)
  known = fitted.load(tmp_path / "predictor")
  params = known.scorer["params"]
  assert params["distance"]["offset"] != 0
  kinds = (FEATURES + SHARES, known.classes)
  for name, length in zip(("whitening_0", "whitening_1"), kinds, strict=True):
    matrix = np.asarray(params[name])
    assert matrix.shape == (length, length)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-5)
    assert 1 < np.linalg.eigvalsh(matrix).max() <= config.scorer.shrinkage**-0.5 + 1e-4
  cache, part = whitening.opened(config, tmp_path)
  assert part.table["model"].value_counts().tolist() == [whitening.IMAGES, 4]  # Of the others, one has no patch.
  pixels = np.asarray(cache.stored().take(part.numbers))
  seen = fitted.features(known, pixels)
  np.testing.assert_allclose(
    seen[:, FEATURES : kinds[0]], SHARE * block_shares.near_zero(jnp.asarray(pixels)), atol=1e-5
  )
  wanted = whitening.matrices(seen, learning.sources(part), kinds, config.scorer.shrinkage, None)
  np.testing.assert_allclose(params["whitening_0"], wanted[0], rtol=1e-3, atol=1e-4)
  assert known.scatter == pytest.approx(image_scores.scatter_of(known, seen, part.image), rel=1e-3)
  drawn = pairs.balanced_batch(learning.nested(part), learning.VALIDATION_PAIRS, config.seed, 0)
  models, odds = learning.sources(part)[drawn], fitted.log_odds(known, seen, seen)[tuple(drawn.T)]
  false, true, limits = roc_curve(models[:, 0] == models[:, 1], odds)
  assert limits[1 + np.argmax((true - false)[1:])] == pytest.approx(0, abs=1e-3)
  rows = np.random.default_rng(0).normal(size=(3, sum(kinds))).astype(np.float32)
  np.testing.assert_allclose(fitted.log_odds(known, rows, rows), fitted.log_odds(known, rows, rows).T, atol=1e-4)


def taken(run, data, **changes):
  """A quick configuration whose extractor is that of a finished run."""
  config = commands.config(CONFIG, "quick")
  fields = {"extractor.run": str(run), "scorer.use_tile_posteriors": False, "tile_extractor.epochs": 0}
  config.update_from_flattened_dict(fields | {"evaluate.draws": 1, "data.folder": str(data)} | changes)
  return config


def test_an_extractor_of_another_run_is_taken_as_it_is_and_only_the_scorer_learned(finished, tmp_path, data):
  (tmp_path / "a").mkdir()
  page = model.experiment(taken(finished, data, **{"extractor.block_shares": True}), tmp_path / "a").read_text()
  assert "Training of the extractor" not in page
  assert "Training of the similarity" in page
  assert sorted(path.name for path in (tmp_path / "a" / "checkpoints").iterdir()) == ["similarity"]
  before, after = (fitted.load(run / "predictor") for run in (finished, tmp_path / "a"))
  for one, other in zip(jax.tree.leaves(before.variables), jax.tree.leaves(after.variables), strict=True):
    np.testing.assert_array_equal(one, other)
  assert (after.classes, after.tiles, after.block_shares) == (before.classes, {}, True)
  (found,) = similarity.load(tmp_path / "a")
  assert {*found.pairs["side_a"], *found.pairs["side_b"]} == {"unknown"}  # Whom it has learned is not known here.
  (tmp_path / "b").mkdir()  # A folder with the files of a predictor, as weights are; their scorer is not asked.
  (tmp_path / "a" / "predictor" / "scorer.npz").unlink()
  model.experiment(taken(tmp_path / "a" / "predictor", data, **{"extractor.block_shares": True}), tmp_path / "b")
  again = fitted.load(tmp_path / "b" / "predictor")
  for one, other in zip(jax.tree.leaves(after.scorer), jax.tree.leaves(again.scorer), strict=True):
    np.testing.assert_array_equal(one, other)


def test_another_extractor_in_the_place_of_the_one_that_a_run_began_with_is_refused(finished, tmp_path, data):
  """And one of a run that is not finished."""
  other = shutil.copytree(finished, tmp_path / "other")
  (tmp_path / "run").mkdir()
  settings = commands.config(CONFIG, "quick")
  settings.update_from_flattened_dict({"extractor.run": str(other / "predictor"), "tile_extractor.epochs": 0})
  first = taken_extractor.opened(settings, tmp_path / "run")
  assert taken_extractor.opened(settings, tmp_path / "run").size == first.size
  changed = jax.tree.map(lambda x: x + np.float32(1), first.variables)
  saved.save(other / "predictor" / "network.npz", changed)
  with pytest.raises(UserError, match=f"{other}/predictor has changed since the run in {tmp_path}/run began"):
    taken_extractor.opened(settings, tmp_path / "run")
  settings.extractor.run = str(other)
  with pytest.raises(UserError, match="not as the run wrote it"):
    taken_extractor.opened(settings, tmp_path / "run")
  (other / "results.json").unlink()
  with pytest.raises(UserError, match="not a finished run"):
    taken_extractor.opened(settings, tmp_path / "run")


@pytest.mark.parametrize(
  ("changes", "cause"),
  [
    ({"extractor.colours": "green"}, "was learned with extractor.colours=each, and extractor.colours is green"),
    ({"input.size": 80}, "was learned with input.size=72, and input.size is 80"),
    ({"tile_extractor.epochs": 1}, "set tile_extractor.epochs=0"),
    ({"extractor.run": "nowhere"}, "nowhere"),
  ],
)
def test_an_extractor_that_does_not_fit_is_told_before_any_work(finished, tmp_path, data, changes, cause):
  config = taken(finished, data, **{"data.source": "virtual/none"} | changes)
  with pytest.raises(UserError, match=cause):
    model.experiment(config, tmp_path)


def test_a_model_with_one_image_is_told_before_training():
  config, few = commands.config(CONFIG, "quick"), table(3, 1)
  part = PatchSet(few, np.arange(9), np.repeat(np.arange(3), 3), 0)
  with pytest.raises(ValueError, match=r"the train images .* two images of each; there are \[1, 1, 1\]"):
    model.require({"train": part, "validation": part}, config)


@pytest.mark.parametrize(
  ("changes", "cause"),
  [
    ({"data.source": "virtual/tiny"}, "model_disjoint needs six models"),
    ({"input.entropy": 5.6}, "have no usable patches"),
    ({"extractor.colours": "red"}, "knows colours green or rgb"),
    ({"extractor.optimiser": "lion"}, "one of sgd, adamw"),
    ({"scorer.optimiser": "lion"}, "one of sgd, adamw"),
    ({"tile_extractor.optimiser": "lion"}, "one of sgd, adamw"),
    ({"tile_extractor.epochs": 0}, "scorer.use_tile_posteriors needs the network on tiles"),
    ({"evaluate.map_false_alarm": 1.0}, "evaluate.map_false_alarm must be a number above 0 and below 1"),
    ({"scorer.kind": "near"}, "must be one of network, distance, whitened"),
    ({"scorer.whitening": "virtual/tiny"}, "scorer.whitening is of scorer.kind=whitened; the kind is distance"),
    ({"scorer.shrinkage": 0.0}, "scorer.shrinkage must be a number above 0 and up to 1"),
  ],
)
def test_what_cannot_be_learned_is_said_before_training(changes, cause, tmp_path, data):
  config = commands.config(CONFIG, "quick")
  config.update_from_flattened_dict(changes | {"data.folder": str(data)})
  with pytest.raises(ValueError, match=cause):
    model.experiment(config, tmp_path)
  assert not (tmp_path / "checkpoints").exists()
