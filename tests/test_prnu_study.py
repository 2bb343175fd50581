"""The study of noise patterns: its parts on small images, and the whole as a user types it."""

import itertools
import json
import shutil

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from fsim.data import jpeg, loader
from fsim.data.source import Images, open_folder
from fsim.metrics import classification
from fsim.metrics.scores import OTHER_MODEL, SAME_DEVICE, SAME_MODEL
from fsim.models.alexnet import AlexNet
from fsim.prnu import fingerprints, patterns, residuals
from fsim.prnu.residuals import DEFAULT
from fsim.systems import dataset as image_sets
from fsim.systems import finished as runs
from fsim.systems.dataset import ImageSet
from fsim.systems.prnu import matcher, report, within_model
from fsim.systems.prnu import run as prnu
from fsim.systems.prnu.matcher import Square
from fsim.train import schedule
from fsim.virtual import dataset
from fsim.virtual.presets import Preset
from fsim.virtual.reference_models import SIX
from tests import commands, contexts, jpegs, recording
from tests.commands import ROOT

QUICK = f"--config={ROOT}/configs/prnu.py:quick"


def quick():
  return commands.config(ROOT / "configs" / "prnu.py", "quick")


def photographs(devices=3, shots=8, size=(80, 72)):
  """A table with its records: noise of their own."""
  records = [jpegs.jpeg(k, *size) for k in range(devices * shots)]
  rows = [
    {"device": f"M_X_{d}", "model": "M_X", "file": f"{d}_{s}.JPG", "subset": "natural" if s % 2 else "flat-field"}
    for d in range(devices)
    for s in range(shots)
  ]
  table = pd.DataFrame(rows).assign(width=size[0], height=size[1], sha256=[f"{k:04x}" for k in range(len(rows))])
  return table.assign(row=np.arange(len(rows)), scene="", position=-1, motive=-1, instance="0"), records


def test_a_pattern_is_the_residual_of_the_central_square_whatever_its_company(tmp_path):
  _, records = photographs(shots=7)
  rows = np.array([20, 3, *range(4, 20)])
  stored = patterns.open_patterns(records, rows, "abc", 64, DEFAULT, tmp_path)
  for row in (3, 19, 20):
    square = loader.centre_crop(jpeg.decode(records[row]), 64)
    expected = residuals.residuals(jnp.asarray(square)[None], DEFAULT)[0]
    assert stored(row).dtype == np.float16
    np.testing.assert_allclose(stored(row), expected, atol=0.02)
  np.testing.assert_array_equal(stored(0), 0)  # Not asked for.


def test_patterns_are_made_once_for_the_same_data_and_settings(tmp_path, monkeypatch):
  _, records = photographs(shots=2)
  rows = np.arange(4)
  first = patterns.open_patterns(records, rows, "abc", 64, DEFAULT, tmp_path)
  others = [
    patterns.open_patterns(records, rows, "xyz", 64, DEFAULT, tmp_path),
    patterns.open_patterns(records, rows, "abc", 64, DEFAULT._replace(sigma=3.0), tmp_path),
    patterns.open_patterns(records, rows[:3], "abc", 64, DEFAULT, tmp_path),
  ]
  monkeypatch.setattr(jpeg, "decode", lambda data: pytest.fail("decoded again"))
  assert patterns.open_patterns(records, rows, "abc", 64, DEFAULT, tmp_path).path == first.path
  assert len({stored.path for stored in (first, *others)}) == 4


def test_an_image_smaller_than_the_square_is_refused(tmp_path):
  with pytest.raises(ValueError, match="a crop of 64x64 does not fit into an image of 80x48"):
    patterns.open_patterns([jpegs.jpeg(0, 80, 48)], np.array([0]), "abc", 64, DEFAULT, tmp_path)


def test_no_pattern_of_a_test_image_is_trained_on(tmp_path):
  table, records = photographs()
  config = quick()
  config.data.folder = str(tmp_path)
  images = Images(table, None, records, "abc")
  parts = {
    name: ImageSet(table.iloc[rows].reset_index(drop=True), images)
    for name, rows in image_sets.split(table, config).items()
  }
  assert {name: len(part.table) for name, part in parts.items()} == {"train": 18, "validation": 3, "test": 3}
  stored = prnu.patterns_of(parts, config)
  net = AlexNet(classes=3, kind="modified", width=4, norm="batch")
  classes = sorted(table["device"].unique())
  phase = prnu.classify_patterns(net, stored, parts, classes, schedule.of(config.extractor), contexts.made(tmp_path))
  seen = {pattern.tobytes() for batch in itertools.islice(phase.batches(0), 10) for pattern in batch[0]}
  own = {name: {stored(row).tobytes() for row in part.table["row"]} for name, part in parts.items()}
  assert seen == own["train"]
  assert not seen & (own["test"] | own["validation"])


