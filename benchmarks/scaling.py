"""python -m benchmarks.scaling [--net patch] [--size 64] [--each 16] [--devices 1 2 4 8] [--steps 6] [--rounds 5]

Training by several devices of this machine, at equal work for each (`--each` examples a device and step): GPUs where
there are some, else simulated devices, which share the CPU's cores and so show what dividing the work costs, not what
it gains. Of each number of devices, in a process of its own:

  examples/s     with JPEGs read, decoded and cut by the loader, as in training
  communication  share of a step that is gone when the devices do the same work, each for itself: no sums over the
                 gradients, and BatchNorm statistics of the own examples; median over rounds that take turns
  waiting        share of the time in which the devices at most stood idle for want of data, as in metrics.jsonl
"""

import argparse
import io
import multiprocessing
import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec
from jaxtyping import UInt8
from PIL import Image
from tqdm import tqdm

from fsim import cpu
from fsim.data import loader
from fsim.data.loader import Batch, Reading, Shard, TrainingCrop
from fsim.models.extractors import PatchNet, SignatureNet
from fsim.train import classify, mesh
from fsim.train.loop import Meter
from fsim.train.mesh import Layout
from fsim.train.optimisers import sgd
from fsim.train.step import free, start, training_steps, update

CLASSES = 16
IMAGES = 64  # JPEGs that are read again and again.
NETS = {"patch": PatchNet, "signature": SignatureNet}


class Setting(NamedTuple):
  net: str
  size: int
  each: int
  steps: int
  rounds: int


class Row(NamedTuple):
  """What one number of devices gave; times as shares of 1."""

  devices: str
  batch: int
  examples_per_second: float
  communication: float
  waiting: float


def measure(setting: Setting, devices: int) -> Row:
  """Raises ValueError if there are fewer devices."""
  if jax.device_count() < devices:
    raise ValueError(f"{devices} devices were asked for, {jax.device_count()} are there")
  layout = mesh.layout()
  net = NETS[setting.net](classes=CLASSES, front="residual", dtype=jnp.dtype("float32"))
  loss, optimiser = classify.classification_loss(net), sgd(1e-4, 0.9, 0.0)
  step = update(loss, optimiser, free, 0)
  together = training_steps(step, lambda stored, handed: handed, layout)
  alone = by_itself(step, layout)

  batches = reading(setting, devices, layout)
  batch = next(batches)
  variables = net.init(jax.random.key(0), np.zeros((1, setting.size, setting.size, 3), np.uint8))
  fresh = lambda: mesh.put(jax.tree.map(np.asarray, start(variables, optimiser)), layout.replicated)  # noqa: E731
  check(together, alone, fresh(), batch, devices)
  together(fresh(), (), [batch])  # Compiles.
  alone(fresh(), (), [batch])
  shares = []
  for _ in range(setting.rounds):
    whole, own = (seconds(step, fresh(), batch, setting.steps) for step in (together, alone))
    shares.append(1 - own / whole)
  meter, state = Meter(), fresh()
  for _ in range(setting.steps):
    state, metrics = together(state, (), meter.wait_for(batches, 1))
    meter.add(metrics)
  found = meter.close("benchmark", setting.steps)
  whole = setting.each * devices
  kind = f"{devices} x {jax.devices()[0].device_kind}"
  return Row(kind, whole, found["steps_per_second"] * whole, float(np.median(shares)), found["waiting"])


def by_itself(step: Callable, layout: Layout) -> Callable:
  """The step without communication: every device has a state that only its own examples change."""
  whole, own = PartitionSpec(), PartitionSpec("data")
  apart = jax.shard_map(
    lambda state, stored, handed: step(state, handed[0]),
    mesh=layout.replicated.mesh,
    in_specs=(whole, whole, own),
    out_specs=whole,
    check_vma=False,
  )
  return jax.jit(apart, donate_argnums=0, compiler_options=cpu.compiler_options())


def check(together: Callable, alone: Callable, state: Any, batch: Batch, devices: int) -> None:
  """Raises ValueError unless the one step communicates, where there are several devices, and the other does not."""
  sums = ["all-reduce" in step.lower(state, (), [batch]).compile().as_text() for step in (together, alone)]
  if sums != [devices > 1, False]:
    raise ValueError(f"all-reduce in the step: {sums[0]}, in the one without communication: {sums[1]}")


def reading(setting: Setting, devices: int, layout: Layout) -> Any:
  """Endless batches on the devices, by fsim's loader."""
  rng = np.random.default_rng(0)
  pictures = rng.integers(0, 256, (IMAGES, 2 * setting.size, 2 * setting.size, 3), np.uint8)
  cut = TrainingCrop([jpeg(picture) for picture in pictures], setting.size, "random")
  rows = np.arange(IMAGES)
  batches = loader.training_batches(
    cut,
    loader.order(rows, rows % CLASSES, 0, balanced=False),
    batch=setting.each * devices,
    seed=0,
    start=0,
    shard=Shard(0, 1),
    reading=Reading(threads=os.cpu_count(), workers=0),
  )
  return map(partial(mesh.put, sharding=layout.data_parallel), batches)


def jpeg(pixels: UInt8[np.ndarray, "h w 3"]) -> bytes:
  buffer = io.BytesIO()
  Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
  return buffer.getvalue()


def seconds(step: Callable, state: Any, batch: Batch, steps: int) -> float:
  """A step, with its batch on the devices already."""
  jax.block_until_ready(state)
  began = time.perf_counter()
  for _ in range(steps):
    state, _ = step(state, (), [batch])
  jax.block_until_ready(state)
  return (time.perf_counter() - began) / steps


def in_own_process(setting: Setting, devices: int) -> Row:
  visible = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(devices)))).split(",")
  own = {"JAX_NUM_CPU_DEVICES": str(devices), "CUDA_VISIBLE_DEVICES": ",".join(visible[:devices])}
  former = {name: os.environ.get(name) for name in own}
  os.environ |= own
  try:
    with multiprocessing.get_context("spawn").Pool(1, initializer=cpu.keep_memory) as pool:
      return pool.apply(measure, (setting, devices))
  finally:
    for name, value in former.items():
      os.environ.pop(name) if value is None else os.environ.update({name: value})


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("--net", choices=list(NETS), default="patch")
  parser.add_argument("--size", type=int, default=64, help="side of the patches in pixels")
  parser.add_argument("--each", type=int, default=16, help="examples of each device in a step")
  parser.add_argument("--devices", type=int, nargs="+", default=[1, 2, 4, 8])
  parser.add_argument("--steps", type=int, default=6, help="in a measurement")
  parser.add_argument("--rounds", type=int, default=5)
  options = parser.parse_args()
  setting = Setting(options.net, options.size, options.each, options.steps, options.rounds)
  rows = [in_own_process(setting, devices) for devices in tqdm(options.devices, desc="measuring", leave=False)]
  print(f"{options.net}, {options.size}x{options.size}, {options.each} examples a device")
  print(f"{'devices':24}{'batch':>6}{'examples/s':>12}{'of the first':>14}{'communication':>15}{'waiting':>9}")
  for row in rows:
    gain = row.examples_per_second / rows[0].examples_per_second
    print(
      f"{row.devices:24}{row.batch:6}{row.examples_per_second:12.1f}{gain:14.2f}"
      f"{row.communication:15.2f}{row.waiting:9.2f}"
    )


if __name__ == "__main__":
  main()
