import contextlib
import io
import json
import os
import shutil
import signal
import sys
import threading
import time

import pandas as pd
import pytest

from fsim.boundary import console
from fsim.boundary.console import INTERRUPTED, STOPPED
from fsim.boundary.errors import UserError
from launch import runs, sweep, table
from tests.commands import ROOT, variables

CONFIG = f"{ROOT}/configs/patch.py:quick"
SWEEP = f"""
CONFIG = "{CONFIG}"

def sweep():
  yield {{"data.fold": 0}}
  yield {{"data.protocol": "public"}}
  yield {{"data.fold": 1}}
"""


def swept_in(folder, *more):
  return console.run(sweep.main, [str(folder / "sweep.py"), f"--workdir={folder / 'all'}", *more])


@pytest.fixture(scope="module")
def swept(tmp_path_factory, data, run_of):
  """A sweep whose first run had finished before: its folder, exit code and what it said of failures."""
  folder = tmp_path_factory.mktemp("swept")
  (folder / "sweep.py").write_text(SWEEP)
  first = runs.planned(folder / "sweep.py", folder / "all", {}).runs[0]
  shutil.copytree(run_of(f"--config={CONFIG}"), first.folder)
  (first.folder / runs.LOG).write_text("")
  first.end(0)
  said = io.TextIOWrapper(io.BytesIO(), "utf-8")
  with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(said):
    for name, value in variables(data).items():
      patch.setenv(name, value)
    code = swept_in(folder)
  said.seek(0)
  return folder, code, said.read()


@pytest.fixture
def again(swept, monkeypatch):
  """The same sweep once more, in which each run that is started fails at once: its exit code."""
  monkeypatch.setattr(runs.Run, "command", lambda run: [sys.executable, "-c", "raise SystemExit('no')"])
  return lambda *more: swept_in(swept[0], *more)


def test_a_failure_is_told_and_does_not_stop_the_others(swept):
  folder, code, said = swept
  assert code == 1
  assert "fsim: data.protocol=public: exit code 1: fsim: public needs" in said
  found = pd.read_csv(folder / "all" / "table.csv", index_col="measure")
  assert list(found.columns) == ["data.fold=0", "data.fold=1", "mean", "std"]
  folds = found[["data.fold=0", "data.fold=1"]]
  pd.testing.assert_series_equal(found["mean"], folds.mean(axis=1), check_names=False)
  named = json.loads((folder / "all" / "data.fold=1" / "classification.json").read_text())
  assert folds.loc["images, majority of SVMs", "data.fold=1"] == pytest.approx(named[0]["top_1"])
  page = (folder / "all" / "table.html").read_text()
  assert "2 of 3 runs" in page
  assert "public needs" in page
  assert (folder / "all" / "voting.png").stat().st_size > 5000
  groups = pd.read_csv(folder / "all" / "groups.csv", keep_default_na=False)
  assert set(groups["group"]) == {""}  # Folds are repetitions.
  assert set(groups["runs"]) == {2}


def test_finished_runs_are_not_started_again(swept, again):
  folder = swept[0]
  logs = {path: path.stat().st_mtime_ns for path in (folder / "all").glob("data.fold=*/sweep.log")}
  assert again() == 1  # The one that failed does so again.
  assert len(logs) == 2
  assert {path: path.stat().st_mtime_ns for path in logs} == logs


def test_other_settings_need_another_folder(again, capsys):
  assert again("--set", "seed=1") == 1
  assert "finished with other settings" in capsys.readouterr().err


def test_every_setting_counts_wherever_it_stands(tmp_path, capsys):
  arguments = [str(ROOT / "configs" / "sweeps" / "patch_folds.py"), f"--workdir={tmp_path}"]
  with pytest.raises(SystemExit):
    sweep.main([*arguments, "--set", "wrong", "--set", "seed=1"])
  assert "--set takes FIELD=VALUE" in capsys.readouterr().err


def test_the_sweeps_of_the_project_name_a_configuration_and_its_fields(tmp_path):
  files = sorted((ROOT / "configs" / "sweeps").glob("[!_]*.py"))
  assert files
  for file in files:
    found = runs.planned(file, tmp_path, {}).runs
    assert len({run.name for run in found}) == len(found) > 1
    assert (ROOT / found[0].config).is_file()
    assert f"fsim sweep configs/sweeps/{file.name}" in file.read_text()


