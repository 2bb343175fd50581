"""An extractor learns to tell the training devices (or models) apart: phase A of most systems."""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Float, Int

from fsim import cpu
from fsim.boundary import progress
from fsim.data import loader
from fsim.data.loader import Batch, Sources
from fsim.models.constrained import constrain
from fsim.train import objectives, optimisers
from fsim.train.context import Context
from fsim.train.feed import Feed
from fsim.train.loop import AHEAD, Phase
from fsim.train.mesh import Layout, hand, to_host
from fsim.train.objectives import CLASSES, Objective
from fsim.train.schedule import Schedule
from fsim.train.step import Loss, State, initial


class Labelled(NamedTuple):
  """Rows of a data set with their class numbers. sources: of a mixture with weights."""

  rows: Int[np.ndarray, " n"]
  labels: Int[np.ndarray, " n"]
  sources: Sources | None = None


def phase(
  net: nn.Module,
  feed: Feed,
  train: Labelled,
  validation: Labelled,
  schedule: Schedule,
  context: Context,
  objective: Objective = CLASSES,
) -> Phase:
  """A network that gives features and class logits learns the classes of what it is shown: cross-entropy by default."""
  steps_in_epoch = max(len(train.rows) // schedule.batch, 1)
  measured, layout = schedule.precise_bn_batches, context.layout
  order, images = loader.drawing(*train, context.seed, schedule.balanced), feed.images()

  def batches(first: int) -> Iterator[tuple[Any, Int[np.ndarray, " b"]]]:
    return feed.training(order, schedule.batch, first)

  def validate(state: State) -> dict[str, float]:
    _, logits = embed(net, state, feed, validation.rows, schedule.batch, layout)
    return objectives.validated(objective, logits, validation.labels)

  return Phase(
    name="signature",
    init=lambda: initial(net, context.seed, jax.eval_shape(jnp.asarray, feed.one(train.rows[0])[None])),
    loss=classification_loss(net, objective),
    optimiser=optimisers.of(schedule, steps_in_epoch),
    constrain=constrain,
    batches=batches,
    recalibrate=lambda state: recalibrate_batch_norm(net, state, feed, itertools.islice(batches(0), measured), layout),
    validate=validate,
    epochs=schedule.epochs,
    steps_in_epoch=steps_in_epoch,
    keep="best",
    stored=feed.stored,
    batch=lambda stored, drawn: Batch(images(stored, drawn[0]), drawn[1]),
  )


def classification_loss(net: nn.Module, objective: Objective = CLASSES) -> Loss:
  def forward(params: Any, stats: Any, batch: Batch, key: Array) -> tuple[Array, Array, Any]:
    variables = {"params": params, "batch_stats": stats}
    (_, logits), new = net.apply(variables, batch.images, train=True, mutable=["batch_stats"], rngs={"dropout": key})
    return logits, batch.labels, new.get("batch_stats", stats)

  return objectives.training(objective, forward)


def recalibrate_batch_norm(
  net: nn.Module, state: State, feed: Feed, batches: Iterable[tuple[Any, Any]], layout: Layout
) -> State:
  """Measures the BatchNorm statistics anew on training batches, with the weights as they are.

  The running averages of training belong to weights that have moved on since; where steps are large, a network that is
  right on every training batch can be at chance when it is used (Wu & Johnson 2021, section 3).
  """
  measure = _measuring(net, layout, feed.images())
  stats = state.stats
  for drawn, _ in batches:
    stats = measure(state.params, stats, feed.stored, hand(drawn, layout.data_parallel))
  return state._replace(stats=stats)


def embed(
  net: nn.Module,
  state: State,
  feed: Feed,
  rows: Int[np.ndarray, " n"],
  batch: int,
  layout: Layout,
  *,
  desc: str = "",
) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, "n c"]]:
  """Signatures and class logits of what is seen of stored images, in the order of `rows`, on every process.

  desc: of the progress bar; without it there is none.
  """
  forward = _forward(net, layout, feed.images())
  bar = {"total": -(-len(rows) // batch), "desc": desc, "unit": "batch"}
  drawn = progress.bar(feed.in_order(rows, batch), **bar, disable=not desc or jax.process_index() > 0)
  outputs: list[Any] = []
  for number, own in enumerate(drawn):
    outputs.append(forward(state.params, state.stats, feed.stored, hand(own, layout.data_parallel)))
    if number >= AHEAD:
      outputs[number - AHEAD] = to_host(outputs[number - AHEAD])
  outputs[-AHEAD:] = map(to_host, outputs[-AHEAD:])
  signatures, logits = (np.concatenate(part)[: len(rows)] for part in zip(*outputs, strict=True))
  return signatures, logits


@functools.cache
def _forward(net: nn.Module, layout: Layout, images: Callable) -> Callable:
  """(params, stats, stored, what is handed over) -> (signatures, logits), compiled once a network."""
  return jax.jit(
    lambda params, stats, stored, drawn: net.apply({"params": params, "batch_stats": stats}, images(stored, drawn)),
    out_shardings=layout.replicated,
    compiler_options=cpu.compiler_options(),
  )


@functools.cache
def _measuring(net: nn.Module, layout: Layout, images: Callable) -> Callable:
  """(params, stats, stored, what is handed over) -> stats that have seen these images too."""

  def measure(params: Any, stats: Any, stored: Any, drawn: Any) -> Any:
    key = jax.random.key(0)  # Of dropout, which does not matter to what BatchNorm sees on average.
    variables, seen = {"params": params, "batch_stats": stats}, images(stored, drawn)
    return net.apply(variables, seen, train=True, mutable=["batch_stats"], rngs={"dropout": key})[1]["batch_stats"]

  return jax.jit(measure, out_shardings=layout.replicated, compiler_options=cpu.compiler_options())
