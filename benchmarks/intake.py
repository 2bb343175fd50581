"""Photographs a second from file to pattern, and of what the time is made.

  python -m benchmarks.intake [--sides 512 1024] [--count 64] [--rounds 3]

Writes as many JPEGs of grainy scenes and goes over them: decoded (read, hashed and decoded) by one thread and by as
many as fsim takes; looked at (what `fsim matrix` keeps of a photograph, and whether it can be used) one after the
other, as it was before, and several at a time; and both, from file to pattern. Figures are medians over rounds that
take turns; a first round, which compiles, does not count.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jax
import numpy as np
import simplejpeg
from jaxtyping import UInt8

from benchmarks.prnu import images
from fsim import cpu
from fsim.boundary import machine
from fsim.data.photographs import read, read_all
from fsim.prnu import intake, probe


def write(folder: Path, count: int, side: int) -> list[Path]:
  """A few scenes; their files differ in a shift."""
  scenes = images(min(count, 8), side, side)

  def one(k: int) -> Path:
    path = folder / f"{side}_{k:05}.jpg"
    path.write_bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(np.roll(scenes[k % len(scenes)], 8 * k, 1)), 90))
    return path

  with ThreadPoolExecutor(machine.cores()) as pool:
    return list(pool.map(one, range(count)))


def ask(found: probe.Filtered) -> tuple:
  return probe.shares(found), probe.for_image(found)


def one_by_one(pixels: list[UInt8[np.ndarray, "h w 3"]]) -> int:
  for image in pixels:
    assert probe.examined(image)[0]
    np.asarray(probe.against_image(image[None]))
  return len(pixels)


def together(pixels: Iterator[UInt8[np.ndarray, "h w 3"]]) -> int:
  return sum(1 for _ in intake.looked_at(((None, image) for image in pixels), ask))


def rates(paths: list[Path], rounds: int) -> dict[str, float]:
  pixels = [photograph.pixels for photograph in read_all(paths)]
  sides: dict[str, Callable[[], int]] = {
    "decoded by one thread": lambda: sum(1 for _ in map(read, paths)),
    "decoded": lambda: sum(1 for _ in read_all(paths)),
    "looked at one by one": lambda: one_by_one(pixels),
    "looked at": lambda: together(iter(pixels)),
    "from file to pattern": lambda: together(photograph.pixels for photograph in read_all(paths)),
  }
  found: dict[str, list[float]] = {name: [] for name in sides}
  for number in range(rounds + 1):
    for name, work in sides.items():
      began = time.perf_counter()
      done = work()
      if number:
        found[name].append(done / (time.perf_counter() - began))
  return {name: statistics.median(values) for name, values in found.items()}


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--sides", type=int, nargs="+", default=[512, 1024])
  parser.add_argument("--count", type=int, default=64)
  parser.add_argument("--rounds", type=int, default=3)
  chosen = parser.parse_args()
  cpu.keep_memory()
  print(f"{jax.devices()[0].device_kind} ({jax.default_backend()}), {machine.cores()} cores; photographs a second")
  with tempfile.TemporaryDirectory() as folder:
    for side in chosen.sides:
      paths = write(Path(folder), chosen.count, side)
      found = rates(paths, chosen.rounds)
      print(f"{side}x{side}: " + "; ".join(f"{name} {value:.4g}" for name, value in found.items()), flush=True)


if __name__ == "__main__":
  main()
