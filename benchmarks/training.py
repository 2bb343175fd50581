"""python -m benchmarks.training [--net signature] [--size 128 256] [--batch 16] [--variants fsim torch] [--rounds 9]

Forward pass (which is how features are extracted) and full training step (forward, backward, BatchNorm, SGD with
momentum) of a net of fsim on a CPU beside the same net in PyTorch, in float32 (for a GPU: benchmarks/gpu.py). Needs
`pip install '.[benchmark]'`. Every variant runs in a process of its own, so that none profits or suffers from another's
threads or memory settings; they take turns (A B C A B C ...), never two at once, so that a busy machine hits all alike.
Before anything is timed, all must give the same logits, loss and gradients from the same weights.
"""

import argparse
import itertools
import json
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int, UInt8
from tqdm import tqdm

from benchmarks.setting import Setting

# A minus leaves one of fsim's cures for the CPU out, a plus adds something to PyTorch; "memory" is `cpu.keep_memory`.
VARIANTS = (
  "fsim",
  "fsim-pool",
  "fsim-convolution",
  "fsim-memory",
  "fsim-pool-convolution-memory",
  "torch",
  "torch+channels_last",
  "torch+channels_last+memory",
)
# Of each net: sides and batches to measure by default, classes, and its published optimiser.
NETS = {
  "signature": ([128, 256], [16], {"classes": 31, "learning_rate": 1e-3, "momentum": 0.95, "decay": 5e-4}),
  "patch": ([64], [128], {"classes": 18, "learning_rate": 0.015, "momentum": 0.9, "decay": 7.5e-3}),
  "misl": ([128, 256], [50], {"classes": 40, "learning_rate": 1e-3, "momentum": 0.9, "decay": 5e-4}),
}
MATMUL = 2048  # Side of the square matrices whose product stands for the machine's best.
# Relative, see `differences`. Two values of a pooling window that agree to the last bits can change places between two
# ways to sum a convolution, and with them the place that a gradient goes to: hence the wider tolerance there.
TOLERANCE = {"logits": 1e-5, "loss": 1e-5, "gradients": 0.05}


class Sample(NamedTuple):
  """Seconds a call: by the clock, and of all the process's threads together."""

  wall: float
  processor: float


def serve(
  link: Connection,
  setting: Setting,
  variant: str,
  weights: Any,
  images: UInt8[np.ndarray, "b h w 3"],
  labels: Int[np.ndarray, " b"],
) -> None:
  """A variant's process: sends weights, answers and operations a step, then times what it is asked to."""
  if variant.startswith("torch"):
    from benchmarks import torch_nets as side
  else:
    from benchmarks import jax_nets as side
  runner = side.Runner(setting, variant, weights, images, labels)
  link.send((runner.weights, runner.answers(), runner.flops()))
  while (order := link.recv()) is not None:
    work, calls = order
    call = {"forward": runner.forward, "train": runner.train, "matmul": runner.matmul}[work]
    runner.wait()
    wall, processor = time.perf_counter(), time.process_time()
    for _ in range(calls):
      call()
    runner.wait()
    link.send(Sample((time.perf_counter() - wall) / calls, (time.process_time() - processor) / calls))


@contextmanager
def processes(
  setting: Setting, variants: tuple[str, ...]
) -> Iterator[tuple[dict[str, Connection], dict[str, dict[str, Any]], float]]:
  """One process a variant, all with the weights of the first and one batch; (links, answers, operations a step)."""
  rng = np.random.default_rng(0)
  images = rng.integers(0, 256, (setting.batch, setting.size, setting.size, 3), np.uint8)
  labels = rng.integers(0, setting.classes, setting.batch).astype(np.int32)
  context = multiprocessing.get_context("spawn")
  links, answers, weights, flops = {}, {}, None, None
  try:
    for variant in tqdm(variants, desc="compiling", leave=False):
      links[variant], theirs = context.Pipe()
      context.Process(target=serve, args=(theirs, setting, variant, weights, images, labels), daemon=True).start()
      theirs.close()  # So that a process that dies ends the wait for it.
      weights, answers[variant], own = links[variant].recv()
      flops = flops or own
    yield links, answers, flops
  finally:
    for link in links.values():
      with suppress(BrokenPipeError):
        link.send(None)


def differences(own: dict[str, Any], other: dict[str, Any]) -> dict[str, float]:
  """Distance by length of logits and loss, and of the gradient of the layer where it is largest; relative."""
  gradients = {
    name: distance(
      *(np.concatenate([side["gradients"][name][part].ravel() for part in layer]) for side in (own, other))
    )
    for name, layer in own["gradients"].items()
  }
  loss = abs(other["loss"] / own["loss"] - 1)
  return {"logits": distance(own["logits"], other["logits"]), "loss": loss, "gradients": max(gradients.values())}


