"""One program for one device and many: the same losses on 1 device, 8 simulated devices, and 2 or 4 processes.

Sums run in another order, so losses agree to 1e-4 relative, not bit for bit.
"""

import shutil

import numpy as np
import pytest

from fsim.systems.model import similarity
from fsim.train import metrics
from tests.commands import ROOT, command, fsim

ARGUMENTS = [f"--config={ROOT}/configs/device.py:quick", "--workdir=run"]
TOLERANCE = 1e-4


def losses(folder):
  rows = metrics.read(folder / "run")
  return np.array([(row["loss"], row["validation_loss"]) for row in rows])


@pytest.fixture(scope="module")
def alone(run_of):
  return losses(run_of(ARGUMENTS[0]).parent)


def test_eight_devices_give_the_losses_of_one(alone, tmp_path, data):
  """Without sensor noise, which one device looks at alone."""
  done = fsim("main", *ARGUMENTS, "--config.noise.size=0", cwd=tmp_path, data=data, JAX_NUM_CPU_DEVICES="8")
  assert done.returncode == 0, done.stderr
  assert "8 x cpu" in (tmp_path / "run" / "environment.json").read_text()
  np.testing.assert_allclose(losses(tmp_path), alone, rtol=TOLERANCE)


def launched(processes, folder, data, *arguments):
  """Losses of a run by several processes."""
  own = [f"--processes={processes}", "--", *ARGUMENTS, *arguments]
  done = command("launch.local", *own, cwd=folder, data=data)
  assert done.returncode == 0, done.stdout + done.stderr
  assert f'"processes": {processes}' in (folder / "run" / "environment.json").read_text()
  return losses(folder)


def test_two_processes_give_the_losses_of_one(alone, tmp_path, data):
  np.testing.assert_allclose(launched(2, tmp_path, data), alone, rtol=TOLERANCE)


@pytest.mark.slow
def test_two_processes_compare_patches_as_one_does(tmp_path, data):
  """Both networks of forensic similarity, and what is said of the pairs in the end."""
  own = [f"--config={ROOT}/configs/model.py:quick", "--workdir=run"]
  found = []
  for name, tool in (("one", ["fsim.main"]), ("two", ["launch.local", "--processes=2", "--"])):
    (tmp_path / name).mkdir()
    done = command(*tool, *own, cwd=tmp_path / name, data=data)
    assert done.returncode == 0, done.stdout + done.stderr
    (test,) = similarity.load(tmp_path / name / "run")
    found.append((losses(tmp_path / name), test.pairs["log_odds"], test.baseline["baseline_auc"]))
  for one, two in zip(*found, strict=True):
    np.testing.assert_allclose(two, one, rtol=1e-2, atol=1e-3)


@pytest.mark.slow
def test_four_processes_give_the_losses_of_one_which_goes_on_from_their_checkpoint(alone, tmp_path, data):
  """A run that lost its end (the second phase and its report) is finished by one process with two devices."""
  np.testing.assert_allclose(launched(4, tmp_path, data), alone, rtol=TOLERANCE)
  shutil.rmtree(tmp_path / "run" / "checkpoints" / "similarity")
  (tmp_path / "run" / "signatures.sqlite").unlink()
  writer = tmp_path / "run" / "metrics.jsonl"
  former = writer.read_text()
  writer.write_text("".join(line for line in former.splitlines(keepends=True) if '"signature"' in line))
  done = fsim("main", *ARGUMENTS, cwd=tmp_path, data=data, JAX_NUM_CPU_DEVICES="2")
  assert done.returncode == 0, done.stderr
  assert writer.read_text().count('"signature"') == former.count('"signature"')  # Trained by the four alone.
  np.testing.assert_allclose(losses(tmp_path), alone, rtol=TOLERANCE)