CAMERAS = pd.DataFrame(
  {
    "device": ["A_X_0"] * 3 + ["A_X_1"] * 5 + ["B_Y_0"] * 4,
    "model": ["A_X"] * 8 + ["B_Y"] * 4,
  }
)


@pytest.mark.parametrize(
  ("model", "count", "devices"),
  [
    ("", 0, {"A_X_0", "A_X_1", "B_Y_0"}),
    ("", 2, {"A_X_1", "B_Y_0"}),
    ("A_X", 0, {"A_X_0", "A_X_1"}),
    ("A_X", 2, {"A_X_0", "A_X_1"}),
  ],
)
def test_cameras_are_chosen_by_model_and_number(model, count, devices):
  assert set(prnu.choose_cameras(CAMERAS, model, count)["device"]) == devices


@pytest.mark.parametrize("model", ["B_Y", "A"])
def test_a_model_without_siblings_is_refused_with_those_that_there_are(model):
  with pytest.raises(ValueError, match=f"two devices or more, got '{model}'; there are A_X"):
    prnu.choose_cameras(CAMERAS, model, 0)


@pytest.mark.parametrize("count", [1, 4, -1])
def test_a_number_of_cameras_that_cannot_be_is_refused(count):
  with pytest.raises(ValueError, match=f"data.devices must be 2 to 3, or 0 for all of them, got {count}"):
    prnu.choose_cameras(CAMERAS, "", count)


def test_sides_must_hold_two_cameras_and_no_stranger():
  side = dict.fromkeys(("train", "validation", "test"), CAMERAS)
  prnu.require(side, {"A_X_0": "A_X", "A_X_1": "A_X", "B_Y_0": "B_Y"})
  with pytest.raises(ValueError, match="the train images hold cameras that are not trained on: B_Y_0"):
    prnu.require(side, {"A_X_0": "A_X", "A_X_1": "A_X"})
  with pytest.raises(ValueError, match="the test images are of 1 cameras"):
    prnu.require(side | {"test": CAMERAS[:2]}, {"A_X_0": "A_X", "A_X_1": "A_X", "B_Y_0": "B_Y"})


def test_images_of_another_size_than_their_sensor_are_left_out_with_the_cause():
  sizes = [(80, 60), (80, 60), (60, 80), (40, 30), (60, 80), (60, 80), (80, 60)]
  table = pd.DataFrame(sizes, columns=["width", "height"], index=range(10, 17)).assign(device=[*"aaabbbb"])
  found = image_sets.off_grid(table)
  assert found.index.tolist() == [12, 13, 16]
  assert found[12].startswith("60x80, but most images of a are 80x60")
  assert image_sets.off_grid(table[:0]).empty


def folder_of(place, sizes, subset=""):
  """Dresden-named JPEGs of these sizes, of two devices in turn."""
  target = place / subset
  target.mkdir(parents=True, exist_ok=True)
  for k, size in enumerate(sizes):
    (target / f"Maker_Model_{k % 2}_{k}.JPG").write_bytes(jpegs.jpeg(k + 100 * bool(subset), *size))
  return place


def test_a_subset_that_is_not_there_is_named(tmp_path):
  config = quick()
  config.data.folder = str(tmp_path / "data")
  folder = folder_of(tmp_path / "photos", [(80, 80)] * 4)
  with pytest.raises(ValueError, match=r"photos has no usable flat-field images \(0 files left out\)"):
    image_sets.open_dataset(str(folder), config, tmp_path / "run", aligned=True)
  config.data.subset = "natural,flat"
  with pytest.raises(ValueError, match=r"subsets are natural, flat-field, dark, jpeg, .* got 'flat'"):
    image_sets.open_dataset(str(folder), config, tmp_path / "run", aligned=True)


def test_small_and_turned_images_take_no_part_and_are_listed(tmp_path):
  config = quick()
  config.data.folder = str(tmp_path / "data")
  folder = folder_of(tmp_path / "photos", [(96, 80)] * 6 + [(80, 96), (96, 40)])
  folder_of(folder, [(96, 80)] * 2, "flat-field")
  found = image_sets.open_dataset(str(folder), config, tmp_path / "run", aligned=True)
  assert sorted(found.table["subset"].unique()) == ["flat-field", "natural"]
  assert len(found.table) == 8
  causes = pd.read_csv(tmp_path / "run" / "problems.csv").set_index("file")["cause"]
  assert causes["Maker_Model_0_6.JPG"].startswith("80x96, but most images of Maker_Model_0 are 96x80")
  assert causes["Maker_Model_1_7.JPG"] == "96x40 is smaller than the 64 pixels that are looked at"


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
  """Two virtual devices of one model: natural and flat-field images."""
  place = tmp_path_factory.mktemp("twins")
  preset = Preset(SIX[:1], (2,), scenes=6, repeats=1, studied=0, flat_fields=6, darks=0, zoomed=0.0, side=256, seed=4)
  dataset.write(preset, place / "photos", workers=1, shard=(0, 1))
  images = open_folder(place / "photos", data_dir=place / "data")
  return images, images.table.assign(row=np.arange(len(images.table)))


