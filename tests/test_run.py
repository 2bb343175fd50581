import json

import pandas as pd
import pytest
from ml_collections import ConfigDict

from fsim import run

PROBLEMS = pd.DataFrame({"file": ["a.JPG"], "cause": ["empty file"], "left_out": [True]})


def config(**changes):
  values = {"system": "device", "signature": {"batch": 4}, "evaluate": {"draws": 3}, "save_every": 5}
  return ConfigDict(values | changes)


def test_the_resolved_settings_are_written(tmp_path):
  folder = run.open_run(tmp_path / "new" / "run", config())
  assert json.loads((folder / "config.json").read_text())["signature"] == {"batch": 4}


def test_a_run_goes_on_with_its_own_settings_and_may_be_evaluated_otherwise(tmp_path):
  run.open_run(tmp_path, config())
  run.open_run(tmp_path, config())
  run.open_run(tmp_path, config(evaluate={"draws": 7}, save_every=9))
  assert json.loads((tmp_path / "config.json").read_text())["evaluate"] == {"draws": 7}


def test_other_settings_are_refused_and_named(tmp_path):
  run.open_run(tmp_path, config())
  with pytest.raises(ValueError, match=r"signature\.batch: 4 there, 8 now"):
    run.open_run(tmp_path, config(signature={"batch": 8}))
  assert json.loads((tmp_path / "config.json").read_text())["signature"] == {"batch": 4}


def facts(source="photos", fingerprint="a"):
  return {"source": source, "fingerprint": fingerprint}


def test_a_run_notices_that_its_data_changed(tmp_path):
  run.write_data(tmp_path, facts(), PROBLEMS)
  run.write_data(tmp_path, facts(), PROBLEMS)
  with pytest.raises(ValueError, match=r"photos has changed since the run in .* began"):
    run.write_data(tmp_path, facts(fingerprint="b"), PROBLEMS)
  run.write_data(tmp_path, facts("other photos", "b"), PROBLEMS)


def test_the_environment_names_versions_and_devices(tmp_path):
  run.write_data(tmp_path, facts(), PROBLEMS)
  environment = json.loads((tmp_path / "environment.json").read_text())
  assert environment["packages"].keys() >= {"jax", "flax", "forensic-fsim"}
  assert "cpu" in environment["devices"]
