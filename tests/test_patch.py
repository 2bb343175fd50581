"""The patch system as a user types it, on virtual cameras and on real JPEGs."""

import itertools
import json
import shutil

import numpy as np
import pandas as pd
import pytest

from fsim.boundary import console
from fsim.commands import identify
from fsim.data import jpeg, patches
from fsim.data.patches import Choice
from fsim.metrics import classification
from fsim.models.extractors import PatchNet
from fsim.systems import patch_dataset
from fsim.systems.dataset import open_dataset, split
from fsim.systems.patch import run as patch
from fsim.systems.patch import unknown_models
from fsim.train import schedule
from tests import commands, contexts, recording
from tests.commands import ROOT

QUICK = f"--config={ROOT}/configs/patch.py:quick"


def quick():
  return commands.config(ROOT / "configs" / "patch.py", "quick")


def test_every_setting_is_read(finished):
  assert recording.unread(finished) == recording.OTHERS["patch"].keys()


def test_the_page_shows_what_the_paper_shows(finished):
  page = (finished / "report" / "index.html").read_text()
  assert "http" not in page.replace("http-equiv", "")
  for heading in (
    "Confusion matrix",
    "Voting curve",
    "models that come later",
    "none of these",
    "Training",
    "Settings",
  ):
    assert heading in page


def test_only_unseen_devices_are_named_and_every_patch_counts_once(finished):
  images, _, alone, _ = classification.load(finished)
  assert [device.rsplit("_", 1)[0] for device in images.answers["device"]] == images.answers["truth"].tolist()
  assert images.answers["file"].is_unique
  assert set(alone.answers["file"]) == set(images.answers["file"])
  assert alone.answers["file"].value_counts().max() <= 8
  curve = pd.read_csv(finished / "voting.csv")
  last = curve[(curve["patches"] == 8) & (curve["rule"] == "majority of SVMs")]["mean"].item()
  np.testing.assert_allclose(last, classification.top(images, 1))


def test_models_never_learned_are_met_later_and_told_apart(finished):
  learned = set(classification.load(finished)[0].classes)
  facts = json.loads((finished / "unknown.json").read_text())
  assert facts["unknown_models"] == 3
  assert len(learned) == 2
  assert sorted(pd.read_csv(finished / "transfer.csv")["images"].unique()) == [1, 2]


def test_a_finished_run_is_only_evaluated_again_and_says_the_same(finished, tmp_path, train):
  folder = shutil.copytree(finished, tmp_path / "run")
  done = train(QUICK, "--workdir=run")
  assert done.returncode == 0, done.stderr
  assert "patches:" not in done.stderr
  assert (folder / "metrics.jsonl").read_text() == (finished / "metrics.jsonl").read_text()
  for name in ("classification.json", "voting.csv", "transfer.csv", "unknown.json", "svm.json"):
    assert (folder / name).read_text() == (finished / name).read_text(), name


def test_identify_answers_as_the_run_did(finished, data, capsys):
  images = classification.load(finished)[0].answers
  home = data / "cameras" / "virtual" / "few"
  file = home / images["file"].iloc[0]
  assert console.run(identify.main, [str(file), "--json", f"--run={finished}"]) == 0
  (verdict,) = json.loads(capsys.readouterr().out)
  choice = Choice(64, 64, 8, "paper", 0.0, 0.0)
  assert verdict["patches"] == len(patches.choose(jpeg.decode(file.read_bytes()), choice))
  assert verdict["model"] == images["predicted"].iloc[0]


def test_another_fold_shares_the_patches_and_tests_other_devices(finished, tmp_path, train, data):
  done = train(QUICK, "--workdir=run", "--config.data.fold=1")
  assert done.returncode == 0, done.stderr
  assert "patches:" not in done.stderr
  devices = [set(classification.load(run)[0].answers["device"]) for run in (finished, tmp_path / "run")]
  assert not devices[0] & devices[1]


