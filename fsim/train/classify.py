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
from ml_collections import ConfigDict

from fsim import cpu
from fsim.boundary import progress
from fsim.data import loader
from fsim.data.loader import Batch, Reading, Shard, Sources
from fsim.models.constrained import constrain
from fsim.train import objectives, optimisers
from fsim.train.loop import Phase
from fsim.train.mesh import Layout, put, to_host
from fsim.train.objectives import CLASSES, Objective
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
  step: ConfigDict,
  config: ConfigDict,
  layout: Layout,
  objective: Objective = CLASSES,
) -> Phase:
  """A network, which gives features and class logits, learns the classes of what it is shown: cross-entropy by default.

  `step` has the fields of `classifier` in configs/common.py, and precise_bn_batches where the network has BatchNorm;
  `config` those of `base`; batch sizes are global.
  """
  shard = Shard(jax.process_index(), jax.process_count())
  steps_in_epoch = max(len(train.rows) // step.batch, 1)
  measured = step.get("precise_bn_batches", 0)
  sequence = loader.drawing(*train, config.seed, step.balanced)

  def batches(first: int) -> Iterator[Batch]:
    local = loader.training_batches(
      transforms.train,
      sequence,
      batch=step.batch,
      seed=config.seed,
      start=first,
      shard=shard,
      reading=Reading(**config.reading),
    )
    return (put(batch, layout.data_parallel) for batch in local)

  def validate(state: State) -> dict[str, float]:
    rows, threads = validation.rows, config.reading.threads
    _, logits = embed(net, state, transforms.eval, rows, batch=step.batch, threads=threads, layout=layout)
    return objectives.validated(objective, logits, validation.labels)

  return Phase(
    name="signature",
    init=lambda: net.init(jax.random.key(config.seed), jnp.asarray(transforms.eval(train.rows[0]))[None]),
    loss=classification_loss(net, objective),
    optimiser=optimisers.of(step, steps_in_epoch),
    constrain=constrain,
    batches=batches,
    recalibrate=lambda state: recalibrate_batch_norm(net, state, itertools.islice(batches(0), measured), layout),
    validate=validate,
    epochs=step.epochs,
    steps_in_epoch=steps_in_epoch,
    keep="best",
    seed=config.seed,
    save_every=config.save_every,
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
  *,
  batch: int,
  threads: int,
  layout: Layout,
  desc: str = "",
) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, "n c"]]:
  """Signatures and class logits of what is seen of stored images, in the order of `rows`, on every process.

  desc: of the progress bar; without it there is none.
  """
  forward = _forward(net, layout)
  shard = Shard(jax.process_index(), jax.process_count())
  crops = loader.in_order(transform, rows, batch=batch, shard=shard, threads=threads)
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