def test_the_matcher_tells_two_devices_of_one_model_apart(twins, tmp_path):
  images, table = twins
  train, test = (table[table["subset"] == s].reset_index(drop=True) for s in ("flat-field", "natural"))
  models = dict.fromkeys(sorted(table["device"].unique()), "Aurel_K1")
  square = matcher.common(table, largest=1024)
  assert square == Square(256, 256)
  prints = matcher.fingerprints_of(train, images.records, list(models), square, DEFAULT, tmp_path / "prints")
  pces = matcher.compare(test, images.records, prints, DEFAULT)
  truth = np.array([list(models).index(device) for device in test["device"]])
  answers = within_model.with_models(classification.answers(test, pces, truth, list(models)), models)
  found = within_model.within(
    classification.Classification("", "", "images", list(models), answers), resamples=50, seed=0
  )
  assert (found.images, found.devices, found.chance) == (12, 2, 0.5)
  assert found.right >= 10 / 12  # By chance 2 % of the time.
  compared = matcher.comparisons(test, pces, models)
  medians = compared.groupby("truth")["pce"].median()
  assert medians[SAME_DEVICE] > 5 > medians[SAME_MODEL]


def test_fingerprints_are_kept_and_made_anew_only_for_other_images(twins, tmp_path, monkeypatch):
  images, table = twins
  train = table[table["subset"] == "flat-field"]
  cameras, square = sorted(table["device"].unique()), Square(64, 128)
  first = matcher.fingerprints_of(train, images.records, cameras, square, DEFAULT, tmp_path)
  assert first.shape == (2, 64, 128)
  fewer = matcher.fingerprints_of(train[1:], images.records, cameras, square, DEFAULT, tmp_path)
  assert np.abs(fewer[0] - first[0]).max() > 0
  np.testing.assert_array_equal(fewer[1], first[1])
  monkeypatch.setattr(fingerprints, "add", lambda *a: pytest.fail("made again"))
  np.testing.assert_array_equal(
    matcher.fingerprints_of(train[1:], images.records, cameras, square, DEFAULT, tmp_path), fewer
  )


def test_the_common_rectangle_lies_on_the_jpeg_grid_and_fits_everywhere():
  table = pd.DataFrame({"width": [1030, 900], "height": [411, 700]})
  assert matcher.common(table, 1024) == Square(height=408, width=896)
  assert matcher.common(table, 640) == Square(height=408, width=640)


def test_comparisons_know_what_they_are_between():
  models = {"A_X_0": "A_X", "A_X_1": "A_X", "B_Y_0": "B_Y"}
  table = pd.DataFrame({"file": ["1", "2"], "device": ["A_X_1", "B_Y_0"], "model": ["A_X", "B_Y"]})
  found = matcher.comparisons(table, np.arange(6.0).reshape(2, 3), models)
  assert found["truth"].tolist() == [SAME_MODEL, SAME_DEVICE, OTHER_MODEL, OTHER_MODEL, OTHER_MODEL, SAME_DEVICE]
  assert found["pce"].tolist() == [0, 1, 2, 3, 4, 5]
  assert found["camera"].tolist() == list(models) * 2


def test_within_a_model_only_images_of_siblings_with_the_right_model_count():
  models = {"A_X_0": "A_X", "A_X_1": "A_X", "B_Y_0": "B_Y"}
  truth = ["A_X_0", "A_X_0", "A_X_1", "A_X_1", "B_Y_0"]
  said = ["A_X_0", "A_X_1", "A_X_1", "B_Y_0", "B_Y_0"]
  answers = pd.DataFrame({"truth": truth, "predicted": said, "device": truth})
  own = classification.Classification("", "", "images", list(models), within_model.with_models(answers, models))
  found = within_model.within(own, resamples=200, seed=0)
  assert within_model.models(own) == 4 / 5
  assert (found.images, found.devices, found.right, found.chance) == (3, 2, 2 / 3, 0.5)
  assert found.low <= found.right <= found.high
  alone = own._replace(answers=own.answers[4:])
  assert within_model.within(alone, resamples=10, seed=0).images == 0


