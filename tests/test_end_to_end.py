"""The main job as a user types it, on virtual cameras and on real JPEGs."""

import json
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from fsim import load
from fsim.boundary import console
from fsim.boundary.errors import UserError
from fsim.commands import report
from fsim.train import metrics
from tests import jpegs, recording
from tests.commands import ROOT, variables

QUICK = f"--config={ROOT}/configs/device.py:quick"


def test_every_setting_is_read(finished):
  assert recording.unread(finished) == recording.OTHERS["device"].keys()


def copied(finished, tmp_path):
  return shutil.copytree(finished, tmp_path / "run")


def test_a_run_leaves_everything_it_promises(finished):
  for name in (
    "config.json",
    "environment.json",
    "metrics.jsonl",
    "problems.csv",
    "scores.parquet",
    "evaluation.json",
    "predictor/predictor.json",
    "results.json",
  ):
    assert (finished / name).is_file(), name
  assert list((finished / "tensorboard").glob("events*"))
  page = (finished / "report" / "index.html").read_text()
  assert "http" not in page.replace("http-equiv", "")  # Nothing to fetch: it opens offline.
  assert "Steps waited for data during at most" in page
  for heading in ("Similarity matrix", "ROC and DET", "Scores", "Worst errors", "Training", "Settings", "Data"):
    assert heading in page


def test_every_test_pair_is_scored_once_and_no_image_was_trained_on(finished):
  pairs = pd.read_parquet(finished / "scores.parquet")
  files = set(pairs["file_a"]) | set(pairs["file_b"])
  assert len(pairs) == len(files) * (len(files) - 1) // 2
  assert pairs["score"].between(0, 1).all()
  images = json.loads((finished / "environment.json").read_text())["data"]["images"]
  assert len(files) < images


def test_what_a_run_keeps_scores_new_images_as_it_scored_its_own(finished, data):
  known = load(finished)
  pairs = pd.read_parquet(finished / "scores.parquet")
  some = pairs.iloc[:: len(pairs) // 4]
  folder = data / "cameras" / "virtual" / "tiny"
  found = [known.score(folder / pair.file_a, folder / pair.file_b) for pair in some.itertuples()]
  np.testing.assert_allclose([score.log_odds for score in found], some["logit"], atol=1e-4)
  np.testing.assert_allclose([score.probability for score in found], some["score"], atol=1e-5)
  assert known.threshold == json.loads((finished / "evaluation.json").read_text())[0]["threshold"]
  assert "predictor/network.npz" in json.loads((finished / "results.json").read_text())


def test_a_finished_run_is_only_evaluated_again(finished, tmp_path, train):
  """One that is older than predictors gets its own by that."""
  folder = copied(finished, tmp_path)
  shutil.rmtree(folder / "predictor")
  with pytest.raises(UserError, match="trains nothing and leaves them"):
    load(folder)
  lines = len((folder / "metrics.jsonl").read_text().splitlines())
  again = ["--config.evaluate.draws=7", f"--config.evaluate.external={device_folder(tmp_path / 'photos')}"]
  done = train(QUICK, "--workdir=run", *again)
  assert done.returncode == 0, done.stderr
  assert len((folder / "metrics.jsonl").read_text().splitlines()) == lines
  for file in ("network.npz", "scorer.npz", "noise.npz", "predictor.json"):
    assert (folder / "predictor" / file).read_bytes() == (finished / "predictor" / file).read_bytes()
  former, now = (pd.read_parquet(path / "scores.parquet") for path in (finished, folder))
  pd.testing.assert_frame_equal(now[now["evaluation"] == "test"], former)
  assert (now["evaluation"] == "external").sum() == 24 * 23 // 2
  assert "Results: external" in (folder / "report" / "index.html").read_text()


def test_the_page_can_be_rebuilt_from_the_folder_alone(finished, tmp_path, monkeypatch):
  folder = copied(finished, tmp_path)
  shutil.rmtree(folder / "report")
  monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "no data here"))
  assert console.run(report.main, [str(folder)]) == 0
  assert (folder / "report" / "index.html").read_text() == (finished / "report" / "index.html").read_text()


def test_a_page_of_no_run_is_refused(tmp_path, capsys):
  assert console.run(report.main, [str(tmp_path)]) == 1
  assert capsys.readouterr().err == f"fsim: {tmp_path}: not a run of fsim: config.json is missing\n"
  assert list(tmp_path.iterdir()) == []


def test_other_settings_need_another_folder(finished, tmp_path, train):
  copied(finished, tmp_path)
  done = train(QUICK, "--workdir=run", "--config.extractor.batch=4")
  assert done.returncode == 1
  assert "extractor.batch: 8 there, 4 now" in done.stderr