def distance(a: Float[np.ndarray, "..."], b: Float[np.ndarray, "..."]) -> float:
  return float(np.linalg.norm(a - b) / np.linalg.norm(a))


def check(answers: dict[str, dict[str, Any]]) -> dict[str, dict[str, float]]:
  """Raises ValueError if a variant computes another function than the first."""
  first, own = next(iter(answers.items()))
  found = {variant: differences(own, other) for variant, other in answers.items()}
  for variant, difference in found.items():
    if not is_same(difference):
      raise ValueError(f"{variant} does not compute what {first} computes; relative differences: {difference}")
  return found


def is_same(difference: dict[str, float]) -> bool:
  return all(difference[what] < limit for what, limit in TOLERANCE.items())


def measure(links: dict[str, Connection], rounds: int, calls: int) -> dict[tuple[str, str], list[Sample]]:
  """(work, variant) -> samples, one a round; one round before them warms up."""
  samples = {(work, variant): [] for work in ("forward", "train", "matmul") for variant in links}
  for _ in tqdm(range(rounds + 1), desc="measuring", leave=False):
    for (work, variant), own in samples.items():
      links[variant].send((work, calls))
      own.append(links[variant].recv())
  return {key: own[1:] for key, own in samples.items()}


def ratio(own: list[Sample], other: list[Sample], clock: str) -> dict[str, float]:
  """How many times as fast the first is: median and quartiles over rounds, that is, over neighbouring measurements."""
  values = [getattr(b, clock) / getattr(a, clock) for a, b in zip(own, other, strict=True)]
  return dict(zip(("low", "median", "high"), map(float, np.quantile(values, (0.25, 0.5, 0.75))), strict=True))


def compare(setting: Setting, variants: tuple[str, ...], rounds: int, calls: int) -> list[dict[str, Any]]:
  """One row a variant and kind of work."""
  with processes(setting, variants) as (links, answers, flops):
    found = check(answers)
    samples = measure(links, rounds, calls)
  rows = []
  for work, variant in itertools.product(("forward", "train"), variants):
    seconds, product = (float(np.median([s.wall for s in samples[w, variant]])) for w in (work, "matmul"))
    row = {"net": setting.net, "size": setting.size, "batch": setting.batch, "work": work, "variant": variant}
    row |= {"images_per_second": setting.batch / seconds, "difference": found[variant]}
    row |= {clock: ratio(samples[work, "fsim"], samples[work, variant], clock) for clock in Sample._fields}
    if work == "train":
      row["share_of_matmul"] = (flops / seconds) / (2 * setting.matmul**3 / product)
    rows.append(row)
  return rows


def print_table(rows: list[dict[str, Any]]) -> None:
  print(f"\n{rows[0]['net']}, {rows[0]['size']}x{rows[0]['size']}, batch {rows[0]['batch']}")
  print(f"{'':8}{'':34}{'images/s':>9}   {'fsim is x times as fast':<24}{'in processor time':<24}share of matmul rate")
  for row in rows:
    ratios = ("{median:5.2f} ({low:.2f} to {high:.2f})".format(**row[clock]) for clock in Sample._fields)
    share = f"{row['share_of_matmul']:.2f}" if "share_of_matmul" in row else ""
    print(
      f"{row['work']:8}{row['variant']:34}{row['images_per_second']:9.1f}   {''.join(f'{r:24}' for r in ratios)}{share}"
    )


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("--net", choices=list(NETS), default="signature")
  parser.add_argument("--size", type=int, nargs="+", help="sides of the images, by default those of the net's setting")
  parser.add_argument("--batch", type=int, nargs="+")
  parser.add_argument("--variants", nargs="+", default=VARIANTS, help=f"of {', '.join(VARIANTS)}")
  parser.add_argument("--rounds", type=int, default=9)
  parser.add_argument("--calls", type=int, default=2, help="steps a measurement")
  parser.add_argument("--json", type=Path, help="file for all rows")
  options = parser.parse_args()
  if jax.default_backend() != "cpu":
    parser.error("this compares cures for the CPU; for a GPU there is python -m benchmarks.gpu")
  rows = []
  sizes, batches, published = NETS[options.net]
  for size, batch in itertools.product(options.size or sizes, options.batch or batches):
    setting = Setting(options.net, size, batch, "cpu", MATMUL, **published)
    rows += compare(setting, tuple(options.variants), options.rounds, options.calls)
    print_table([row for row in rows if (row["size"], row["batch"]) == (size, batch)])
  if options.json:
    options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
  main()
