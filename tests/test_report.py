import shutil

import numpy as np
import pandas as pd
import pytest

from fsim import run
from fsim.boundary import console, outputs
from fsim.boundary.errors import UserError
from fsim.commands.report import main
from fsim.metrics import matrix, rates, scores
from fsim.report import figures, page
from fsim.systems import finished as finished_runs
from fsim.systems.device import report as device_report
from fsim.systems.device import result
from fsim.systems.device.result import Evaluation

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def evaluation():
  devices = np.repeat(["a_0", "a_1", "b_0"], 4)
  images = pd.DataFrame({"file": [f"{k}.JPG" for k in range(12)], "device": devices, "model": [d[0] for d in devices]})
  logits = np.random.default_rng(0).normal(size=(12, 12)).astype(np.float32) + 2 * (devices[:, None] == devices)
  pairs = scores.pair_table(images, logits + logits.T)
  similarity = matrix.similarity_matrix(images, logits + logits.T, threshold=0.5, draws=10, seed=0)
  lines = rates.rates(pairs, 5, 0)
  return Evaluation("test", "12 images.", 0.5, similarity, ["a", "a", "b"], lines, {"noise": lines[:1]}, pairs)


def test_an_evaluation_is_read_back_as_it_was_written(evaluation, tmp_path):
  result.save(tmp_path, [evaluation, evaluation._replace(name="external", note="others")])
  (first, second) = result.load(tmp_path)
  assert (first.name, second.name) == ("test", "external")
  pd.testing.assert_frame_equal(first.pairs, evaluation.pairs)
  assert len(second.pairs) == len(evaluation.pairs)
  np.testing.assert_array_equal(first.matrix.values, evaluation.matrix.values)
  assert [line.values for line in first.rates] == [line.values for line in evaluation.rates]
  np.testing.assert_array_equal(first.rates[0].curve.fpr, evaluation.rates[0].curve.fpr)
  assert [line.values for line in first.alone["noise"]] == [evaluation.rates[0].values]


def test_an_evaluation_from_before_noise_was_looked_at_is_refused(evaluation, tmp_path):
  result.save(tmp_path, [evaluation])
  path = tmp_path / "evaluation.json"
  path.write_text(path.read_text().replace('"alone"', '"other"'))
  with pytest.raises(UserError, match="evaluation\\.json: of a former fsim"):
    result.load(tmp_path)


DIARY = [
  {
    "phase": "signature",
    "step": k,
    "loss": 1 / k,
    "accuracy": 0.5,
    "validation_loss": 1.0,
    "validation_accuracy": 0.4,
    "waiting": 0.1,
  }
  for k in (1, 2)
]


def test_every_figure_is_drawn(evaluation):
  drawn = [
    figures.matrix(evaluation.matrix, evaluation.models),
    figures.roc_and_det(evaluation.rates),
    figures.histograms(evaluation.pairs, evaluation.threshold),
    figures.training(DIARY, "signature"),
  ]
  assert all(image.startswith(PNG) and len(image) > 5000 for image in drawn)


@pytest.fixture(scope="module")
def finished(evaluation, tmp_path_factory):
  """The folder of a small run of the device system, without the run."""
  folder = tmp_path_factory.mktemp("finished") / "run"
  folder.mkdir()
  config = {"system": "device", "evaluate": {"errors": 0}}
  for name, value in ((run.CONFIG, config), (run.ENVIRONMENT, {"python": "3", "data": {"source": "\udce9=1"}})):
    outputs.replace(folder / name, console.to_json(value).encode())
  (folder / "metrics.jsonl").write_text("".join(console.to_json(row).replace("\n", "") + "\n" for row in DIARY))
  (folder / run.PROBLEMS).write_text("file,cause,left_out\na.JPG,NA,True\n")
  result.save(folder, [evaluation])
  run.seal(folder)
  return folder


def copied(finished, tmp_path):
  return shutil.copytree(finished, tmp_path / "run")


def test_the_page_of_a_finished_run_is_written_anew(finished, tmp_path, capsys):
  folder = copied(finished, tmp_path)
  assert main([str(folder)]) == 0
  assert capsys.readouterr().out == f"{folder / 'report' / 'index.html'}\n"
  text = (folder / "report" / "index.html").read_text()
  assert ">NA<" in text  # A cause, not a missing value.
  assert "noise of the two photographs alone" in text
  numbers = finished_runs.numbers(folder)
  assert 0 < numbers["test: overall accuracy"] <= 1
  assert numbers["test, all pairs, noise alone: auc"] == numbers["test, all pairs: auc"]


