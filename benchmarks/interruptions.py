"""Interrupts every resumable command at random moments, gives it again until it is done, and compares what it leaves.

  python -m benchmarks.interruptions --times=10

SIGINT, SIGTERM and SIGKILL by turns, in commands on virtual photographs; training has benchmarks.reliability. Prints
how often each was interrupted, with which exit codes, and whether its result is that of an undisturbed call.
"""

import argparse
import collections
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from fsim.prnu import fingerprints

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
DEVICE = "natural/Aurel_K1_0_"  # One of the virtual cameras' devices, for a fingerprint.


class Task(NamedTuple):
  """A command, whose OUT is a folder of its own, and what its result is known by."""

  arguments: tuple[str, ...]
  outcome: Callable[[Path, str], object]


def digests(out: Path, printed: str) -> object:
  """Of all files but those that remember, in any order."""
  files = (path for path in sorted(out.rglob("*")) if path.is_file() and not path.name.startswith((".", "lock")))
  return [(path.relative_to(out).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()) for path in files]


def of_fingerprint(out: Path, printed: str) -> object:
  """Which images, and the values as far as half precision keeps them."""
  made = fingerprints.load(out / "cam.npz")
  return sorted(made.images), made.estimate.round(2).tolist()


def tasks(photographs: Path) -> dict[str, Task]:
  own = tuple(str(path) for path in sorted(photographs.glob(f"{DEVICE}*")))
  return {
    "simulate": Task(("fsim.simulate", "--preset=virtual/tiny", "--out=OUT", "--workers=2"), digests),
    "check": Task(("fsim.data.check", str(photographs), "--folder=OUT", "--json"), lambda out, printed: printed),
    "fingerprint": Task(("fsim.prnu", "fingerprint", *own, "--out=OUT/cam.npz", "--trusted"), of_fingerprint),
    "matrix": Task(("fsim.prnu", "matrix", str(photographs), "--out=OUT"), digests),
  }


def start(task: Task, out: Path) -> subprocess.Popen:
  out.mkdir(exist_ok=True)
  given = [argument.replace("OUT", str(out)) for argument in task.arguments]
  quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
  return subprocess.Popen([sys.executable, "-m", *given], start_new_session=True, **quiet)


def disturbed(
  task: Task, out: Path, times: int, longest: float, rng: random.Random
) -> tuple[object, collections.Counter]:
  """The result after so many interruptions, or as many as it took; their signals and exit codes."""
  ends = collections.Counter()
  for number in range(times):
    process = start(task, out)
    time.sleep(rng.uniform(0, longest))
    kind = SIGNALS[number % len(SIGNALS)]
    if process.poll() is None:
      os.killpg(process.pid, kind)
    process.communicate()
    ends[f"{kind.name}: {process.returncode}"] += 1
  last = start(task, out)
  printed, _ = last.communicate()
  if last.returncode:
    return f"ended with {last.returncode}", ends
  return task.outcome(out, printed), ends


def main(arguments: list[str]) -> int:
  parser = argparse.ArgumentParser(prog="python -m benchmarks.interruptions", description=__doc__)
  parser.add_argument("--times", type=int, default=10, help="interruptions of each command")
  parser.add_argument("--seed", type=int, default=0)
  chosen = parser.parse_args(arguments)
  rng, wrong = random.Random(chosen.seed), 0
  with tempfile.TemporaryDirectory() as folder:
    os.environ["TFDS_DATA_DIR"] = folder
    photographs = Path(folder) / "photographs"
    start(Task(("fsim.simulate", "--preset=virtual/tiny", "--out=OUT"), digests), photographs).communicate()
    for name, task in tasks(photographs).items():
      alone, began = Path(folder) / f"{name} alone", time.monotonic()
      printed, _ = start(task, alone).communicate()
      longest = time.monotonic() - began
      found, ends = disturbed(task, Path(folder) / name, chosen.times, longest, rng)
      same = found == task.outcome(alone, printed)
      wrong += not same
      print(
        f"{name}: {chosen.times} interruptions ({dict(ends)}), {'the same' if same else 'ANOTHER'} result", flush=True
      )
  return int(wrong > 0)


if __name__ == "__main__":
  sys.exit(main(sys.argv[1:]))
