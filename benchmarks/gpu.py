"""python -m benchmarks.gpu [--nets misl signature patch mobile alexnet] [--rounds 3] [--seconds 90] [--json OUT]

Every net of fsim on a GPU: features and training steps (dispatched as fsim's loop does), in TF32, JAX's default there,
and in bfloat16; beside PyTorch (torch.compile, channels_last) in the same arithmetic where the net is written in both.
Before that, both must give the same logits, loss and gradients in float32 throughout ("highest"). Each side is one
process with all its nets; what is not compiled after `--seconds` is left out and named. They are timed in turns. Peak:
the rate of a product of two large square matrices in the same arithmetic, the better of both sides.
"""

import argparse
import itertools
import json
import multiprocessing
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import jax_nets, training
from benchmarks.setting import Setting
from fsim.data.loader import Batch
from fsim.models.constrained import constrain
from fsim.train import classify, loop, mesh, optimisers, step

TWINS = ("misl", "signature", "patch")  # Nets that PyTorch has too.
SIZES = {"misl": (128, 64), "signature": (128, 64), "patch": (64, 128), "mobile": (32, 128), "alexnet": (256, 128)}
OPTIMISER = {"classes": 32, "learning_rate": 1e-3, "momentum": 0.9, "decay": 5e-4}
ARITHMETIC = ("tf32", "bf16")
SIDES = {"fsim": "fsim", "torch": "torch+channels_last+compile"}
EXACT = {"fsim": "fsim+highest", "torch": "torch+channels_last+highest"}
AIM = 0.1  # Seconds of a measurement.
MATMUL = 8192
THREADS = 8  # That compile.


class Job(NamedTuple):
  """What a side is to get ready: a net in some arithmetic to be timed, or its answers in the exact one."""

  net: str
  arithmetic: str  # "highest" for answers.