@pytest.mark.parametrize(
  ("name", "text", "message"),
  [
    ("empty.py", "", r"it does not define CONFIG and sweep"),
    ("absent.py", None, "no such file"),
    ("a folder", None, "no such file"),
    ("broken.py", "CONFIG = (", "broken.py, line 1: "),
    ("raises.py", "CONFIG = ''\ndef sweep():\n  yield {'seed': 1}\n  {}['seed']\n", "raises.py, line 4: KeyError: "),
    ("numbers.py", "CONFIG = ''\ndef sweep():\n  yield 1\n", "numbers.py: TypeError: "),
    (
      "endless.py",
      "CONFIG = ''\nimport itertools\ndef sweep():\n  for k in itertools.count():\n    yield {'seed': k}\n",
      "endless.py: yields more than 10,000 runs",
    ),
  ],
)
def test_a_file_that_is_no_sweep_is_refused(name, text, message, tmp_path):
  (tmp_path / "a folder").mkdir()
  if text is not None:
    (tmp_path / name).write_text(text)
  with pytest.raises(UserError, match=message):
    sweep.main([str(tmp_path / name), f"--workdir={tmp_path / 'all'}"])


def ablation(folder, finished=lambda settings: True, measures=""):
  """A sweep over depth, activation and folds, whose finished runs are noted without having run."""
  (folder / "sweep.py").write_text(
    f"""CONFIG = "c.py"
{measures}
def sweep():
  for depth in (1, 2, 10):
    for activation in ("relu", "leaky"):
      for fold in range(3):
        yield {{"extractor.depth": depth, "extractor.activation": activation, "data.fold": fold}}
"""
  )
  found = runs.planned(folder / "sweep.py", folder / "all", {"data.source": "virtual/few"})
  for run in found.runs:
    if finished(run.varied):
      run.begin()
      run.end(0)
  return found


def measured(folder):
  """accuracy: a tenth of the fold, and one more where the activation is leaky; other: always the same."""
  settings = json.loads((folder / runs.DONE).read_text())["settings"]
  accuracy = int(settings["data.fold"]) / 10 + (settings["extractor.activation"] == "leaky")
  return {"accuracy": accuracy, "other": 0.5}


@pytest.fixture
def numbers(monkeypatch):
  monkeypatch.setattr(table.finished, "numbers", measured)


def test_groups_are_means_over_repetitions(numbers, tmp_path):
  found = table.by_group(table.found_by(ablation(tmp_path).runs))
  assert len(found) == 6 * 2
  row = found.set_index(["group", "measure"]).loc[("extractor.depth=2,extractor.activation=leaky", "accuracy")]
  assert (row["mean"], row["std"], row["runs"]) == (pytest.approx(1.1), pytest.approx(0.1), 3)


def test_an_unfinished_sweep_has_a_table_of_what_there_is(numbers, tmp_path):
  own = ablation(tmp_path, lambda settings: settings["extractor.depth"] != "10" and settings["data.fold"] == "0")
  waiting = own.runs[-1]
  waiting.begin()
  (waiting.folder / runs.LOG).write_text("loading\nfsim: no <room> left\n")
  waiting.end(1)
  table.write(own)
  page = (tmp_path / "all" / "table.html").read_text()
  assert "4 of 18 runs" in page
  assert "activation=leaky,data.fold=2 failed: exit code 1: fsim: no &lt;room&gt; left" in page
  groups = pd.read_csv(tmp_path / "all" / "groups.csv")
  assert groups["runs"].eq(1).all()
  assert groups["std"].isna().all()
  assert "±" not in page.partition("<table")[2]
  assert (tmp_path / "all" / "groups.png").stat().st_size > 5000


