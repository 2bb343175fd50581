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
from fsim.data.loader import Batch, Shard, Sources
from fsim.models.constrained import constrain
from fsim.train import objectives, optimisers
from fsim.train.context import Context
from fsim.train.loop import Phase
from fsim.train.mesh import Layout, put, to_host
from fsim.train.objectives import CLASSES, Objective
from fsim.train.schedule import Schedule
from fsim.train.step import Loss, State


class Labelled(NamedTuple):
  """Rows of a data set with their class numbers. sources: of a mixture with weights."""

  rows: Int[np.ndarray, " n"]
  labels: Int[np.ndarray, " n"]
  sources: Sources | None = None


class Transforms(NamedTuple):
  """What the network sees of a row.

  train: (row and label, generator) -> labelled pixels, perhaps another cut each time.
  eval: row -> pixels, always the same.
  """

  train: Callable[[Any, np.random.Generator], Batch]
  eval: Callable[[Any], np.ndarray]


def phase(
  net: nn.Module,
  transforms: Transforms,
  train: Labelled,
  validation: Labelled,
  schedule: Schedule,
  context: Context,
  objective: Objective = CLASSES,
) -> Phase:
  """A network that gives features and class logits learns the classes of what it is shown: cross-entropy by default."""
  shard = Shard(jax.process_index(), jax.process_count())
  steps_in_epoch = max(len(train.rows) // schedule.batch, 1)
  measured, layout = schedule.precise_bn_batches, context.layout
  sequence = loader.drawing(*train, context.seed, schedule.balanced)

  def batches(first: int) -> Iterator[Batch]:
    local = loader.training_batches(
      transforms.train,
      sequence,
      batch=schedule.batch,
      seed=context.seed,
      start=first,
      shard=shard,
      reading=context.reading,
    )
    return (put(batch, layout.data_parallel) for batch in local)

  def validate(state: State) -> dict[str, float]:
    _, logits = embed(net, state, transforms.eval, validation.rows, schedule.batch, context)
    return objectives.validated(objective, logits, validation.labels)

  return Phase(
    name="signature",
    # The weights of `init`; nothing is computed (and compiled) of an answer.
    init=lambda: net.lazy_init(
      jax.random.key(context.seed), jax.eval_shape(jnp.asarray, transforms.eval(train.rows[0])[None])
    ),
    loss=classification_loss(net, objective),
    optimiser=optimisers.of(schedule, steps_in_epoch),
    constrain=constrain,
    batches=batches,
    recalibrate=lambda state: recalibrate_batch_norm(net, state, itertools.islice(batches(0), measured), layout),
    validate=validate,
    epochs=schedule.epochs,
    steps_in_epoch=steps_in_epoch,
    keep="best",
  )


def classification_loss(net: nn.Module, objective: Objective = CLASSES) -> Loss:
  def forward(params: Any, stats: Any, batch: Batch, key: Array) -> tuple[Array, Array, Any]:
    variables = {"params": params, "batch_stats": stats}
    (_, logits), new = net.apply(variables, batch.images, train=True, mutable=["batch_stats"], rngs={"dropout": key})
    return logits, batch.labels, new.get("batch_stats", stats)

  return objectives.training(objective, forward)


def recalibrate_batch_norm(net: nn.Module, state: State, batches: Iterable[Batch], layout: Layout) -> State:
  """Measures the BatchNorm statistics anew on training batches, with the weights as they are.

  The running averages of training belong to weights that have moved on since; where steps are large, a network that is
  right on every training batch can be at chance when it is used (Wu & Johnson 2021, section 3).
  """
  measure = _measuring(net, layout)
  stats = state.stats
  for batch in batches:
    stats = measure(state.params, stats, batch.images)
  return state._replace(stats=stats)


def embed(
  net: nn.Module,
  state: State,
  transform: Callable[[Any], np.ndarray],
  rows: Int[np.ndarray, " n"],
  batch: int,
  context: Context,
  *,
  desc: str = "",
) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, "n c"]]:
  """Signatures and class logits of what is seen of stored images, in the order of `rows`, on every process.

  desc: of the progress bar; without it there is none.
  """
  forward, layout = _forward(net, context.layout), context.layout
  shard = Shard(jax.process_index(), jax.process_count())
  crops = loader.in_order(transform, rows, batch=batch, shard=shard, threads=context.reading.threads)
  bar = {"total": -(-len(rows) // batch), "desc": desc, "unit": "batch"}
  crops = progress.bar(crops, **bar, disable=not desc or shard.index > 0)
  outputs = [to_host(forward(state.params, state.stats, put(c, layout.data_parallel))) for c in crops]
  signatures, logits = (np.concatenate(part)[: len(rows)] for part in zip(*outputs, strict=True))
  return signatures, logits


@functools.cache
def _forward(net: nn.Module, layout: Layout) -> Callable:
  """(params, stats, images) -> (signatures, logits), compiled once a network."""
  return jax.jit(
    lambda params, stats, images: net.apply({"params": params, "batch_stats": stats}, images),
    out_shardings=layout.replicated,
    compiler_options=cpu.compiler_options(),
  )


@functools.cache
def _measuring(net: nn.Module, layout: Layout) -> Callable:
  """(params, stats, images) -> stats that have seen these images too."""

  def measure(params: Any, stats: Any, images: Array) -> Any:
    key = jax.random.key(0)  # Of dropout, which does not matter to what BatchNorm sees on average.
    variables = {"params": params, "batch_stats": stats}
    return net.apply(variables, images, train=True, mutable=["batch_stats"], rngs={"dropout": key})[1]["batch_stats"]

  return jax.jit(measure, out_shardings=layout.replicated, compiler_options=cpu.compiler_options())
