"""Phase A: an extractor learns to tell the training devices apart."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from jaxtyping import Array, Float, Int
from ml_collections import ConfigDict

from fsim.data import loader
from fsim.data.loader import Batch, Cut, LabelledCut, Reading, Shard
from fsim.train import cpu
from fsim.train.loop import Phase
from fsim.train.mesh import Layout, put, to_host
from fsim.train.step import State, sgd


class Labelled(NamedTuple):
  """Rows of a data set with their class numbers."""

  rows: Int[np.ndarray, " n"]
  labels: Int[np.ndarray, " n"]


def phase(
  net: nn.Module, records: Any, train: Labelled, validation: Labelled, config: ConfigDict, layout: Layout
) -> Phase:
  """Cross-entropy over devices. `config` has the fields of `signature` in configs/device.py; batch sizes are global."""
  step = config.signature
  steps_in_epoch = max(len(train.rows) // step.batch, 1)
  shard = Shard(jax.process_index(), jax.process_count())
  reading = Reading(**config.reading)
  sequence = loader.order(*train, config.seed, loader.is_balanced(train.labels, step.balanced))
  size = config.input_size

  def batches(first: int) -> Iterator[Batch]:
    cut = LabelledCut(records, size)
    local = loader.training_batches(cut, sequence, batch=step.batch, start=first, shard=shard, reading=reading)
    return (put(batch, layout.by_example) for batch in local)

  def validate(state: State) -> dict[str, float]:
    _, logits = embed(net, state, records, validation.rows, config, layout)
    loss = optax.softmax_cross_entropy_with_integer_labels(logits, validation.labels)
    hits = logits.argmax(1) == validation.labels
    return {"loss": float(loss.mean()), "accuracy": float(hits.mean())}

  return Phase(
    name="signature",
    init=lambda: net.init(jax.random.key(config.seed), jnp.zeros((1, size, size, 3), jnp.uint8)),
    loss=classification_loss(net),
    optimiser=sgd(learning_rate=step.learning_rate, momentum=step.momentum, decay=step.decay),
    batches=batches,
    validate=validate,
    epochs=step.epochs,
    steps_in_epoch=steps_in_epoch,
    keep="best",
    save_every=config.save_every,
  )


def classification_loss(net: nn.Module) -> Callable:
  def loss(params: Any, stats: Any, batch: Batch) -> tuple[Array, tuple[Any, dict[str, Array]]]:
    variables = {"params": params, "batch_stats": stats}
    (_, logits), new = net.apply(variables, batch.images, train=True, mutable=["batch_stats"])
    value = optax.softmax_cross_entropy_with_integer_labels(logits, batch.labels).mean()
    accuracy = (logits.argmax(1) == batch.labels).mean()
    return value, (new["batch_stats"], {"accuracy": accuracy})

  return loss


def embed(
  net: nn.Module, state: State, records: Any, rows: Int[np.ndarray, " n"], config: ConfigDict, layout: Layout
) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, "n c"]]:
  """Signatures and class logits of stored images, in the order of `rows`, on every process."""
  forward = jax.jit(
    lambda params, stats, images: net.apply({"params": params, "batch_stats": stats}, images),
    out_shardings=layout.everywhere,
    compiler_options=cpu.compiler_options(),
  )
  shard = Shard(jax.process_index(), jax.process_count())
  crops = loader.in_order(
    Cut(records, config.input_size),
    rows,
    batch=config.signature.batch,
    shard=shard,
    threads=config.reading.threads,
  )
  outputs = [to_host(forward(state.params, state.stats, put(c, layout.by_example))) for c in crops]
  signatures, logits = (np.concatenate(part)[: len(rows)] for part in zip(*outputs, strict=True))
  return signatures, logits