def test_a_side_without_a_model_is_refused_before_training(tmp_path, train):
  done = train(QUICK, "--workdir=run", "--config.input.size=512")
  assert done.returncode == 1
  assert "Traceback" not in done.stderr
  assert not (tmp_path / "run" / "metrics.jsonl").exists()


def test_real_photographs_with_scenes_kept_apart(some_realcams, tmp_path, train, data):
  protocol = [
    "--config.data.protocol=by_scene",
    "--config.data.validation=0.2",
    "--config.data.unknown_models=Canon_S100",
  ]
  few = ["--config.input.count=4", "--config.extractor.epochs=1"]
  done = train(QUICK, f"--config.data.source={some_realcams}", *protocol, *few, "--workdir=run")
  assert done.returncode == 0, done.stderr
  images = classification.load(tmp_path / "run")[0]
  assert images.answers["device"].nunique() >= 5
  assert "Canon_S100" not in images.classes
  assert "whether the model, the device or what it usually photographs was recognised cannot be said" in images.note
  assert json.loads((tmp_path / "run" / "unknown.json").read_text())["unknown_models"] == 1


def test_no_patch_of_a_test_image_is_trained_on(data, tmp_path):
  config = quick()
  config.data.folder = str(data)
  dataset = open_dataset(config.data.source, config, tmp_path)
  learned = unknown_models.to_learn(dataset.table, config)
  sides = {name: learned.iloc[rows] for name, rows in split(learned, config).items()}
  cache = patch_dataset.open_patches(dataset, config)
  parts = {name: patch_dataset.patches_of(cache, table) for name, table in sides.items()}
  classes = sorted(sides["train"]["model"].unique())
  phase = patch.learning(
    PatchNet(classes=2), cache, parts, classes, schedule.of(config.extractor), contexts.made(tmp_path)
  )
  pixels = cache.stored()
  kept = {name: {pixels(k).tobytes() for k in part.numbers} for name, part in parts.items()}
  batches = list(itertools.islice(phase.batches(0), 2 * phase.steps_in_epoch))
  trained = {image.tobytes() for batch in batches for image in batch[0]}
  assert trained <= kept["train"]
  assert not trained & (kept["test"] | kept["validation"])
  mean = np.mean([pixels(k) for k in parts["train"].numbers], axis=0)
  np.testing.assert_allclose(phase.init()["batch_stats"]["mean"], mean, rtol=1e-5)


def side(models, devices):
  table = pd.DataFrame({"model": models, "device": devices})
  return patch_dataset.PatchSet(table, np.arange(len(table)), np.arange(len(table)), n_unusable=0)


def test_sides_that_cannot_be_learned_or_tested_are_refused():
  both = side(["A", "B"], ["A_0", "B_0"])
  patch_dataset.require({"train": both, "validation": side(["A"], ["A_0"]), "test": both}, ["A", "B"], "model")
  with pytest.raises(ValueError, match="the training images of B have no usable patches"):
    patch_dataset.require({"train": side(["A"], ["A_0"]), "test": both}, ["A", "B"], "model")
  with pytest.raises(ValueError, match="the test images are of models that nothing is trained on: C"):
    patch_dataset.require({"train": both, "test": side(["C"], ["C_0"])}, ["A", "B"], "model")
  with pytest.raises(ValueError, match="the validation images have no usable patches"):
    patch_dataset.require({"train": both, "validation": side([], [])}, ["A", "B"], "model")
  with pytest.raises(ValueError, match="the training images are of 1"):
    patch_dataset.require({"train": side(["A"], ["A_0"])}, ["A"], "model")


def test_a_device_on_both_sides_is_said():
  train = side(["A", "B"], ["A_0", "B_0"])
  assert patch.confounded({"train": train, "test": side(["A", "B"], ["A_1", "B_1"])}) == ""
  assert "For 1 of 2 models a tested device" in patch.confounded(
    {"train": train, "test": side(["A", "B"], ["A_1", "B_0"])}
  )
