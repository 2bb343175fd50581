import numpy as np
import pandas as pd
import pytest

from fsim.data import splits
from fsim.experiment import device, subjects
from fsim.train import mesh
from tests import commands
from tests.commands import ROOT


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


@pytest.mark.parametrize("name", [name for name in subjects.MATCHING if name != "public"])
def test_each_protocol_is_given_its_own_settings(name, config, table):
  config.data.protocol = name
  parts = subjects.split(table, config)
  assert set(parts) == {"train", "validation", "test"}
  splits.require_disjoint(table, parts, "image")


def test_folds_are_a_setting(config, table):
  config.data.protocol = "scene_instance"
  tests = []
  for config.data.fold in (0, 1):
    tests.append(subjects.split(table, config)["test"])
  assert not np.array_equal(*tests)


def test_protocols_of_other_systems_are_refused(config, table):
  config.data.protocol = "model_disjoint"
  with pytest.raises(ValueError, match="must be one of stratified, by_scene"):
    subjects.split(table, config)


def test_sets_without_pairs_are_refused():
  one_each = pd.DataFrame({"device": ["a", "b", "c"]})
  one_device = pd.DataFrame({"device": ["a", "a"]})
  for table in (one_each, one_device):
    with pytest.raises(ValueError, match="the test images must hold two of one device, and two devices"):
      subjects.require_pairs("test", table)
  subjects.require_pairs("test", pd.DataFrame({"device": ["a", "a", "b"]}))


def test_signatures_know_their_network():
  weights = [{"w": np.full((2, 2), value, np.float32)} for value in (1, 1, 2)]
  names = [device.fingerprint(mesh.put(w, mesh.layout().everywhere)) for w in weights]
  assert names[0] == names[1] != names[2]
