"""One loop for every phase: batches in, the chosen state out."""

import math
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np
import optax

from fsim.boundary import console, progress
from fsim.boundary.errors import UserError
from fsim.train.checkpoints import Checkpoints
from fsim.train.context import Context
from fsim.train.mesh import hand, put, to_host
from fsim.train.step import Loss, State, start, training_steps, update
from fsim.train.stop import Stop, interruption

TOGETHER = 8  # Steps of a dispatch on an accelerator, where starting one costs more than a small step itself.
AHEAD = 2  # Dispatches that the host may be ahead of the devices.


class Diverged(UserError, FloatingPointError):
  """A loss that is no longer a number, as with a learning rate that is too large."""


class Phase(NamedTuple):
  """What makes one phase of training differ from another.

  constrain: see `update`.
  batches: step to start from -> what each step from there on is handed (this process's part, in this one's memory).
  recalibrate: what the state needs before it is used, at the end of every epoch.
  validate: state -> validation metrics, among them "loss".
  keep: "best" (smallest validation loss) or "last" epoch.
  stored, batch: what lies on the devices for all steps, and (stored, what a step is handed) -> its batch, compiled.
  """

  name: str
  init: Callable[[], dict[str, Any]]
  loss: Loss
  optimiser: optax.GradientTransformation
  constrain: Callable[[Any], Any]
  batches: Callable[[int], Iterator[Any]]
  recalibrate: Callable[[State], State]
  validate: Callable[[State], dict[str, float]]
  epochs: int
  steps_in_epoch: int
  keep: str
  stored: Any = ()
  batch: Callable[[Any, Any], Any] = lambda stored, handed: handed


def fit(phase: Phase, context: Context) -> State:
  """Trains, or goes on training, or does nothing if the phase is complete; returns the state that the phase keeps.

  Raises Diverged. After SIGTERM or SIGINT it saves and raises what `stop.interruption` makes of them.
  """
  fresh = put(jax.tree.map(np.asarray, start(phase.init(), phase.optimiser)), context.layout.replicated)
  checkpoints = Checkpoints(context.workdir / "checkpoints" / phase.name, fresh, context.layout, phase.keep)
  try:
    state = checkpoints.latest() or fresh
    if int(state.step) < phase.epochs * phase.steps_in_epoch:
      state = _train(phase, state, checkpoints, context)
    if phase.keep == "best":
      state = checkpoints.best()
    return state
  finally:
    checkpoints.close()


def _train(phase: Phase, state: State, checkpoints: Checkpoints, context: Context) -> State:
  first, last = int(state.step), phase.epochs * phase.steps_in_epoch
  step_once = update(phase.loss, phase.optimiser, phase.constrain, context.seed)
  advance = training_steps(step_once, phase.batch, context.layout)
  batches = phase.batches(first)
  bar = progress.bar(total=last, initial=first, desc=phase.name, unit="step", disable=jax.process_index() > 0)
  with Stop() as stop, bar:
    meter = Meter()
    for steps in dispatches(first, last, (phase.steps_in_epoch, context.save_every), together()):
      handed = [hand(batch, context.layout.data_parallel) for batch in meter.wait_for(batches, len(steps))]
      state, metrics = advance(state, phase.stored, handed)
      meter.add(metrics)
      bar.update(len(steps))
      step, stopping = steps.stop, stop.requested(steps)
      if step % phase.steps_in_epoch == 0:
        summary = meter.close(phase.name, step)
        state = phase.recalibrate(state)
        validation = phase.validate(state)
        _require_finite(validation["loss"], f"validation loss of {phase.name}", step)
        # In this order: what a kill leaves unsaved is trained and written again.
        context.writer.write(phase.name, step, summary | {f"validation_{k}": v for k, v in validation.items()})
        checkpoints.save(state, validation)
        bar.set_postfix(loss=f"{summary['loss']:.4f}", validation=f"{validation['loss']:.4f}", refresh=False)
        meter = Meter()
      elif stopping or step % context.save_every == 0:
        checkpoints.save(state, None)
      if stopping:
        raise interruption(stopping, f"{phase.name} is saved after step {step} of {last}; {console.GOES_ON}")
  return state


def together() -> int:
  """Steps of a dispatch: one on the CPU, where dispatches are cheap and loops are compiled for one core."""
  return 1 if jax.default_backend() == "cpu" else TOGETHER


def dispatches(first: int, last: int, ends: tuple[int, ...], most: int) -> Iterator[range]:
  """Steps done before and after each dispatch, from `first` to `last`: `most` steps together, and one by one before
  every multiple of one of `ends` that is nearer. So two programs are compiled, and no dispatch goes beyond an end.
  """
  while first < last:
    end = min(last, *(first // every * every + every for every in ends))
    count = most if first + most <= end else 1
    yield range(first, first + count)
    first += count


def _require_finite(loss: float, name: str, step: int) -> None:
  if not math.isfinite(loss):
    raise Diverged(f"the {name} is {loss} in the epoch that ends at step {step}: take a smaller learning_rate")


class Meter:
  """Means over the steps of an epoch, and the share of its time that the device at most stood idle for want of data."""

  def __init__(self):
    self._metrics, self._waited, self._began = [], 0.0, time.perf_counter()

  def wait_for(self, batches: Iterator[Any], count: int) -> list[Any]:
    """The next batches. Their time counts as waiting only if the steps before have ended by the time they are here."""
    began = time.perf_counter()
    found = [next(batches) for _ in range(count)]
    if not self._metrics or self._metrics[-1]["loss"].is_ready():
      self._waited += time.perf_counter() - began
    return found

  def add(self, metrics: dict[str, Any]) -> None:
    """Takes the metrics of a dispatch without waiting for them, but lets the host run ahead by a few only."""
    self._metrics.append(metrics)
    if len(self._metrics) > AHEAD:
      self._metrics[-1 - AHEAD]["loss"].block_until_ready()

  def close(self, phase: str, step: int) -> dict[str, float]:
    parts = to_host(self._metrics)
    values = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    means = {name: float(np.mean(own)) for name, own in values.items()}
    _require_finite(means["loss"], f"loss of {phase}", step)
    seconds = time.perf_counter() - self._began
    return means | {"steps_per_second": len(values["loss"]) / seconds, "waiting": self._waited / seconds}
