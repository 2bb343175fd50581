"""python -m benchmarks.cures [--nets signature misl ...] [--rounds 3] [--json FILE]

Which of fsim's cures for the CPU (docs/speed.md) the JAX that is installed needs: training steps and features of every
net as fsim has them, beside the same with one cure left out. Each variant has a process of its own; they take turns. A
cure that slows more than it speeds up, or one that fsim/cpu.py withholds from this version and that would pay, makes
the command end with 1: then the versions in fsim/cpu.py are out of date.
"""

import argparse
import itertools
import json
import multiprocessing
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import jaxlib
import numpy as np
from tqdm import tqdm

from benchmarks.setting import Setting
from fsim import cpu

CURES = ("pool", "convolution", "memory")
# Side and batch of each net: steps of about a second.
NETS = {"signature": (256, 4), "patch": (64, 32), "misl": (128, 16), "mobile": (32, 128), "alexnet": (256, 4)}
WORKS = ("train", "forward")
PAYS = 1.05  # Times as fast, as the geometric mean over nets and works.


class Sample(NamedTuple):
  """Seconds of a call: by the clock, of all threads together, and of the busiest thread."""

  clock: float
  processor: float
  busiest: float


def thread_times() -> dict[str, int]:
  """Nanoseconds that each thread of this process has had a core."""
  return {task.name: int((task / "schedstat").read_text().split()[0]) for task in Path("/proc/self/task").iterdir()}


def serve(link: Connection, net: str, variant: str) -> None:
  from benchmarks.jax_nets import Runner

  cpu.compiler_options = lambda: cpu.CONVOLUTIONS  # Whatever the version; "-convolution" takes it away again.
  size, batch = NETS[net]
  rng = np.random.default_rng(0)
  images, labels = rng.integers(0, 256, (batch, size, size, 3), np.uint8), np.arange(batch, dtype=np.int32) % 8
  setting = Setting(net, size, batch, "cpu", 64, classes=8, learning_rate=1e-3, momentum=0.9, decay=5e-4)
  runner = Runner(setting, variant, None, images, labels)
  while (work := link.recv()) is not None:
    call = {"train": runner.train, "forward": runner.forward}[work]
    call()  # What another process has put out of the caches comes back: AlexNet's arrays are 3 GB.
    runner.wait()
    before, clock, processor = thread_times(), time.perf_counter(), time.process_time()
    call()
    runner.wait()
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    busiest = max(spent - before.get(name, 0) for name, spent in thread_times().items())
    link.send(Sample(clock, processor, busiest / 1e9))


@contextmanager
def processes(net: str, cure: str) -> Iterator[dict[str, Connection]]:
  """variant -> the link to its process, started one after another. Two fit into memory: AlexNet's take 6 GB each."""
  context, links = multiprocessing.get_context("spawn"), {}
  try:
    for variant in ("fsim", f"fsim-{cure}"):
      links[variant], theirs = context.Pipe()
      context.Process(target=serve, args=(theirs, net, variant), daemon=True).start()
      theirs.close()
      for work in WORKS:  # Compiles.
        links[variant].send(work)
        links[variant].recv()
    yield links
  finally:
    for link in links.values():
      with suppress(BrokenPipeError):  # Of a process that died; whoever waited for it says so.
        link.send(None)


def ratios(net: str, cure: str, rounds: int) -> list[dict[str, Any]]:
  """One row a kind of work: how many times as fast it is with the cure, the median over rounds."""
  with processes(net, cure) as links:
    samples = {(work, variant): [] for work in WORKS for variant in links}
    for _ in tqdm(range(rounds), desc=f"{net}, {cure}", leave=False):
      for (work, variant), own in samples.items():
        links[variant].send(work)
        own.append(np.array(links[variant].recv()))
  rows = []
  for work in WORKS:
    found = np.median(np.array(samples[work, f"fsim-{cure}"]) / np.array(samples[work, "fsim"]), axis=0)
    row = dict(zip(Sample._fields, map(float, found), strict=True))
    rows.append({"jaxlib": jaxlib.__version__, "net": net, "work": work, "cure": cure} | row)
  return rows


def overall(rows: list[dict[str, Any]]) -> dict[str, float]:
  """Of each cure, by the clock."""
  return {c: float(np.exp(np.mean([np.log(r["clock"]) for r in rows if r["cure"] == c]))) for c in CURES}


def out_of_date(found: dict[str, float], applied: dict[str, bool]) -> list[str]:
  """What the versions in fsim/cpu.py say of this JAX and its ratios do not."""
  harmful = [f"{cure} is applied and slows: {found[cure]:.2f}" for cure in CURES if applied[cure] and found[cure] < 1]
  return harmful + [
    f"{cure} is not applied and would pay: {found[cure]:.2f}"
    for cure in CURES
    if not applied[cure] and found[cure] > PAYS
  ]


def main() -> int:
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("--nets", nargs="+", choices=list(NETS), default=list(NETS))
  parser.add_argument("--rounds", type=int, default=3)
  parser.add_argument("--json", type=Path, help="file to which all rows are added")
  options = parser.parse_args()
  applied = dict.fromkeys(CURES, True) | {"convolution": bool(cpu.compiler_options())}
  print(f"jaxlib {jaxlib.__version__}: times as fast with the cure")
  print(f"{'':30}{'clock':>10}{'processor':>11}{'busiest thread':>16}")
  rows = []
  for net, cure in itertools.product(options.nets, CURES):
    found = ratios(net, cure, options.rounds)
    rows += found
    for row in found:
      print("{net:10}{work:8}{cure:12}{clock:10.2f}{processor:11.2f}{busiest:16.2f}".format(**row), flush=True)
    if options.json:
      options.json.write_text(json.dumps(rows, indent=1))
  found = overall(rows)
  for cure in CURES:
    print(f"{cure}: {found[cure]:.2f}, {'applied' if applied[cure] else 'not applied'}")
  stale = out_of_date(found, applied)
  print("\n".join(f"fsim/cpu.py is out of date: {line}" for line in stale) or "fsim/cpu.py is up to date")
  return int(bool(stale))


if __name__ == "__main__":
  sys.exit(main())
