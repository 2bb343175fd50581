import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from fsim.boundary.errors import UserError
from fsim.train import mesh
from fsim.train.checkpoints import Checkpoints
from fsim.train.step import State

ROOT = Path(__file__).parent.parent
WRITER = """
import sys, jax.numpy as jnp
from pathlib import Path
from fsim.train import mesh
from fsim.train.checkpoints import Checkpoints
from fsim.train.step import State
layout = mesh.layout()
make = lambda k: mesh.put(State(jnp.asarray(k), {"w": jnp.full((1500, 1500), float(k))}, {}, {}), layout.replicated)
checkpoints = Checkpoints(Path(sys.argv[1]), make(0), layout, "best")
for k in range(1, 1000):
  checkpoints.save(make(k), {"loss": 1.0 / k})
  print(k, flush=True)
"""


def state(step):
  return mesh.put(
    State(jnp.asarray(step), {"w": jnp.full((1500, 1500), float(step))}, {}, {}), mesh.layout().replicated
  )


def opened(folder, keep="best"):
  return Checkpoints(folder, state(0), mesh.layout(), keep)


def test_latest_and_best_are_kept_and_others_go(tmp_path):
  checkpoints = opened(tmp_path)
  for step, loss in ((1, 3.0), (2, 1.0), (3, 2.0)):
    checkpoints.save(state(step), {"loss": loss})
  checkpoints.save(state(4), None)
  checkpoints.close()
  again = opened(tmp_path)
  assert int(again.latest().step) == 4
  assert int(again.best().step) == 2
  again.close()
  assert sorted(int(p.name) for p in tmp_path.iterdir()) == [2, 3, 4]


def test_nothing_saved_is_nothing_found(tmp_path):
  checkpoints = opened(tmp_path)
  assert checkpoints.latest() is None
  checkpoints.close()


def test_killed_in_mid_save_loses_at_most_one_interval(tmp_path):
  command = [sys.executable, "-c", WRITER, str(tmp_path)]
  with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
    steps = (int(line) for line in writer.stdout)
    reached = next(step for step in steps if step == 6)
    time.sleep(0.01)
    writer.send_signal(signal.SIGKILL)
    reached = max([reached, *steps])
  checkpoints = opened(tmp_path)
  latest = checkpoints.latest()
  checkpoints.close()
  assert int(latest.step) >= reached - 1
  np.testing.assert_array_equal(np.asarray(latest.params["w"]), float(latest.step))


def saved(folder, losses):
  """Checkpoints of steps 1, 2, ... with these validation losses (None: inside an epoch)."""
  checkpoints = opened(folder)
  for step, loss in enumerate(losses, start=1):
    checkpoints.save(state(step), loss and {"loss": loss})
  checkpoints.close()
  return folder


def cut(folder):
  for path in files(folder):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def one_bit_off(folder):
  """In the file of the weights only, whose values stay plausible."""
  (path,) = (folder / "default" / "params.w").glob("0.0")
  data = bytearray(path.read_bytes())
  data[len(data) // 2] ^= 1
  path.write_bytes(data)


def without_weights(folder):
  shutil.rmtree(folder / "default" / "params.w")


def without_description(folder):
  (folder / "metrics" / "metrics").unlink()


def emptied(folder):
  for path in files(folder):
    path.write_bytes(b"")


def files(folder):
  return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("damage", [cut, one_bit_off, without_weights, without_description, emptied])
def test_a_damaged_newest_checkpoint_is_put_aside_for_the_one_before(damage, tmp_path, capfd):
  folder = saved(tmp_path / "phase", [3.0, 2.0, None])
  damage(folder / "3")
  checkpoints = opened(folder)
  assert capfd.readouterr().err == f"fsim: {folder}: damaged is 3; moved to phase.damaged: 3\n"
  latest = checkpoints.latest()
  assert int(latest.step) == 2
  np.testing.assert_array_equal(np.asarray(latest.params["w"]), 2.0)
  checkpoints.save(state(3), None)  # Its number can be taken again.
  assert int(checkpoints.latest().step) == 3
  checkpoints.close()
  assert [path.name for path in (tmp_path / "phase.damaged").iterdir()] == ["3.0"]


def test_if_the_best_is_damaged_none_takes_its_place(tmp_path, capfd):
  """Those after it do not lead to it again: what is left is where the same training comes by it once more."""
  folder = saved(tmp_path / "phase", [4.0, 3.0, 1.0, 2.0])
  shutil.copytree(folder, tmp_path / "last")
  one_bit_off(folder / "3")
  with pytest.raises(UserError, match="no checkpoint can be used; the same command begins this phase anew"):
    opened(folder)
  assert "damaged is 3; moved to phase.damaged: 3, 4" in capfd.readouterr().err
  again = opened(folder)
  assert again.latest() is None
  again.close()
  one_bit_off(tmp_path / "last" / "3")
  last = opened(tmp_path / "last", keep="last")  # Where the best does not matter, it is not missed.
  assert int(last.latest().step) == 4
  last.close()


def test_if_the_best_is_the_newest_training_comes_by_it_again(tmp_path):
  folder = saved(tmp_path / "phase", [4.0, 3.0, 1.0])
  one_bit_off(folder / "3")
  checkpoints = opened(folder)
  assert int(checkpoints.latest().step) == int(checkpoints.best().step) == 2
  checkpoints.save(state(3), {"loss": 1.0})
  assert int(checkpoints.best().step) == 3
  checkpoints.close()


def test_checkpoints_of_another_network_are_no_damage(tmp_path):
  folder = saved(tmp_path / "phase", [1.0])
  other = mesh.put(State(jnp.asarray(0), {"w": jnp.zeros((3, 3))}, {}, {}), mesh.layout().replicated)
  with pytest.raises(UserError, match="checkpoints of another network"):
    Checkpoints(folder, other, mesh.layout(), "best")
  assert (folder / "1").is_dir()


@pytest.mark.parametrize("name", ["[2026-117] case", "a*b?", "{x,y} 100%", "two\nlines"])
def test_odd_names_of_folders_are_no_patterns(name, tmp_path):
  folder = saved(tmp_path / name / "phase", [1.0, 2.0])
  checkpoints = opened(folder)
  assert int(checkpoints.latest().step) == 2
  assert int(checkpoints.best().step) == 1
  checkpoints.close()


def test_a_full_disk_is_told_before_anything_is_written(tmp_path, monkeypatch):
  folder = saved(tmp_path / "phase", [1.0])
  checkpoints = opened(folder)
  monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9, 1_000_000))
  with pytest.raises(UserError, match=r"no space left on the disk: a checkpoint needs 9\.\d MB, and 1\.0 MB are free"):
    checkpoints.save(state(2), {"loss": 0.5})
  checkpoints.close()
  assert [path.name for path in folder.iterdir()] == ["1"]
