"""Phones and their cameras: networks layer by layer, what is divided before what, and the whole as a user types it."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from fsim.data.splits import CannotServe
from fsim.metrics import classification
from fsim.models.mobile import LEAK, PhoneNet
from fsim.systems import finished as runs
from fsim.systems import patch_dataset
from fsim.systems.dataset import open_dataset
from fsim.systems.mobile import run as mobile
from fsim.train import schedule
from tests import commands, contexts, jpegs, recording
from tests.commands import ROOT
from tests.test_pattern import MICHE
from tests.test_scan import write

QUICK = f"--config={ROOT}/configs/mobile.py:quick"
CAMERAS = ("Gossamer_G4-front", "Gossamer_G4-rear", "Ilex_5-front", "Ilex_5-rear", "Talus_Tab2-front")


def quick(**data):
  config = commands.config(ROOT / "configs" / "mobile.py", "quick")
  config.data.update(data)
  return config


def net(kind="phones", depth=2, activation="leaky_relu", dropout=0.5, **more):
  return PhoneNet(5, kind, depth, activation, dropout, **more)


def conv(kernel, ins, outs):
  return kernel * kernel * ins * outs + outs


def dense(inputs):
  return (inputs * 256 + 256) + (256 * 512 + 512) + (512 * 5 + 5)


PARAMETERS = {
  ("phones", 1, 32): conv(3, 3, 32) + dense(8 * 8 * 32),
  ("phones", 2, 32): conv(3, 3, 32) + conv(3, 32, 64) + dense(2 * 2 * 64),
  ("phones", 3, 32): conv(3, 3, 32) + conv(3, 32, 64) + conv(3, 64, 128) + dense(128),
  ("phones", 4, 32): conv(3, 3, 32) + conv(3, 32, 64) + conv(3, 64, 128) + conv(3, 128, 128) + dense(128),
  ("baroffio", 3, 48): conv(5, 3, 32) + conv(5, 32, 48) + conv(5, 48, 64) + dense(6 * 6 * 64),
  ("tuama", 3, 256): conv(3, 3, 64) + conv(5, 64, 48) + conv(5, 48, 48) + dense(8 * 8 * 48),
}


@pytest.mark.parametrize(("kind", "depth", "size"), PARAMETERS)
def test_every_network_has_the_layers_that_its_description_says(kind, depth, size):
  own = net(kind, depth)
  images = jax.ShapeDtypeStruct((2, size, size, 3), jnp.uint8)
  (feature, logits), variables = jax.eval_shape(lambda x: own.init_with_output(jax.random.key(0), x), images)
  assert sum(x.size for x in jax.tree.leaves(variables)) == PARAMETERS[kind, depth, size]
  assert feature.shape == (2, 512)
  assert logits.shape == (2, 5)
  if (kind, depth) == ("phones", 2):
    assert PARAMETERS[kind, depth, size] == 219_333  # As the docstring says.


@pytest.mark.parametrize(
  ("settings", "cause"),
  [
    ({"kind": "alexnet"}, "the network is one of phones, baroffio, tuama, got 'alexnet'"),
    ({"depth": 5}, "the network phones has 1 or 2 or 3 or 4 convolutions, got a depth of 5"),
    ({"kind": "tuama"}, "the network tuama has 3 convolutions, got a depth of 2"),
    ({"activation": "tanh"}, "the activation is one of relu, leaky_relu, got 'tanh'"),
    ({"front": "grey"}, "the front is one of rgb, residual, high_pass, got 'grey'"),
    ({"dropout": 1.0}, "dropout is a share below 1, got 1.0"),
  ],
)
def test_a_network_that_there_is_not_is_refused_before_any_data_are_cut(settings, cause):
  config = quick()
  for name, value in settings.items():
    (config.input if name == "front" else config.extractor)[name] = value
  with pytest.raises(ValueError, match=cause):
    mobile.network(2, config)


def test_dropout_is_of_training_alone_and_the_leak_is_what_tells_the_activations_apart():
  images = jax.random.randint(jax.random.key(1), (3, 32, 32, 3), 0, 256).astype(jnp.uint8)
  own = net(depth=1)
  variables = jax.jit(own.init)(jax.random.key(0), images)
  still = jax.jit(own.apply)(variables, images)[0]
  trained = jax.jit(lambda key: own.apply(variables, images, train=True, rngs={"dropout": key})[0])
  one, other = trained(jax.random.key(1)), trained(jax.random.key(2))
  assert 0.35 < (np.asarray(one) == 0).mean() < 0.65
  assert not np.array_equal(one, other)
  strict = jax.jit(net(depth=1, activation="relu").apply)(variables, images)[0]
  assert strict.min() == 0
  assert -1 < still.min() < 0
  assert LEAK == 0.01


def test_every_setting_is_read(finished):
  assert recording.unread(finished) == recording.OTHERS["mobile"].keys()


def test_the_page_shows_accuracies_and_both_confusion_matrices(finished):
  page = (finished / "report" / "index.html").read_text()
  assert "http" not in page.replace("http-equiv", "")
  for heading in ("Accuracy by class", "Voting curve", "Confusion matrix, images", "Confusion matrix, patches"):
    assert heading in page
  for name in ("accuracy_by_class", "voting_curve", "confusion_matrix__patches"):
    assert (finished / "report" / f"{name}.png").stat().st_size > 5000


def test_a_phone_has_both_its_cameras_and_every_patch_counts_once(finished):
  images, voted, alone = classification.load(finished)
  assert images.classes == ["Gossamer_G4", "Ilex_5", "Talus_Tab2"]
  assert [device.rsplit("-", 1)[0] for device in images.answers["device"]] == images.answers["truth"].tolist()
  assert images.answers["device"].nunique() == 5
  assert images.answers["file"].is_unique
  assert alone.answers["file"].value_counts().max() <= 8
  assert set(alone.answers["file"]) == set(images.answers["file"]) == set(voted.answers["file"])
  curve = pd.read_csv(finished / "voting.csv")
  last = curve[(curve["patches"] == 8) & (curve["rule"] == "mean softmax")]["mean"].item()
  np.testing.assert_allclose(last, classification.top(images, 1))


def test_the_numbers_of_a_run_are_those_of_its_page(finished):
  numbers = runs.numbers(finished)
  images, _, alone = classification.load(finished)
  assert numbers["images, mean softmax"] == classification.top(images, 1)
  assert numbers["patches: Ilex_5"] == classification.per_class(alone)[1]
  assert {"mean softmax, 1 voting", "majority, 8 voting"} <= numbers.keys()


@pytest.fixture(scope="module")
def phones(finished, data, tmp_path_factory):
  """The images of the finished run."""
  return open_dataset("virtual/few_phones", quick(folder=str(data)), tmp_path_factory.mktemp("opened"))


@pytest.mark.parametrize("protocol", ["image_folds", "scene_folds"])
def test_every_image_is_tested_in_one_fold_validated_in_one_and_trained_on_in_the_others(phones, protocol):
  times = {side: np.zeros(len(phones.table), int) for side in ("train", "validation", "test")}
  for fold in range(3):
    sides = mobile.sides_of(phones.table, quick(protocol=protocol, fold=fold))
    for name, side in sides.items():
      times[name][side["row"]] += 1
      assert set(side["device"]) == {f"{camera}_0" for camera in CAMERAS}
    if protocol == "scene_folds":
      scenes = [set(side["scene"]) for side in sides.values()]
      assert not any(one & other for one, other in itertools.combinations(scenes, 2))
  for counts in times.values():
    assert (counts == 1).all()


@pytest.mark.parametrize(
  ("wrong", "cause"),
  [
    ({"folds": 2}, "data.folds must be 3 or more and data.fold one of them, got 2 and 0"),
    ({"fold": 3}, "got 3 and 3"),
    ({"fold": -1}, "got 3 and -1"),
    ({"protocol": "ratio"}, "data.protocol must be one of image_folds, scene_folds, got 'ratio'"),
  ],
)
def test_folds_that_cannot_be_are_refused(phones, wrong, cause):
  with pytest.raises(ValueError, match=cause):
    mobile.sides_of(phones.table, quick(**wrong))


def test_patches_are_cut_after_the_images_are_divided(phones, data, tmp_path):
  """None that is tested or validated is trained on, and all of an image are on its side, with its label."""
  config = quick(folder=str(data))
  sides = mobile.sides_of(phones.table, config)
  cache = patch_dataset.open_patches(phones, config)
  parts = {name: patch_dataset.patches_of(cache, table) for name, table in sides.items()}
  for level, count in (("model", 3), ("sensor", 5)):
    column = mobile.column_of(level)
    classes = sorted(sides["train"][column].unique())
    assert len(classes) == count
    own = mobile.network(count, config)
    training, context = schedule.of(config.extractor), contexts.made(tmp_path)
    phase = patch_dataset.classify_patches(own, cache, parts, classes, column, training, context)
    batches = list(itertools.islice(phase.batches(0), phase.steps_in_epoch))
    pixels = cache.stored()
    labels = dict(zip(phones.table["row"], phones.table["model"], strict=True))
    trained = parts["train"].numbers
    of = {pixels(k).tobytes(): labels[row] for k, row in zip(trained, cache.row(trained), strict=True)}
    for batch in batches:
      for image, label in zip(*batch, strict=True):
        assert of[image.tobytes()].startswith(classes[label].removesuffix("_0"))
  numbers = {name: set(cache.row(part.numbers)) for name, part in parts.items()}
  assert not any(one & other for one, other in itertools.combinations(numbers.values(), 2))


def test_a_level_that_there_is_not_is_refused():
  with pytest.raises(ValueError, match=r"data.level must be one of model, sensor, got 'camera'"):
    mobile.column_of("camera")


def test_folders_of_other_names_are_divided_by_phone_and_by_camera(tmp_path):
  """Subjects are their scenes, so that scene_folds keeps subjects apart."""
  cameras = ("IP5_IN_F", "IP5_IN_R", "GS4_IN_R")
  files = [f"{subject:03d}_{camera}_LI_01_1.jpg" for subject in range(3) for camera in cameras]
  folder = write(tmp_path / "miche", **{name: jpegs.jpeg(k) for k, name in enumerate(files)})
  config = quick(source=str(folder), folder=str(tmp_path / "data"), pattern=MICHE, protocol="scene_folds")
  table = open_dataset(config.data.source, config, tmp_path).table
  sides = mobile.sides_of(table, config)
  assert {name: len(side) for name, side in sides.items()} == {"train": 3, "validation": 3, "test": 3}
  assert all(side["scene"].nunique() == 1 for side in sides.values())
  assert sorted(sides["train"]["phone"].unique()) == ["GS4", "IP5"]
  assert sorted(sides["train"]["device"].unique()) == ["GS4-rear_01", "IP5-front_01", "IP5-rear_01"]
  with pytest.raises(CannotServe, match="scene_folds needs two folds or more, and a known scene for each of 4 folds"):
    mobile.sides_of(table, quick(folds=4, protocol="scene_folds"))
