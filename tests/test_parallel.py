"""One program for one device and many: the same losses on 1 device, 8 simulated devices and 2 processes.

Sums run in another order, so losses agree to 1e-4 relative, not bit for bit.
"""

import socket
import subprocess
import sys

import numpy as np
import pytest

from fsim.train import metrics
from tests.commands import ROOT, fsim, variables

ARGUMENTS = [f"--config={ROOT}/configs/device.py:quick", "--workdir=run"]
TOLERANCE = 1e-4


def losses(folder):
  rows = metrics.read(folder / "run")
  return np.array([(row["loss"], row["validation_loss"]) for row in rows])


@pytest.fixture(scope="module")
def alone(tmp_path_factory, data):
  folder = tmp_path_factory.mktemp("alone")
  done = fsim("main", *ARGUMENTS, cwd=folder, data=data)
  assert done.returncode == 0, done.stderr
  return losses(folder)


def test_eight_devices_give_the_losses_of_one(alone, tmp_path, data):
  done = fsim("main", *ARGUMENTS, cwd=tmp_path, data=data, JAX_NUM_CPU_DEVICES="8")
  assert done.returncode == 0, done.stderr
  assert "8 x cpu" in (tmp_path / "run" / "environment.json").read_text()
  np.testing.assert_allclose(losses(tmp_path), alone, rtol=TOLERANCE)


def test_two_processes_give_the_losses_of_one(alone, tmp_path, data):
  with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
  both = [
    subprocess.Popen(
      [sys.executable, "-m", "fsim.main", *ARGUMENTS],
      cwd=tmp_path,
      env=variables(data, JAX_COORDINATOR_ADDRESS=f"127.0.0.1:{port}", JAX_NUM_PROCESSES="2", JAX_PROCESS_ID=str(k)),
      stdout=subprocess.PIPE,
      stderr=subprocess.STDOUT,
      text=True,
    )
    for k in range(2)
  ]
  logs = [process.communicate(timeout=300)[0] for process in both]
  assert [process.returncode for process in both] == [0, 0], "\n".join(logs)
  np.testing.assert_allclose(losses(tmp_path), alone, rtol=TOLERANCE)