@pytest.mark.parametrize(
  ("number", "code", "word"),
  [(signal.SIGTERM, console.STOPPED, "stopped"), (signal.SIGINT, console.INTERRUPTED, "interrupted")],
)
def test_a_signal_saves_and_the_same_command_finishes_the_same_run(number, code, word, finished, tmp_path, data, train):
  command = [sys.executable, "-m", "fsim.main", QUICK, "--workdir=run"]
  process = subprocess.Popen(
    command, cwd=tmp_path, env=variables(data), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
  )
  writer = tmp_path / "run" / "metrics.jsonl"
  while process.poll() is None and not writer.exists():
    time.sleep(0.02)
  process.send_signal(number)
  output = process.communicate(timeout=300)[0]
  assert process.returncode == code, output
  assert f"fsim: {word}; " in output
  assert "the same command goes on from there" in output
  assert "Traceback" not in output
  done = train(QUICK, "--workdir=run")
  assert done.returncode == 0, done.stderr
  same = [[row["validation_loss"] for row in metrics.read(folder)] for folder in (finished, tmp_path / "run")]
  assert same[0] == same[1]
  scores = [pd.read_parquet(folder / "scores.parquet")["logit"] for folder in (finished, tmp_path / "run")]
  np.testing.assert_array_equal(*scores)


def device_folder(folder, devices=3, shots=8):
  """Dresden-named JPEGs of random pixels, of which each device has its own contrast."""
  rng = np.random.default_rng(0)
  folder.mkdir()
  for device in range(devices):
    for shot in range(shots):
      pixels = np.clip(rng.normal(120, 20 + 25 * device, (96, 96, 3)), 0, 255).astype(np.uint8)
      data = jpegs.encode(jpegs.Image.fromarray(pixels), quality=95)
      (folder / f"Maker_Model{device // 2}_{device % 2}_{shot}.JPG").write_bytes(data)
  return folder


BAD = {
  "Maker_Model0_0_100.JPG": jpegs.truncated(),
  "Maker_Model0_0_101.JPG": b"",
  "Maker_Model0_0_102.JPG": jpegs.png(),
  "Maker_Model0_0_103.JPG": jpegs.cmyk(),
  "Maker_Model0_0_104.JPG": jpegs.greyscale(),
  "Maker_Model0_0_105.JPG": jpegs.twelve_bit(),
  "Maker_Model0_0_106.JPG": jpegs.jpeg(6, 1, 1),
  "Maker_Model0_0_107.JPG": jpegs.announcing(20_000, 20_000),
  "holiday.JPG": jpegs.jpeg(8, 96, 96),
  "Maker_Model0_0_109.JPG": jpegs.jpeg(9, 80, 40),
}


def test_bad_files_are_named_counted_and_left_out(tmp_path, train):
  """Beside as many good ones of as many devices as other runs here have, whose programs are compiled."""
  folder = device_folder(tmp_path / "photos", devices=4, shots=6)
  good = folder / "Maker_Model0_0_0.JPG"
  for name, content in BAD.items():
    (folder / name).write_bytes(content)
  shutil.copy(good, folder / "Maker_Model0_0_110.JPG")
  (folder / "Maker_Model0_0_5.JPG").write_bytes(jpegs.jpeg(11, 96, 96, progressive=True))
  done = train(QUICK, f"--config.data.source={folder}", "--workdir=run")
  assert done.returncode == 0, done.stderr
  problems = pd.read_csv(tmp_path / "run" / "problems.csv")
  named = set(problems["file"].map(lambda f: f.split("/")[-1]))
  assert named == set(BAD) | {"Maker_Model0_0_110.JPG"}
  facts = json.loads((tmp_path / "run" / "environment.json").read_text())["data"]
  assert facts["left_out"] == len(problems)
  assert facts["images"] == 24


def test_one_bad_file_stops_a_strict_run(tmp_path, train):
  folder = device_folder(tmp_path / "photos")
  (folder / "Maker_Model0_0_100.JPG").write_bytes(jpegs.truncated())
  strict = "--config.data.on_error=raise"
  done = train(QUICK, f"--config.data.source={folder}", strict, "--workdir=run")
  assert done.returncode == 1
  assert "Maker_Model0_0_100.JPG" in done.stderr
  assert "Traceback" not in done.stderr


def test_a_set_without_pairs_is_refused_before_training(tmp_path, train):
  folder = device_folder(tmp_path / "photos", devices=2, shots=3)
  done = train(QUICK, f"--config.data.source={folder}", "--workdir=run")
  assert done.returncode == 1
  assert "the validation images must hold two of one device, and two devices; there are 2 images of 2" in done.stderr
  assert not (tmp_path / "run" / "metrics.jsonl").exists()


def test_an_unknown_protocol_is_refused(tmp_path, train):
  done = train(QUICK, "--config.data.protocol=random", "--workdir=run")
  assert done.returncode == 1
  assert "data.protocol must be one of stratified, by_scene" in done.stderr


@pytest.mark.parametrize("source", ["nowhere", "empty", "virtual/nonesuch"])
def test_a_source_without_images_is_refused(source, tmp_path, train):
  (tmp_path / "empty").mkdir()
  done = train(QUICK, f"--config.data.source={source}", "--workdir=run")
  assert done.returncode == 1
  assert source in done.stderr
  assert "Traceback" not in done.stderr


def test_real_photographs_with_scenes_kept_apart(some_realcams, tmp_path, train):
  protocol = ["--config.data.protocol=by_scene", "--config.data.validation=0.2"]
  epochs = ["--config.extractor.epochs=1", "--config.scorer.epochs=1"]
  done = train(QUICK, f"--config.data.source={some_realcams}", *protocol, *epochs, "--workdir=run")
  assert done.returncode == 0, done.stderr
  facts = json.loads((tmp_path / "run" / "environment.json").read_text())["data"]
  assert facts["devices"] >= 8
