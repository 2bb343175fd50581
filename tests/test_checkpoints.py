import signal
import subprocess
import sys
import time
from pathlib import Path

import jax.numpy as jnp
import numpy as np

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
make = lambda k: mesh.put(State(jnp.asarray(k), {"w": jnp.full((1500, 1500), float(k))}, {}, {}), layout.everywhere)
checkpoints = Checkpoints(Path(sys.argv[1]), make(0), layout)
for k in range(1, 1000):
  checkpoints.save(make(k), {"loss": 1.0 / k})
  print(k, flush=True)
"""


def state(step):
  return mesh.put(
    State(jnp.asarray(step), {"w": jnp.full((1500, 1500), float(step))}, {}, {}), mesh.layout().everywhere
  )


def opened(folder):
  return Checkpoints(folder, state(0), mesh.layout())


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
  assert sorted(int(p.name) for p in tmp_path.iterdir()) == [2, 4]


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