def setting(net: str, device: str, scale: int) -> Setting:
  size, batch = SIZES[net]
  return Setting(net, size, max(batch // scale, 2), device, MATMUL // scale**2, **OPTIMISER)


def examples(own: Setting) -> tuple[np.ndarray, np.ndarray]:
  rng = np.random.default_rng(0)
  labels = rng.integers(0, own.classes, own.batch).astype(np.int32)
  if own.net == "alexnet":
    return rng.normal(size=(own.batch, own.size, own.size)).astype(np.float32), labels
  return rng.integers(0, 256, (own.batch, own.size, own.size, 3), np.uint8), labels


def serve(side: str, link: Connection, jobs: list[Job], device: str, scale: int, weights: dict, until: float) -> None:
  """A side's process: gets jobs ready, tells which are and what they answer, then times what it is asked to."""
  if side == "torch":
    from benchmarks import torch_nets as nets
  else:
    nets = jax_nets
  runners: dict[Job, Any] = {}

  def ready(job: Job) -> tuple[Job, Any, str]:
    if time.time() > until:
      return job, None, "no time left"
    try:
      own = setting(job.net, device, scale)
      variant = EXACT[side] if job.arithmetic == "highest" else f"{SIDES[side]}+{job.arithmetic}"
      runner = nets.Runner(own, variant, weights.get(job.net), *examples(own))
      if job.arithmetic == "highest":
        return job, runner.answers(), ""
      for work in (runner.forward, runner.train, runner.matmul):
        work()
        runner.wait()
      runners[job] = runner
      return job, None, ""
    except Exception as error:  # One net must not cost the others their row; it is named.
      return job, None, f"{type(error).__name__}: {error}"[:300]

  with ThreadPoolExecutor(1 if side == "torch" else THREADS) as pool:
    link.send(list(pool.map(ready, jobs)))
  while (order := link.recv()) is not None:
    job, work = order
    link.send(timed(runners[job], getattr(runners[job], work)))


def timed(runner: Any, call: Callable[[], None]) -> float:
  """Seconds of a call."""
  calls = 3
  for last in (False, True):
    runner.wait()
    began = time.perf_counter()
    for _ in range(calls):
      call()
    runner.wait()
    seconds = (time.perf_counter() - began) / calls
    if not last:
      calls = int(np.clip(AIM / seconds, 1, 200))
  return seconds


def weighed(net: str, scale: int) -> Any:
  """Weights with which both sides begin; made on the CPU."""
  own = setting(net, "cpu", scale)
  made = jax.jit(jax_nets.NETS[net](classes=own.classes).init)(jax.random.key(0), examples(own)[0][:1])
  return jax.tree.map(np.asarray, made["params"])


def counted(net: str, scale: int) -> float:
  """Operations of a training step, as XLA counts them for a CPU before it optimises; nothing is computed."""
  own, layout = setting(net, "cpu", scale), mesh.layout()
  images, labels = examples(own)
  module, optimiser = jax_nets.NETS[net](classes=own.classes), optimisers.sgd(1e-3, 0.9, 5e-4)
  state = jax.eval_shape(
    lambda key: step.start(module.init(key, jnp.asarray(images[:1])), optimiser), jax.random.key(0)
  )
  once = step.update(classify.classification_loss(module), optimiser, constrain, seed=0)
  steps = step.training_steps(once, lambda stored, handed: handed, layout)
  return float(steps.lower(state, (), [Batch(images, labels)]).cost_analysis()["flops"])


def measured(nets: list[str], sides: list[str], device: str, scale: int, rounds: int, seconds: float) -> dict[str, Any]:
  until = time.time() + seconds
  weights = {net: weighed(net, scale) for net in nets if net in TWINS}
  context, links, ready = multiprocessing.get_context("spawn"), {}, {}
  for side in sides:
    own = [net for net in nets if side == "fsim" or net in TWINS]
    # All nets in TF32 first, so that what no time is left for is their second row.
    kinds = [Job(net, arithmetic) for arithmetic, net in itertools.product(ARITHMETIC, own)]
    jobs = [Job(net, "highest") for net in own if net in TWINS] + kinds
    links[side], theirs = context.Pipe()
    given = (side, theirs, jobs, device, scale, weights, until)
    context.Process(target=serve, args=given, daemon=True).start()
    theirs.close()
  flops = {net: counted(net, scale) for net in nets}
  said, answers = [], {}
  for side, link in links.items():
    try:
      found = link.recv()
    except EOFError:
      said.append(f"{side}: its process died")
      continue
    ready[side] = [job for job, _, wrong in found if job.arithmetic != "highest" and not wrong]
    said += [f"{side}, {job.net}, {job.arithmetic}: {wrong}" for job, _, wrong in found if wrong]
    answers |= {(job.net, side): own for job, own, _ in found if own is not None}
  work = [(side, job, kind) for side in ready for job in ready[side] for kind in ("forward", "train", "matmul")]
  work.sort(key=lambda one: (one[1], one[2]))  # Sides that are to be compared follow each other.
  times = {one: [] for one in work}
  for _, (side, job, kind) in itertools.product(range(rounds), work):
    links[side].send((job, kind))
    times[side, job, kind].append(links[side].recv())
  for link in links.values():
    with suppress(BrokenPipeError):
      link.send(None)
  return {"times": times, "flops": flops, "answers": answers, "left out": said}


def rows(found: dict[str, Any], scale: int, together: int) -> list[dict[str, Any]]:
  times = {one: float(np.median(own)) for one, own in found["times"].items()}
  peak = {}
  for (_, job, kind), seconds in times.items():
    if kind == "matmul":
      peak[job.arithmetic] = max(peak.get(job.arithmetic, 0), 2 * (MATMUL // scale**2) ** 3 / seconds)
  made = []
  for (side, job, kind), seconds in times.items():
    if kind == "matmul":
      continue
    steps = together if side == "fsim" and kind == "train" else 1
    own = setting(job.net, "", scale)
    rate = own.batch * steps / seconds
    row = {"net": job.net, "size": own.size, "batch": own.batch, "work": kind, "arithmetic": job.arithmetic}
    row |= {"side": SIDES[side], "images_per_second": rate, "peak_tflops": peak[job.arithmetic] / 1e12}
    if kind == "train":
      row["share_of_peak"] = found["flops"][job.net] * rate / own.batch / peak[job.arithmetic]
    if (other := ("torch", job, kind)) in times and side == "fsim":
      theirs = np.array(found["times"][other])
      row["times_as_fast"] = float(np.median(steps * theirs / np.array(found["times"][side, job, kind])))
    made.append(row)
  return made


def checked(answers: dict[tuple[str, str], Any]) -> list[str]:
  """What the check of equal answers in float32 gave, net by net."""
  said = []
  for net in TWINS:
    if not all((net, side) in answers for side in EXACT):
      continue
    found = training.differences(answers[net, "fsim"], answers[net, "torch"])
    numbers = ", ".join(f"{what} {value:.1e}" for what, value in found.items())
    said.append(
      f"{net}, both in float32: {'the same' if training.is_same(found) else 'DIFFERENT'} (relative: {numbers})"
    )
  return said


def main() -> None:
  os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # Both sides share the GPU.
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("--nets", nargs="+", choices=list(SIZES), default=list(SIZES))
  parser.add_argument("--sides", nargs="+", choices=list(SIDES), default=list(SIDES))
  parser.add_argument("--device", default="cuda", help="of PyTorch: cuda or cpu")
  parser.add_argument("--scale", type=int, default=1, help="divides the batches, to try the benchmark itself on a CPU")
  parser.add_argument("--rounds", type=int, default=3)
  parser.add_argument("--seconds", type=float, default=90, help="after which nothing more is compiled")
  parser.add_argument("--json", type=Path, help="file for all rows")
  given = parser.parse_args()
  jax.config.update("jax_platforms", "cpu")  # Of this process, which only counts.
  found = measured(given.nets, given.sides, given.device, given.scale, given.rounds, given.seconds)
  made = rows(found, given.scale, 1 if given.device == "cpu" else loop.TOGETHER)
  said = checked(found["answers"])
  head = f"{'net':10}{'size':>5}{'batch':>6} {'work':9}{'in':5}{'side':30}"
  print(f"{head}{'images/s':>10}{'of peak':>9}{'fsim is x as fast':>19}")
  for row in made:
    share = f"{row['share_of_peak']:.3f}" if "share_of_peak" in row else ""
    fast = f"{row['times_as_fast']:.2f}" if "times_as_fast" in row else ""
    head = f"{row['net']:10}{row['size']:5}{row['batch']:6} {row['work']:9}{row['arithmetic']:5}{row['side']:30}"
    print(f"{head}{row['images_per_second']:10,.0f}{share:>9}{fast:>19}")
  peaks = {row["arithmetic"]: row["peak_tflops"] for row in made}
  print("peak:", ", ".join(f"{name} {rate:.0f} TFLOP/s" for name, rate in peaks.items()))
  print(*said, *(f"left out: {line}" for line in found["left out"]), sep="\n")
  if given.json:
    given.json.write_text(json.dumps({"rows": made, "checks": said, "left out": found["left out"]}, indent=1))


if __name__ == "__main__":
  main()
