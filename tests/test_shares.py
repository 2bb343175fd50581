"""Which share of the work is this process's own, as launchers say it."""

import jax
import pytest

from fsim.boundary import shares
from fsim.boundary.errors import UserError
from fsim.boundary.shares import Share
from fsim.train import mesh
from launch import local


@pytest.fixture
def devices():
  """JAX's setting of the GPUs that it may use, as before afterwards."""
  former = jax.config.read("jax_cuda_visible_devices")
  yield lambda: jax.config.read("jax_cuda_visible_devices")
  jax.config.update("jax_cuda_visible_devices", former)


def test_without_a_launcher_a_process_is_alone_and_leads(monkeypatch):
  for name in (shares.COUNT, shares.INDEX, shares.DEVICES):
    monkeypatch.delenv(name, raising=False)
  assert shares.own() == Share(0, 1)
  assert shares.own().leads


def test_the_launcher_says_which_share_and_which_gpus_are_its_own(monkeypatch, devices):
  for name, value in local.variables(2, 4, "127.0.0.1:1", range(4, 6)).items():
    monkeypatch.setenv(name, value)
  assert shares.own() == Share(2, 4)
  assert not shares.own().leads
  assert devices() == "4,5"


def test_a_run_of_several_processes_has_the_place_that_the_launcher_says(monkeypatch):
  calls = []
  for name, value in local.variables(2, 4, "127.0.0.1:1", range(4, 6)).items():
    monkeypatch.setenv(name, value)
  monkeypatch.setattr(mesh.jax.distributed, "initialize", lambda **given: calls.append(given))
  mesh.initialize_distributed()
  assert calls == [{"num_processes": 4, "process_id": 2, "cluster_detection_method": "deactivate"}]
  monkeypatch.delenv(shares.INDEX)
  with pytest.raises(UserError, match=shares.INDEX):
    mesh.initialize_distributed()


@pytest.mark.parametrize(
  ("index", "count"), [("0", "two"), ("", "2"), ("2", "2"), ("0", "0"), ("-1", "2"), ("0.5", "2")]
)
def test_what_is_no_place_among_processes_is_one_line(index, count, monkeypatch):
  monkeypatch.delenv(shares.DEVICES, raising=False)
  monkeypatch.setenv(shares.INDEX, index)
  monkeypatch.setenv(shares.COUNT, count)
  with pytest.raises(UserError, match=f"{shares.INDEX}={index} and {shares.COUNT}={count}"):
    shares.own()
