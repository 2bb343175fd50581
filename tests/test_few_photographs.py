"""The benchmark that names models after a few photographs of each: whose scenes are learned from, and what is right."""

import argparse

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import transfer
from benchmarks.transfer import Side
from fsim.boundary.errors import UserError
from tests import known_cameras, predictors

SCENES = st.lists(st.integers(1, 8), min_size=1, max_size=6)


def table(counts, model="A"):
  scenes = [f"{k}/1" for k, count in enumerate(counts) for _ in range(count)]
  return pd.DataFrame({"model": model, "scene": scenes, "file": [f"{model}_{k}.JPG" for k in range(len(scenes))]})


@given(SCENES, st.integers(1, 6), st.integers(0, 99))
def test_no_scene_is_learned_from_and_judged(counts, images, seed):
  own = table(counts)
  if not transfer.serves(own["scene"].tolist(), images):
    assert transfer.candidates(own, images) == []
    return
  learned, judged = transfer.divide(own, "A", images, 5, np.random.default_rng(seed))
  assert len(set(learned)) == images
  assert transfer.JUDGED <= len(set(judged)) == len(judged) <= 5
  assert not set(own["scene"][learned]) & set(own["scene"][judged])


@given(SCENES, st.integers(1, 6))
def test_a_model_serves_if_some_of_its_scenes_do(counts, images):
  whole = sum(counts)
  subsets = [sum(c for k, c in enumerate(counts) if mask >> k & 1) for mask in range(2 ** len(counts))]
  expected = any(images <= part <= whole - transfer.JUDGED for part in subsets)
  assert transfer.serves(table(counts)["scene"].tolist(), images) == expected


def test_images_of_no_known_scene_serve_for_nothing():
  own = pd.concat([table([3, 3]), table([3, 3], "B").assign(scene="")], ignore_index=True)
  assert transfer.candidates(own, 3) == ["A"]


def world(spread, seed=0):
  """Features of eight patches of each image of three models, two scenes of six images each."""
  own = pd.concat([table([6, 6], model) for model in "ABC"], ignore_index=True)
  rng = np.random.default_rng(seed)
  centres = 3 * rng.normal(size=(3, 6))
  features = [centres["ABC".index(model)] + spread * rng.normal(size=(8, 6)) for model in own["model"]]
  return features, own


def settings(**changed):
  return argparse.Namespace(**{"images": 4, "most": 5, "models": 3, "draws": 2, "seed": 0} | changed)


def test_what_is_far_apart_is_named_rightly_and_what_is_not_is_a_toss():
  features, own = world(spread=0.5)
  side = transfer.draw(own, ["A", "B", "C"], settings(), 0)
  found = transfer.named(features, own, side)
  assert (found["answer"] == found["model"]).all()
  assert found["images"].mean() == 1
  assert found["patches"].mean() > 0.95
  blurred, _ = world(spread=30)
  assert transfer.named(blurred, own, side)["patches"].mean() < 0.6


def test_truths_of_judged_images_teach_nothing():
  features, own = world(spread=3)
  side = transfer.draw(own, ["A", "B", "C"], settings(), 0)
  first = transfer.named(features, own, side)
  renamed = own.copy()
  renamed.loc[side.judged, "model"] = renamed.loc[side.judged, "model"].map({"A": "B", "B": "C", "C": "A"})
  second = transfer.named(features, renamed, side)
  assert first["answer"].tolist() == second["answer"].tolist()
  assert (first["images"] + second["images"] <= 1).all()


def test_draws_have_as_many_models_as_asked_and_differ():
  _, own = world(spread=1)
  sides = [transfer.draw(own, ["A", "B", "C"], settings(models=2), k) for k in range(8)]
  assert all(isinstance(side, Side) and len(side.models) == 2 for side in sides)
  assert len({tuple(side.models) for side in sides}) > 1
  again = transfer.draw(own, ["A", "B", "C"], settings(models=2), 3)
  assert again.learned.tolist() == sides[3].learned.tolist()


def test_models_count_equally_however_many_of_their_images_are_judged():
  right = pd.DataFrame({"network": "n", "draw": 0, "model": ["A"] * 6 + ["B"] * 2, "answer": ["A"] * 6 + ["A"] * 2})
  right["images"] = right["patches"] = (right["answer"] == right["model"]).astype(float)
  (row,) = transfer.summary(right).to_dict("records")
  assert row["images"] == 0.5
  assert row["images_alike"] == 0.75
  assert (row["images_low"], row["images_high"]) == (0, 1)
  models = transfer.by_model(right).set_index("model")
  assert models.loc["B", "taken_for"] == "A (100%)"
  assert models.loc["A", "taken_for"] == ""


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
  folder = tmp_path_factory.mktemp("few")
  with pytest.MonkeyPatch.context() as patch:
    patch.setenv("TFDS_DATA_DIR", str(folder / "data"))
    kinds = {"Fine_A_0": "fine", "Coarse_B_0": "coarse"}
    yield known_cameras.made(folder / "photos", kinds, scenes=2, images=3)


def test_two_networks_are_judged_on_the_same_images(photos, tmp_path, capsys):
  model, patch = predictors.model_run(tmp_path / "model"), predictors.patch_run(tmp_path / "patch")
  more = ["--images=3", "--draws=2", f"--out={tmp_path / 'out'}"]
  assert transfer.main([f"--run={model}", "--beside", str(patch), "--photos", str(photos), *more]) == 0
  closing = capsys.readouterr().out.splitlines()[-4:]
  assert closing[0].startswith("2 of 2 models a draw, 3 images of each learned from")
  assert [line.split()[0] for line in closing[2:]] == [str(model), str(patch)]
  answers = pd.read_csv(tmp_path / "out" / "answers.csv")
  files = answers.groupby("network")["file"].apply(list)
  assert files[str(model)] == files[str(patch)]
  assert answers.loc[answers["network"] == str(model), "images"].mean() == 1  # Its network tells these textures.
  assert sorted(path.name for path in (tmp_path / "out").glob("*.*v")) == ["answers.csv", "models.csv", "overall.csv"]
  assert (tmp_path / "out" / "transfer.png").read_bytes().startswith(b"\x89PNG")


def test_what_does_not_serve_is_told(photos, tmp_path):
  run = predictors.model_run(tmp_path / "model")
  with pytest.raises(UserError, match="two models are needed with 5 usable images of some scenes and 2 of others"):
    transfer.main([f"--run={run}", "--photos", str(photos), "--images=5"])
  with pytest.raises(UserError, match="there is no model Nikon_D70; there are Coarse_B, Fine_A"):
    transfer.main([f"--run={run}", "--photos", str(photos), "--without", "Nikon_D70"])