@pytest.mark.parametrize(
  "name", ["config.json", "environment.json", "metrics.jsonl", "problems.csv", "scores.parquet", "evaluation.json"]
)
@pytest.mark.parametrize("damage", ["missing", "empty", "garbage", "cut", "another"])
def test_a_page_is_never_made_of_damaged_files(name, damage, finished, tmp_path):
  path = copied(finished, tmp_path) / name
  data = path.read_bytes()
  path.unlink()
  changed = {"empty": b"", "garbage": b"\x00\xff{", "cut": data[: len(data) // 2], "another": data.replace(b"1", b"2")}
  if damage != "missing":
    path.write_bytes(changed[damage])
  if changed.get(damage) == data:
    pytest.skip("the same")
  for read in (finished_runs.rebuild, finished_runs.numbers):
    with pytest.raises(UserError, match=name) as error:
      read(tmp_path / "run")
    assert "\n" not in str(error.value)
  assert not (tmp_path / "run" / "report").exists()


def test_a_run_that_lost_its_diary_while_it_went_on_is_told(finished, tmp_path):
  folder = copied(finished, tmp_path)
  (folder / "metrics.jsonl").unlink()
  with pytest.raises(UserError, match=r"metrics\.jsonl: tells of no epoch"):
    page.build(folder, lambda workdir, config: ("", []))


def begun(path):
  path.mkdir()
  (path / run.CONFIG).write_text('{"system": "device"}')


@pytest.mark.parametrize(
  ("make", "cause"),
  [
    (lambda path: None, "no such folder"),
    (lambda path: path.write_text("notes"), "not a folder"),
    (lambda path: path.mkdir(), "not a run of fsim: config.json is missing"),
    (
      lambda path: (path.mkdir(), (path / "config.json").write_text("{}")),
      "not a finished run: results.json is missing",
    ),
  ],
)
def test_what_is_no_finished_run_is_named_with_what_it_lacks(make, cause, tmp_path):
  make(tmp_path / "run")
  with pytest.raises(UserError, match=f"run: {cause}"):
    finished_runs.rebuild(tmp_path / "run")


@pytest.mark.parametrize(
  ("system", "cause"),
  [("newer", "the system 'newer', which this fsim does not have"), (None, "must be text"), ([], "must be text")],
)
def test_a_run_of_a_system_that_is_not_here_is_told(system, cause, tmp_path):
  (tmp_path / run.CONFIG).write_text(console.to_json({"system": system}))
  run.seal(tmp_path)
  for read in (finished_runs.rebuild, finished_runs.numbers):
    with pytest.raises(UserError, match=cause):
      read(tmp_path)


def rated(**intervals):
  """Rates by kind of pairs, with the interval of the AUC."""
  curve = rates.Curve(np.zeros(1), np.zeros(1))
  return [
    rates.Rates(name.replace("_", " "), 4, 9, 90, {"auc": sum(interval) / 2}, {"auc": interval}, curve)
    for name, interval in intervals.items()
  ]


@pytest.mark.parametrize(
  ("intervals", "said"),
  [
    (
      {"different_models": (0.6, 0.8), "same_model": (0.4, 0.7)},
      "It tells models apart, not devices of one model.",
    ),
    ({"different_models": (0.6, 0.8), "same_model": (0.6, 0.9)}, "It tells models and devices of one model apart."),
    (
      {"different_models": (0.4, 0.8), "same_model": (0.4, 0.7)},
      "It is not seen to tell models or devices of one model apart: it may be guessing.",
    ),
    (
      {"different_models": (0.6, 0.8)},
      "It tells models apart; these data do not say whether it tells devices of one model apart.",
    ),
    (
      {"different_models": (np.nan, np.nan)},
      "These data do not say whether it tells models or devices of one model apart.",
    ),
  ],
)
def test_what_was_found_is_said_in_plain_words(intervals, said):
  assert device_report.finding(rated(**intervals)) == said


def test_the_page_begins_with_what_was_found_and_folds_the_settings(finished, tmp_path):
  folder = copied(finished, tmp_path)
  main([str(folder)])
  page = (folder / "report" / "index.html").read_text()
  body = page[page.index("<body>") :]
  found = device_report.finding(result.load(folder)[0].rates)
  assert body.index(found) < body.index("AUC") < body.index("<table")
  assert body.index('id="settings"') < body.index('class="folded"')
  assert body.count('<div class="wide" tabindex="0"><table') == body.count('<table class="rates"') > 0  # None is cut.
  assert "@media print" in page
  assert "{%" not in page
