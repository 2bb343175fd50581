"""Speed of fsim.prnu beside NumPy, PyWavelets and SciPy as the public code uses them (benchmarks/prnu_reference.py).

  python -m benchmarks.prnu [--rounds 5] [--large]

Residuals of photograph-like images, all-shift PCE, and aligned matching, each checked to give the same numbers first.
The two sides take turns; figures are medians over rounds, in work a second, and their ratio. The peer computes in
float32 as the public code does, once in one process and, for residuals, once in two. fsim runs on all cores or the GPU,
there in TF32 where it multiplies matrices. Last comes what share of a copy's rate the bytes are that must be moved at
least: pixels in and a pattern out, or patterns in.
"""

import argparse
import multiprocessing
import multiprocessing.pool
import statistics
import time
import warnings
from collections.abc import Callable

import jax
import numpy as np
from jaxtyping import Float, UInt8

from benchmarks import machine
from benchmarks import prnu_reference as peer
from fsim import cpu
from fsim.prnu import matching
from fsim.prnu.residuals import residuals

SIZES = {"512x512": (512, 512), "1024x1024": (1024, 1024), "10 megapixels": (2736, 3648)}
BATCH = {"512x512": 16, "1024x1024": 8, "10 megapixels": 1}
SHIFTED, ALIGNED = (8, 8), (256, 64)  # Patterns a side: all shifts, and one matrix product.


def images(count: int, height: int, width: int) -> UInt8[np.ndarray, "n h w 3"]:
  rng = np.random.default_rng(0)
  smooth = rng.normal(128, 40, (count, height // 16 + 1, width // 16 + 1, 3)).repeat(16, 1).repeat(16, 2)
  grain = rng.normal(0, 3, (count, height, width, 3)).astype(np.float32)
  return np.clip(smooth[:, :height, :width] + grain, 0, 255).astype(np.uint8)


def one_by_one(image: UInt8[np.ndarray, "h w 3"]) -> Float[np.ndarray, "h w"]:
  return peer.residual(image, dtype=np.float32)


def rate(work: Callable[[], object], amount: int) -> float:
  began = time.perf_counter()
  work()
  return amount / (time.perf_counter() - began)


def turns(rounds: int, sides: dict[str, tuple[Callable[[], object], int]]) -> dict[str, list[float]]:
  """Rates of every side in every round, the sides in turn; a first round warms up and does not count."""
  found = {name: [] for name in sides}
  for number in range(rounds + 1):
    for name, (work, amount) in sides.items():
      value = rate(work, amount)
      if number:
        found[name].append(value)
  return found


def told(title: str, unit: str, found: dict[str, list[float]], size: float, most: machine.Best) -> None:
  """size: bytes that a unit of work must move at least."""
  own = found.pop("fsim")
  print(f"{title}: fsim {statistics.median(own):.4g} {unit}/s", end="")
  for name, values in found.items():
    ratios = [a / b for a, b in zip(own, values, strict=True)]
    print(f"; {name} {statistics.median(values):.4g}, ratio {statistics.median(ratios):.1f}", end="")
    print(f" ({min(ratios):.1f} to {max(ratios):.1f})", end="")
  moved = statistics.median(own) * size
  print(f"; {moved / 1e9:.3g} GB/s, {moved / most.bytes_per_second:.4f} of a copy's", flush=True)


def residual_rates(
  rounds: int, pool: multiprocessing.pool.Pool, sizes: dict[str, tuple[int, int]], most: machine.Best
) -> None:
  for name, size in sizes.items():
    batch = images(BATCH[name], *size)
    few = list(batch[:2]) * (1 if len(batch) > 1 else 2)
    ours, theirs = np.asarray(residuals(batch[:1]))[0], one_by_one(batch[0])
    assert np.abs(ours - theirs).max() < 1e-3 * np.abs(theirs).max()
    sides = {
      "fsim": (lambda b=batch: [residuals(i[None]).block_until_ready() for i in b], len(batch)),
      "NumPy, one process": (lambda i=batch[0]: one_by_one(i), 1),
      "NumPy, two processes": (lambda f=few: pool.map(one_by_one, f, chunksize=1), len(few)),
    }
    told(f"residuals, {name}", "images", turns(rounds, sides), size[0] * size[1] * (3 + 4), most)


def pair_rates(rounds: int, most: machine.Best) -> None:
  rng = np.random.default_rng(1)
  patterns = rng.normal(size=(ALIGNED[0] + ALIGNED[1], 1024, 1024)).astype(np.float32)

  def theirs(a: np.ndarray, b: np.ndarray) -> float:
    found = peer.correlations(a, b)
    return peer.pce(found, *np.unravel_index(found.argmax(), found.shape))

  def aligned(a: np.ndarray, b: np.ndarray) -> float:
    return peer.pce(peer.correlations(a, b), 0, 0)

  a, b = (jax.device_put(patterns[k * 8 : k * 8 + n]) for k, n in enumerate(SHIFTED))
  assert np.isclose(matching.search(a[:1], b[:1]).pce.item(), theirs(patterns[0], patterns[8]), rtol=1e-3)
  sides = {
    "fsim": (lambda: matching.search(a, b), SHIFTED[0] * SHIFTED[1]),
    "NumPy": (lambda: theirs(patterns[0], patterns[8]), 1),
  }
  told(
    "PCE over all shifts, 1024x1024", "pairs", turns(rounds, sides), sum(SHIFTED) * 4 * 1024**2 / np.prod(SHIFTED), most
  )
  asked, known = jax.device_put(patterns[: ALIGNED[0]]), jax.device_put(patterns[ALIGNED[0] :])
  pairs = ALIGNED[0] * ALIGNED[1]
  for name, work in (
    ("correlation as one matrix product", lambda: matching.correlation(asked, known).block_until_ready()),
    ("aligned PCE", lambda: matching.aligned_pce(asked, known)),
  ):
    sides = {"fsim": (work, pairs), "NumPy": (lambda: aligned(patterns[0], patterns[-1]), 1)}
    title = f"{name}, {ALIGNED[0]} x {ALIGNED[1]} patterns of 1024x1024"
    told(title, "pairs", turns(rounds, sides), sum(ALIGNED) * 4 * 1024**2 / pairs, most)


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--rounds", type=int, default=5)
  parser.add_argument("--large", action="store_true", help="10 megapixels too")
  chosen = parser.parse_args()
  cpu.keep_memory()  # As the command does, before JAX begins; the peer's processes get the same.
  warnings.simplefilter("ignore", UserWarning)
  print(f"{jax.devices()[0].device_kind} ({jax.default_backend()})")
  most = machine.best()
  print(f"a copy moves {most.bytes_per_second / 1e9:,.0f} GB/s, read and written")
  with multiprocessing.get_context("spawn").Pool(2, cpu.keep_memory) as pool:
    residual_rates(chosen.rounds, pool, SIZES if chosen.large else dict(list(SIZES.items())[:2]), most)
  pair_rates(chosen.rounds, most)


if __name__ == "__main__":
  main()
