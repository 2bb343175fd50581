import json
import subprocess
import sys

import pandas as pd
import pytest

from launch import sweep
from tests.commands import ROOT, variables

SWEEP = f"""
CONFIG = "{ROOT}/configs/patch.py:quick"

def sweep():
  for fold in (0, 1):
    yield {{"data.fold": fold}}
  yield {{"data.protocol": "public"}}
"""


def run(folder, data, *more):
  (folder / "sweep.py").write_text(SWEEP)
  command = [sys.executable, "-m", "launch.sweep", folder / "sweep.py", "--workdir", folder / "all", *more]
  return subprocess.run(
    [str(part) for part in command],
    cwd=folder,
    env=variables(data),
    capture_output=True,
    text=True,
    timeout=570,
    check=False,
  )


@pytest.fixture(scope="module")
def swept(tmp_path_factory, data):
  folder = tmp_path_factory.mktemp("swept")
  return folder, run(folder, data)


def test_a_failure_is_told_and_does_not_stop_the_others(swept):
  folder, done = swept
  assert done.returncode == 1
  assert "sweep: data.protocol=public: exit code 1: fsim: public needs" in done.stderr
  found = pd.read_csv(folder / "all" / "table.csv", index_col="measure")
  assert list(found.columns) == ["data.fold=0", "data.fold=1", "mean", "std"]
  folds = found[["data.fold=0", "data.fold=1"]]
  pd.testing.assert_series_equal(found["mean"], folds.mean(axis=1), check_names=False)
  named = json.loads((folder / "all" / "data.fold=1" / "naming.json").read_text())
  assert folds.loc["images, majority of SVMs", "data.fold=1"] == pytest.approx(named[0]["top_1"])
  page = (folder / "all" / "table.html").read_text()
  assert "2 of 3 runs" in page
  assert "public needs" in page
  assert (folder / "all" / "voting.png").stat().st_size > 5000


def test_finished_runs_are_not_started_again(swept, data):
  folder, _ = swept
  logs = {path: path.stat().st_mtime_ns for path in (folder / "all").glob("data.fold=*/sweep.log")}
  again = run(folder, data)
  assert again.returncode == 1  # The third still fails.
  assert len(logs) == 2
  assert {path: path.stat().st_mtime_ns for path in logs} == logs


def test_other_settings_need_another_folder(swept, data):
  done = run(swept[0], data, "--set", "seed=1")
  assert done.returncode == 1
  assert "finished with other settings" in done.stderr


def test_every_setting_counts_wherever_it_stands(tmp_path, capsys):
  arguments = [str(ROOT / "configs" / "sweeps" / "patch_folds.py"), f"--workdir={tmp_path}"]
  with pytest.raises(SystemExit):
    sweep.main([*arguments, "--set", "wrong", "--set", "seed=1"])
  assert "--set takes FIELD=VALUE" in capsys.readouterr().err


def test_the_sweeps_of_the_project_name_a_configuration_and_its_fields(tmp_path):
  files = sorted((ROOT / "configs" / "sweeps").glob("*.py"))
  assert files
  for file in files:
    runs = sweep.planned(file, tmp_path, {})
    assert len({r.name for r in runs}) == len(runs) > 1
    assert (ROOT / runs[0].config).is_file()
    assert f"python -m launch.sweep configs/sweeps/{file.name}" in file.read_text()


def test_a_file_that_is_no_sweep_is_refused(tmp_path, capsys):
  (tmp_path / "empty.py").write_text("")
  for name, message in (("empty.py", "must define CONFIG and sweep()"), ("absent.py", "is not a Python file")):
    assert sweep.main([str(tmp_path / name), f"--workdir={tmp_path / 'all'}"]) == 1
    assert message in capsys.readouterr().err
