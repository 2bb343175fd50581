"""Phase B: a scorer learns from pairs of frozen signatures whether both come from one device."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen as nn
from jaxtyping import Array, Float, Int
from ml_collections import ConfigDict

from fsim.data import pairs
from fsim.models import scorers
from fsim.train import optimisers
from fsim.train.loop import Phase
from fsim.train.mesh import Layout, put
from fsim.train.step import State


class Signed(NamedTuple):
  """Signatures with the device numbers of their images."""

  signatures: Float[np.ndarray, "n d"]
  devices: Int[np.ndarray, " n"]


class PairBatch(NamedTuple):
  """Pairs of rows of the signature matrix, which stays on the device; `same` is 1 for one device, 0 for two."""

  signatures: Any
  pairs: Any
  same: Any


def phase(scorer: nn.Module, train: Signed, validation: Signed, config: ConfigDict, layout: Layout) -> Phase:
  """Binary cross-entropy over all pairs. `config` has the fields of `similarity` in configs/device.py."""
  step = config.similarity
  n = len(train.signatures)
  steps_in_epoch = pairs.steps_in_epoch(n, step.batch)
  signatures = put(train.signatures, layout.everywhere)

  def batches(first: int) -> Iterator[PairBatch]:
    number = first
    while True:
      rows = block(pairs.training_batch(n, step.batch, config.seed, number))
      same = (train.devices[rows[:, 0]] == train.devices[rows[:, 1]]).astype(np.float32)
      yield PairBatch(signatures, *put((rows.astype(np.int32), same), layout.by_example))
      number += 1

  return Phase(
    name="similarity",
    init=lambda: scorer.init(jax.random.key(config.seed + 1), *jnp.zeros((2, 1, train.signatures.shape[1]))),
    loss=pair_loss(scorer),
    optimiser=optimisers.of(step, steps_in_epoch),
    batches=batches,
    settle=lambda state: state,
    validate=lambda state: validate(scorer, state, validation),
    epochs=step.epochs,
    steps_in_epoch=steps_in_epoch,
    keep="last",
    seed=config.seed,
    save_every=config.save_every,
  )


def block(batch: Int[np.ndarray, "b 2"]) -> Int[np.ndarray, "c 2"]:
  """This process's part of a batch that every process can compute."""
  part = len(batch) // jax.process_count()
  return batch[jax.process_index() * part :][:part]


def pair_loss(scorer: nn.Module):
  def loss(params: Any, stats: Any, batch: PairBatch, key: Array) -> tuple[Array, tuple[Any, dict[str, Array]]]:
    logits = scorers.pair_logits(scorer, {"params": params}, batch.signatures, batch.pairs)
    value = optax.sigmoid_binary_cross_entropy(logits, batch.same).mean()
    return value, (stats, {"accuracy": ((logits > 0) == (batch.same > 0)).mean()})

  return loss


def validate(scorer: nn.Module, state: State, validation: Signed) -> dict[str, float]:
  """Loss and accuracy over all pairs of validation images."""
  logits = all_pairs(scorer, state, validation.signatures)
  same = validation.devices[:, None] == validation.devices
  upper = np.triu_indices(len(logits), 1)
  loss = optax.sigmoid_binary_cross_entropy(logits[upper], same[upper].astype(np.float32))
  return {"loss": float(loss.mean()), "accuracy": float(((logits > 0) == same)[upper].mean())}


def all_pairs(scorer: nn.Module, state: State, signatures: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n n"]:
  """Logits of every image with every image, symmetric; computed by this process alone."""
  params = {"params": jax.tree.map(lambda x: jnp.asarray(x.addressable_data(0)), state.params)}
  return np.asarray(_all_pairs(scorer, params, jnp.asarray(signatures)))


@jax.jit(static_argnums=0)
def _all_pairs(scorer: nn.Module, params: dict, signatures: Float[Array, "n d"]) -> Float[Array, "n n"]:
  parts = scorer.apply(params, signatures, method="parts")
  return scorers.score_rows(scorer, params, parts, parts)