def test_a_figure_runs_along_the_setting_with_most_values_and_has_a_line_for_each_other(numbers, tmp_path):
  own = ablation(tmp_path)
  assert table.axis_of(own.runs) == "extractor.depth"
  assert table.place(own.runs[3], own.runs) == ("1", "extractor.activation=leaky")
  rivals = [
    own.runs[k]._replace(varied={"extractor.kind": str(k)} | more) for k, more in enumerate(({}, {"input.size": "9"}))
  ]
  assert table.axis_of(rivals) == "extractor.kind"
  assert [table.place(run, rivals) for run in rivals] == [("0", ""), ("1", "")]
  partly = [own.runs[0]._replace(varied={"extractor.dropout": "0.5"}), *own.runs]
  assert table.axis_of(partly) is None
  assert table.place(partly[0], partly) == ("extractor.dropout=0.5", "")


@pytest.mark.parametrize(("measures", "drawn"), [("", ["accuracy", "other"]), ('MEASURES = ("other",)', ["other"])])
def test_a_sweep_may_name_the_measures_to_draw(measures, drawn, numbers, tmp_path, monkeypatch):
  asked = []
  monkeypatch.setattr(table, "comparison", lambda every, groups, chosen: asked.append(chosen) or b"")
  table.write(ablation(tmp_path, measures=measures))
  assert asked == [drawn]


@pytest.mark.parametrize("code", [STOPPED, INTERRUPTED])
def test_a_failed_run_that_starts_again_is_no_longer_called_failed(code, tmp_path):
  run = ablation(tmp_path, lambda settings: False).runs[0]
  run.begin()
  run.end(code)
  assert run.failure() == "stopped; the same sweep goes on from there"
  run.begin()
  assert run.failure() == ""
  assert not run.finished()


def test_what_runs_leave_is_read_whole_while_they_begin_and_end(tmp_path):
  """Some runs end in other threads while the table is written."""
  run = ablation(tmp_path, lambda settings: False).runs[0]
  (run.folder).mkdir(parents=True, exist_ok=True)
  (run.folder / runs.LOG).write_text("no room\n" * 1000)
  going = threading.Event()

  def live():
    while not going.is_set():
      run.end(0)
      run.end(1)
      run.begin()

  thread = threading.Thread(target=live)
  thread.start()
  try:
    seen = {(run.finished(), run.failure()) for _ in range(3000)}
  finally:
    going.set()
    thread.join()
  assert {failure for _, failure in seen} <= {"", "exit code 1: no room"}


SAVES = """
import signal, sys, time
from pathlib import Path
def save(number, frame):
  print("saved", flush=True)
  sys.exit(75)
signal.signal(signal.SIGTERM, save)
signal.signal(signal.SIGINT, signal.SIG_IGN)
Path("ready").touch()
time.sleep(60)
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, STOPPED)])
def test_a_signal_reaches_the_runs_under_way_and_starts_no_other(number, code, tmp_path, monkeypatch, capsys):
  """One that is not passed on would leave the run to itself, or wait for its end."""
  monkeypatch.chdir(tmp_path)
  monkeypatch.setattr(runs.Run, "command", lambda run: [sys.executable, "-c", SAVES])
  former = {name: signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT)}
  own = ablation(tmp_path, lambda settings: False)

  def send():
    while not (tmp_path / "ready").exists():
      time.sleep(0.05)
    os.kill(os.getpid(), number)

  threading.Thread(target=send).start()
  try:
    assert console.run(sweep.main, [str(tmp_path / "sweep.py"), f"--workdir={tmp_path / 'all'}"]) == code
  finally:
    for name, handler in former.items():
      signal.signal(name, handler)
  assert capsys.readouterr().err.endswith("; the same command goes on from there\n")
  assert (own.runs[0].folder / runs.LOG).read_text() == "saved\n"
  assert not own.runs[1].folder.exists()


def test_a_finished_run_that_was_damaged_is_named_and_costs_the_others_nothing(tmp_path, monkeypatch, capsys):
  def numbers(folder):
    if "data.fold=1" in folder.name:
      raise UserError(f"{folder}: scores.parquet is damaged")
    return measured(folder)

  monkeypatch.setattr(table.finished, "numbers", numbers)
  found = table.found_by(ablation(tmp_path).runs)
  assert len(found) == 12
  assert capsys.readouterr().err.count("scores.parquet is damaged") == 6