def test_subsets_are_reported_apart_where_there_are_several():
  answers = pd.DataFrame({"rank": [1, 2, 1, 1], "subset": ["natural", "natural", "flat-field", "flat-field"]})
  own = classification.Classification("network", "", "images", ["a", "b"], answers)
  (table,) = report.by_subset([own])
  assert table.head[1:] == ["natural (2 images)", "flat-field (2 images)"]
  assert table.lines == [["network", "0.500", "1.000"]]
  assert report.by_subset([own._replace(answers=answers[:2])]) == []


def test_every_setting_is_read(finished):
  assert recording.unread(finished) == recording.OTHERS["prnu"].keys()


def test_the_page_sets_network_and_matcher_side_by_side(finished):
  page = (finished / "report" / "index.html").read_text()
  assert "http" not in page.replace("http-equiv", "")
  for text in ("network", "matcher, same patterns", "matcher, whole images", "among devices of one model", "PCE"):
    assert text in page, text
  assert page.count("<h3>Confusion matrix") == 3
  numbers = runs.numbers(finished)
  assert numbers["network: top 1"] == classification.top(classification.load(finished)[0], 1)
  assert "matcher, whole images: device of a model" in numbers
  facts = json.loads((finished / "environment.json").read_text())["data"]
  assert facts["subset"] == "natural,flat-field"
  assert facts["images"] == 32


def test_all_three_answer_about_the_same_images_of_which_none_is_in_a_fingerprint(finished, data):
  sets = [n.answers for n in classification.load(finished)]
  assert [len(n) for n in sets] == [4, 4, 4]
  assert all(n["file"].tolist() == sets[0]["file"].tolist() for n in sets)
  table = open_folder(data / "cameras" / "virtual" / "tiny", data_dir=data).table.set_index("file")
  tested = set(table.loc[sets[0]["file"], "sha256"])
  prints = [fingerprints.load(path) for path in finished.glob("fingerprints/*/*.npz")]
  assert sorted({p.estimate.shape for p in prints}) == [(64, 64), (128, 128)]
  assert len(prints) == 8
  for made in prints:
    assert len(made.images) == 6
    assert not set(made.images) & tested
  pces = pd.read_parquet(finished / "pce.parquet")
  assert len(pces) == 2 * 4 * 4


def test_a_finished_run_is_only_evaluated_again_and_says_the_same(finished, tmp_path, train):
  folder = shutil.copytree(finished, tmp_path / "run")
  done = train(QUICK, "--workdir=run", "--config.evaluate.resamples=30")
  assert done.returncode == 0, done.stderr
  assert "residual patterns:" not in done.stderr
  for name in ("metrics.jsonl", "classification.json"):
    assert (folder / name).read_text() == (finished / name).read_text(), name
  pd.testing.assert_frame_equal(*(pd.read_parquet(run / "pce.parquet") for run in (folder, finished)))


def test_a_model_that_is_not_there_is_refused_before_training(tmp_path, train, data):
  done = train(QUICK, "--workdir=run", "--config.data.one_model=Nikon_D70")
  assert done.returncode == 1
  assert "got 'Nikon_D70'; there are Aurel_K1, Boreas_P20" in done.stderr
  assert "Traceback" not in done.stderr
  assert not (tmp_path / "run" / "metrics.jsonl").exists()


def test_three_real_cameras(some_realcams, tmp_path, train, data):
  arguments = [
    f"--config.data.source={some_realcams}",
    "--config.data.subset=natural",
    "--config.data.devices=3",
    "--config.extractor.epochs=1",
    "--config.evaluate.largest=512",
    "--workdir=run",
  ]
  done = train(QUICK, *arguments)
  assert done.returncode == 0, done.stderr
  answers = classification.load(tmp_path / "run")
  assert [len(a.classes) for a in answers] == [3, 3, 3]
  assert classification.top(answers[2], 1) > 0.6


def test_who_tells_devices_of_one_model_apart_is_said_in_plain_words():
  answers = [classification.Classification(name, "", "images", [], pd.DataFrame()) for name in ("network", "matcher")]
  guessing, telling, nothing = (
    within_model.Within(9, 2, 0.6, low, 0.9, 0.5) if images else within_model.Within(0, 0, *[np.nan] * 4)
    for images, low in ((9, 0.4), (9, 0.7), (0, 0.0))
  )
  said = report.finding(answers, [guessing, telling])
  assert said == 'Devices of one model are told apart by "matcher"; of "network" these data do not show it.'
  assert report.finding(answers, [guessing, guessing]).startswith("These data do not show that devices of one model")
  all_right = telling._replace(right=1.0, low=1.0)  # Of two devices, which says nothing.
  assert report.finding(answers, [all_right, all_right]).startswith("These data do not show that devices of one model")
  assert report.finding(answers, [nothing, nothing]).startswith("There are no two devices of one model")
