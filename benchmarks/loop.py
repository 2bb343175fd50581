"""python -m benchmarks.loop [--net misl] [--size 128] [--batch 64] [--patches 4096] [--steps 200] [--rounds 5]

The training loop as `fsim train` has it (patches drawn and read, steps, metrics; checkpoints are not counted) beside
its own compiled step on one batch that lies on the device. They take turns, an epoch of `--steps` steps each. With the
net "trivial" what is left is the loop's own work: the overhead a step. Patches are noise, made on the spot.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from fsim import cpu
from fsim.data.loader import Reading
from fsim.data.patches import Stored
from fsim.models.extractors import PatchNet
from fsim.models.mislnet import MislNet
from fsim.train import classify, feed, loop, mesh, metrics
from fsim.train.context import Context
from fsim.train.loop import Phase, fit
from fsim.train.metrics import MetricWriter
from fsim.train.schedule import Schedule
from fsim.train.step import start, training_steps, update

CLASSES = 26


class Trivial(nn.Module):
  """Next to no work."""

  classes: int

  @nn.compact
  def __call__(self, images: Any, train: bool = False) -> tuple[Any, Any]:
    x = images.astype(jnp.float32).mean((1, 2)) / 255
    return x, nn.Dense(self.classes)(x)


NETS: dict[str, Callable[[], nn.Module]] = {
  "misl": lambda: MislNet(CLASSES, colours="each", truncation=2.0, last_pool="max"),  # As in configs/model.py.
  "patch": lambda: PatchNet(CLASSES, front="residual"),
  "trivial": lambda: Trivial(CLASSES),
}


def patches(folder: Path, count: int, size: int) -> Stored:
  rng = np.random.default_rng(0)
  with (folder / "patches.bin").open("wb") as file:
    for _ in range(count):
      file.write(rng.bytes(size * size * 3))
  return Stored(folder / "patches.bin", (size, size, 3), np.uint8)


def alone(phase: Phase, context: Context, store: Stored, batch: int, count: int) -> Callable[[Any], dict[str, float]]:
  """A validation that times as many bare steps as an epoch has."""
  step = update(phase.loss, phase.optimiser, phase.constrain, context.seed)
  advance = training_steps(step, lambda stored, handed: classify.Batch(*handed), context.layout)
  one = store.take(np.arange(batch)), (np.arange(batch) % CLASSES).astype(np.int32)
  handed = mesh.put(one, context.layout.data_parallel)
  fresh = jax.tree.map(np.asarray, start(phase.init(), phase.optimiser))
  own = {"state": mesh.put(fresh, context.layout.replicated), "processor": time.process_time()}

  def validate(state: Any) -> dict[str, float]:
    jax.block_until_ready(state)
    began, processor = time.perf_counter(), time.process_time()
    for _ in range(count):
      own["state"], _ = advance(own["state"], (), [handed])
    jax.block_until_ready(own["state"])
    former, own["processor"] = own["processor"], time.process_time()
    spent = {"loop_processor": processor - former, "bare_processor": own["processor"] - processor}
    return {"loss": 0.0, "bare_steps_per_second": count / (time.perf_counter() - began), **spent}

  return validate


def measure(net: str, size: int, batch: int, count: int, steps: int, rounds: int) -> dict[str, Any]:
  with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    store, writer = patches(folder, count, size), MetricWriter(folder)
    context = Context(folder, mesh.layout(), writer, 0, Reading(threads=2, workers=0), save_every=10**6)
    learned = classify.Labelled(np.arange(count), (np.arange(count) % CLASSES).astype(np.int32))
    pixels = feed.resident(store, learned.rows, context)
    training = Schedule(batch, rounds + 1, "adamw", learning_rate=1e-3, momentum=0.9, decay=0.01, halve_lr_every=0)
    phase = classify.phase(NETS[net](), pixels, learned, learned, training, context)
    phase = phase._replace(validate=alone(phase, context, store, batch, steps), keep="last", steps_in_epoch=steps)
    fit(phase, context)
    writer.close()
    rows = metrics.read(folder)[1:]  # The first epoch compiles.
  own, bare = (np.array([row[key] for row in rows]) for key in ("steps_per_second", "validation_bare_steps_per_second"))
  spent = [row["validation_loop_processor"] - row["validation_bare_processor"] for row in rows]
  return {
    "device": jax.devices()[0].device_kind,
    "net": net,
    "size": size,
    "batch": batch,
    "pixels": "on the device" if pixels.rows is not None else "handed over",
    "steps a dispatch": loop.together(),
    "loop, steps/s": float(np.median(own)),
    "bare step, steps/s": float(np.median(bare)),
    "ratio": np.quantile(own / bare, (0.25, 0.5, 0.75)).tolist(),
    "overhead a step, us": float(np.median(1e6 / own - 1e6 / bare)),
    "the same in processor time": float(np.median(spent) / steps * 1e6),
    "waiting": float(np.median([row["waiting"] for row in rows])),
  }


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("--net", choices=list(NETS), default="misl")
  parser.add_argument("--size", type=int, default=128)
  parser.add_argument("--batch", type=int, default=64)
  parser.add_argument("--patches", type=int, default=4096)
  parser.add_argument("--steps", type=int, default=200, help="of an epoch")
  parser.add_argument("--rounds", type=int, default=5)
  parser.add_argument("--json", type=Path, help="file for the row")
  given = parser.parse_args()
  cpu.keep_memory()
  row = measure(given.net, given.size, given.batch, given.patches, given.steps, given.rounds)
  for name, value in row.items():
    said = " to ".join(f"{v:.3g}" for v in value) if isinstance(value, list) else value
    print(f"{name:28}{f'{said:.4g}' if isinstance(said, float) else said}")
  if given.json:
    given.json.write_text(json.dumps(row, indent=1))


if __name__ == "__main__":
  main()
