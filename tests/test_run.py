import json
import os
import subprocess
import sys

import pandas as pd
import pytest
from ml_collections import ConfigDict

from fsim import run
from fsim.boundary.errors import UserError
from tests.commands import ROOT

PROBLEMS = pd.DataFrame({"file": ["a.JPG"], "cause": ["empty file"], "left_out": [True]})


def config(**changes):
  values = {"system": "device", "signature": {"batch": 4}, "evaluate": {"draws": 3}, "save_every": 5}
  return ConfigDict(values | changes)


def accept(workdir, settings):
  with run.opened(workdir, settings):
    return workdir


def test_the_resolved_settings_are_written(tmp_path):
  folder = accept(tmp_path / "new" / "run", config())
  assert json.loads((folder / "config.json").read_text())["signature"] == {"batch": 4}


def test_a_run_goes_on_with_its_own_settings_and_may_be_evaluated_otherwise(tmp_path):
  accept(tmp_path, config())
  accept(tmp_path, config())
  accept(tmp_path, config(evaluate={"draws": 7}, save_every=9))
  assert json.loads((tmp_path / "config.json").read_text())["evaluate"] == {"draws": 7}


def test_other_settings_are_refused_and_named(tmp_path):
  accept(tmp_path, config())
  with pytest.raises(ValueError, match=r"signature\.batch: 4 there, 8 now"):
    accept(tmp_path, config(signature={"batch": 8}))
  assert json.loads((tmp_path / "config.json").read_text())["signature"] == {"batch": 4}


def facts(source="photos", data_digest="a"):
  return {"source": source, "data_digest": data_digest}


def test_a_run_notices_that_its_data_changed(tmp_path):
  run.write_data(tmp_path, facts(), PROBLEMS)
  run.write_data(tmp_path, facts(), PROBLEMS)
  with pytest.raises(ValueError, match=r"photos has changed since the run in .* began"):
    run.write_data(tmp_path, facts(data_digest="b"), PROBLEMS)
  run.write_data(tmp_path, facts("other photos", "b"), PROBLEMS)


def test_the_environment_names_versions_and_devices(tmp_path):
  run.write_data(tmp_path, facts(), PROBLEMS)
  environment = json.loads((tmp_path / "environment.json").read_text())
  assert environment["packages"].keys() >= {"jax", "flax", "forensic-fsim"}
  assert "cpu" in environment["devices"]


HOLDER = """
import sys, time
from pathlib import Path
from ml_collections import ConfigDict
from fsim import run
with run.opened(Path(sys.argv[1]), ConfigDict({"system": "device"})):
  print("there", flush=True)
  time.sleep(60)
"""


def test_a_second_trainer_is_refused_until_the_first_has_gone_in_whatever_way(tmp_path):
  settings = ConfigDict({"system": "device"})
  with subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE) as holder:
    assert holder.stdout.readline() == b"there\n"
    with pytest.raises(UserError, match="another process is training there; wait, or name another folder"):
      accept(tmp_path, settings)
    holder.kill()
  accept(tmp_path, settings)


def test_only_the_first_of_several_processes_takes_the_folder(tmp_path, monkeypatch):
  with run.opened(tmp_path, config()):
    monkeypatch.setattr(run.jax, "process_index", lambda: 1)
    accept(tmp_path, config())
    monkeypatch.setattr(run.mesh, "everyone", lambda claim: False)
    with pytest.raises(UserError, match="refused, as the first process of the run says"):
      accept(tmp_path, config())


@pytest.mark.parametrize("name", ["holiday.JPG", "config.txt", "report", "results.json"])
def test_a_folder_of_somebody_else_is_refused_and_left_alone(name, tmp_path):
  (tmp_path / name).write_text("mine")
  with pytest.raises(UserError, match=f"neither empty nor a run of fsim \\(it holds {name}\\)"):
    accept(tmp_path, config())
  assert [path.name for path in tmp_path.iterdir()] == [name]


def test_somebody_elses_settings_are_not_replaced(tmp_path):
  (tmp_path / "config.json").write_text('{"editor": "vi"}')
  with pytest.raises(UserError, match=r"config\.json: the field 'system' is missing"):
    accept(tmp_path, config())
  assert (tmp_path / "config.json").read_text() == '{"editor": "vi"}'


def test_what_launchers_and_shells_put_there_before_is_no_obstacle(tmp_path):
  for name in ("sweep.log", "sweep.failed", "train.out", ".DS_Store"):
    (tmp_path / name).write_text("x")
  accept(tmp_path, config())


def test_a_folder_that_cannot_be_one_is_named(tmp_path):
  (tmp_path / "file").write_text("x")
  with pytest.raises(UserError, match="file: not a folder"):
    accept(tmp_path / "file", config())
  with pytest.raises(UserError, match="below: not a folder"):
    accept(tmp_path / "file" / "below", config())
  for name in ("a\\b", os.fsdecode(b"caf\xe9"), "a\nb"):
    with pytest.raises(UserError, match="checkpoints cannot lie below a name with"):
      accept(tmp_path / name, config())
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"data": 3}', '{"data": {}}'])
def test_a_damaged_environment_is_named(text, tmp_path):
  (tmp_path / "environment.json").write_text(text)
  with pytest.raises(UserError, match=r"environment\.json: "):
    run.write_data(tmp_path, facts(), PROBLEMS)


def finished(tmp_path):
  accept(tmp_path, config())
  (tmp_path / "scores.parquet").write_bytes(b"scores")
  (tmp_path / "thumbnails" / "test").mkdir(parents=True)
  (tmp_path / "thumbnails" / "test" / "1.jpg").write_bytes(b"small")
  run.seal(tmp_path)
  return tmp_path


def test_a_finished_run_is_one_whose_files_are_as_it_wrote_them(tmp_path):
  assert run.require_finished(finished(tmp_path)) == "device"
  (tmp_path / "sweep.log").write_text("written later")
  assert run.require_finished(tmp_path) == "device"


@pytest.mark.parametrize("name", ["config.json", "scores.parquet", "thumbnails/test/1.jpg"])
def test_what_was_changed_or_lost_since_is_named(name, tmp_path):
  path = finished(tmp_path) / name
  former = path.read_bytes()
  path.write_bytes(former + b" ")
  with pytest.raises(UserError, match=f"{name}: damaged, not as the run wrote it"):
    run.require_finished(tmp_path)
  path.unlink()
  with pytest.raises(UserError, match=f"{name.split('/')[-1]}.* missing"):
    run.require_finished(tmp_path)


def test_a_run_that_is_begun_again_is_not_finished_meanwhile(tmp_path):
  accept(finished(tmp_path), config())
  with pytest.raises(UserError, match=r"not a finished run: results\.json is missing"):
    run.require_finished(tmp_path)


@pytest.mark.parametrize("text", ["", "{}", "[]", "{"])
def test_results_that_say_nothing_are_refused(text, tmp_path):
  (finished(tmp_path) / "results.json").write_text(text)
  with pytest.raises(UserError, match=r"results\.json: "):
    run.require_finished(tmp_path)
