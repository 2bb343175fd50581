"""Which share of the work is this process's own, as launchers say it."""

import jax
import pytest

from fsim.boundary import shares
from fsim.boundary.shares import Share
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
