import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from fsim.boundary import console
from fsim.boundary.errors import UserError
from fsim.data import splits
from fsim.systems import SYSTEMS, dataset, system
from fsim.systems.device import run as device
from fsim.systems.entrance import entrance
from fsim.train import mesh
from tests import commands
from tests.commands import ROOT, variables


@pytest.fixture
def config():
  return commands.config(ROOT / "configs" / "device.py")


@pytest.fixture
def table():
  """Two models of two devices, all of which photographed 20 scenes twice."""
  rows = [
    {"model": f"M_{m}", "device": f"M_{m}_{i}", "instance": str(i), "position": s, "motive": k, "scene": f"{s}/1"}
    for m in range(2)
    for i in range(2)
    for s in range(20)
    for k in (1, 2)
  ]
  made = pd.DataFrame(rows).assign(subset="natural", width=64, height=64)
  return made.assign(sha256=[f"{k:x}" for k in range(len(made))], file=[f"{k}.JPG" for k in range(len(made))])


@pytest.mark.parametrize("name", ["stratified", "by_scene", "scene_instance", "ratio"])
def test_each_protocol_is_given_its_own_settings(name, config, table):
  config.data.protocol = name
  parts = dataset.split(table, config)
  assert set(parts) == {"train", "validation", "test"}
  splits.require_disjoint(table, parts, "image")


def test_folds_are_a_setting(config, table):
  config.data.protocol = "scene_instance"
  tests = []
  for config.data.fold in (0, 1):
    tests.append(dataset.split(table, config)["test"])
  assert not np.array_equal(*tests)


def test_protocols_of_other_systems_are_refused(config, table):
  config.data.protocol = "model_disjoint"
  with pytest.raises(ValueError, match="must be one of stratified, by_scene"):
    dataset.split(table, config)


def test_sets_without_pairs_are_refused():
  one_each = pd.DataFrame({"device": ["a", "b", "c"]})
  one_device = pd.DataFrame({"device": ["a", "a"]})
  for table in (one_each, one_device):
    with pytest.raises(ValueError, match="the test images must hold two of one device, and two devices"):
      dataset.require_pairs("test", table)
  dataset.require_pairs("test", pd.DataFrame({"device": ["a", "a", "b"]}))


def test_signatures_know_their_network():
  weights = [{"w": np.full((2, 2), value, np.float32)} for value in (1, 1, 2)]
  names = [device.params_digest(mesh.put(w, mesh.layout().replicated)) for w in weights]
  assert names[0] == names[1] != names[2]


SCRIPT = """
import multiprocessing
from pathlib import Path

from fsim.systems.entrance import entrance
from tests import commands


@entrance
def experiment(config, context):
  worker = multiprocessing.get_context("spawn").Process(target=print, args=("worked",))
  worker.start()
  worker.join()
  if worker.exitcode:
    raise SystemExit("no worker")


experiment(commands.config(commands.ROOT / "configs" / "device.py"), Path("run"))
"""


def script(text, folder):
  (folder / "script.py").write_text(text)
  return subprocess.run(
    [sys.executable, "script.py"], cwd=folder, env=variables(folder), capture_output=True, text=True, timeout=120
  )


def test_a_script_without_a_guard_is_told_so_and_ends(tmp_path):
  """Its worker processes would begin the experiment again, and wait for the lock of the first."""
  done = script(SCRIPT, tmp_path)
  assert done.returncode == 1
  assert 'must do it under `if __name__ == "__main__":`' in done.stderr


def test_a_script_with_a_guard_has_its_workers(tmp_path):
  done = script(SCRIPT.replace("\nexperiment(", '\nif __name__ == "__main__":\n  experiment('), tmp_path)
  assert (done.returncode, done.stdout) == (0, "worked\n"), done.stderr


def test_every_system_has_the_entrance(config, tmp_path):
  for name in SYSTEMS:
    config.save_every = 0
    with pytest.raises(UserError, match="save_every must be a whole number from 1"):
      system(name).run(config, tmp_path / "run")
  assert not (tmp_path / "run").exists()


def test_an_experiment_has_its_folder_to_itself_and_seals_what_it_found(config, tmp_path):
  @entrance
  def experiment(config, context):
    with pytest.raises(UserError, match="another process is training there"):
      again(config, context.workdir)
    (context.workdir / "found.json").write_text("{}")
    return context.workdir / "page"

  @entrance
  def again(config, context):
    raise AssertionError("two at once")

  assert experiment(config, tmp_path) == tmp_path / "page"
  assert json.loads((tmp_path / "results.json").read_text()).keys() == {"config.json", "found.json"}


def test_an_interrupted_experiment_can_go_on_and_says_so(config, tmp_path):
  @entrance
  def experiment(config, context):
    raise KeyboardInterrupt

  with pytest.raises(KeyboardInterrupt, match=console.GOES_ON):
    experiment(config, tmp_path)
