"""What pairs of many patterns cost on an accelerator: tiles as `fsim link` makes them, their products, and signs.

  python -m benchmarks.scale_gpu [OUT]

Within two minutes. "tiles" brings patterns from the machine's memory for every tile, as they come from disk; "products"
are of patterns that stay on the device. Every product is compared with whole numbers.
"""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int8

from fsim.prnu import tiles

ON_CPU = jax.default_backend() == "cpu"  # Then sizes are small: it only shows that it runs.
SIDES = (128, 256) if ON_CPU else (512, 1024)
COUNT = 64 if ON_CPU else 2048
CANDIDATES = 1000 if ON_CPU else 100_000
KINDS = {"int8": (jnp.int8, jnp.int32), "bfloat16": (jnp.bfloat16, jnp.float32), "float32": (jnp.float32, jnp.float32)}


def seconds(work: Callable[[], Any], least: float = 2.0) -> float:
  """Of one call, after the first, which compiles; the mean over `least` seconds."""
  jax.block_until_ready(work())
  began, calls = time.perf_counter(), 0
  while time.perf_counter() - began < least:
    jax.block_until_ready(work())
    calls += 1
  return (time.perf_counter() - began) / calls


def product(kind: str) -> Callable[[Int8[Array, "n d"]], Array]:
  made, total = KINDS[kind]
  precision = "highest" if kind == "float32" else None

  def multiply(x: Int8[Array, "n d"]) -> Array:
    return jnp.einsum("md,nd->mn", *[x.astype(made)] * 2, preferred_element_type=total, precision=precision)

  return jax.jit(multiply)


def patterns(count: int, side: int) -> Int8[np.ndarray, "n d"]:
  """Rounded normal noise; rows beyond the first 64 are those again, shifted."""
  rng = np.random.default_rng(0)
  some = np.clip(np.rint(20 * rng.standard_normal((64, side * side), np.float32)), -127, 127).astype(np.int8)
  return np.concatenate([np.roll(some, k, 1) for k in range(-(-count // 64))])[:count]


def tile_rate(known: Int8[np.ndarray, "n d"], side: int) -> tuple[float, int]:
  """Pairs a second, and photographs a side."""
  own = min(tiles.side_for((side, side)), len(known))
  spectra = np.stack([tiles.energies(known[k % 64].reshape(side, side)) for k in range(64)])
  tile = tiles.side_of(known[:own], spectra[np.arange(own) % 64], (side, side))
  return own**2 / seconds(partial(tiles.pce_of, tile, tile)), own


def main() -> None:
  rows = []

  def say(what: str, number: float, unit: str) -> None:
    rows.append({"what": what, "number": number, "unit": unit})
    print(f"{what:<52} {number:14,.0f} {unit}", flush=True)

  print(jax.devices()[0].device_kind, jax.__version__)
  for side in SIDES:
    known = patterns(COUNT, side)
    pairs, own = tile_rate(known, side)
    say(f"tiles, {own} a side, {side}x{side}", pairs, "pairs/s")
    there, exact = jnp.asarray(known), known[:8].astype(np.int64) @ known[:8].astype(np.int64).T
    for kind in KINDS:
      multiply = product(kind)
      difference = np.abs(np.asarray(multiply(there))[:8, :8] / exact - 1).max()
      pairs = COUNT**2 / seconds(partial(multiply, there))
      say(f"products in {kind}, {side}x{side}", pairs, f"pairs/s (off by {difference:.0e})")
  signs = jax.random.bits(jax.random.key(0), (CANDIDATES, 512 * 512 // 32), jnp.uint32)
  differ = jax.jit(lambda known, own: jax.lax.population_count(known ^ own).sum(1))
  say(f"signs of 512x512, {CANDIDATES:,} candidates", CANDIDATES / seconds(partial(differ, signs, signs[7])), "pairs/s")
  if len(sys.argv) > 1:
    (Path(sys.argv[1]) / "scale_gpu.json").write_text(json.dumps(rows))


if __name__ == "__main__":
  main()
