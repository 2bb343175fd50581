"""Phase B: a scorer learns from pairs of frozen signatures whether both come from one source."""

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Float, Int

from fsim.data import loader, pairs
from fsim.data.loader import Sources
from fsim.models import scorers
from fsim.train import objectives, optimisers
from fsim.train.context import Context
from fsim.train.loop import Phase
from fsim.train.mesh import put
from fsim.train.objectives import PAIRS, Objective
from fsim.train.schedule import Schedule
from fsim.train.step import Loss, State, free, initial


class LabelledSignatures(NamedTuple):
  """Signatures (or features) with the numbers of the sources that are to be told apart: devices or models."""

  signatures: Float[np.ndarray, "n d"]
  sources: Int[np.ndarray, " n"]


class PairSampler(NamedTuple):
  """at: number of a training step -> its pairs of rows. steps_in_epoch: how many steps make an epoch."""

  at: Callable[[int], Int[np.ndarray, "b 2"]]
  steps_in_epoch: int


class PairBatch(NamedTuple):
  """Pairs of rows of the signature matrix, which stays on the device; `same` is 1 for one source, 0 for two."""

  signatures: Any
  pairs: Any
  same: Any


def every_pair(labelled: LabelledSignatures, batch: int, seed: int) -> PairSampler:
  """Each pair once an epoch."""
  n = len(labelled.signatures)
  return PairSampler(lambda step: pairs.training_batch(n, batch, seed, step), pairs.steps_in_epoch(n, batch))


def balanced(
  labelled: LabelledSignatures,
  images: Int[np.ndarray, " n"],
  batch: int,
  seed: int,
  count: int,
  mixed: Sources | None = None,
) -> PairSampler:
  """As many pairs of one source as of two, `count` an epoch (see `pairs.balanced_batch`, `pairs.weighted_batch`).

  mixed: where the rows are from, of a mixture with weights.
  """
  if mixed:
    several = pairs.nests(labelled.sources, images, mixed)
    return PairSampler(lambda step: pairs.weighted_batch(several, batch, seed, step), max(count // batch, 1))
  inside = pairs.nest(labelled.sources, images)
  return PairSampler(lambda step: pairs.balanced_batch(inside, batch, seed, step), max(count // batch, 1))


def phase(
  scorer: nn.Module,
  train: LabelledSignatures,
  sampler: PairSampler,
  validation: LabelledSignatures,
  validation_pairs: Int[np.ndarray, "v 2"],
  schedule: Schedule,
  context: Context,
  objective: Objective = PAIRS,
) -> Phase:
  """A scorer learns from drawn pairs and is validated on `validation_pairs`: binary cross-entropy by default."""

  def at(number: int) -> tuple[Int[np.ndarray, "b 2"], Float[np.ndarray, " b"]]:
    rows = block(sampler.at(number))
    same = train.sources[rows[:, 0]] == train.sources[rows[:, 1]]
    return rows.astype(np.int32), same.astype(np.float32)

  row = jax.ShapeDtypeStruct((1, train.signatures.shape[1]), np.float32)
  return Phase(
    name="similarity",
    init=lambda: initial(scorer, context.seed + 1, row, row),
    loss=pair_loss(scorer, objective),
    optimiser=optimisers.of(schedule, sampler.steps_in_epoch),
    constrain=free,
    batches=lambda first: loader.ahead(at, itertools.count(first), context.reading.threads),
    recalibrate=lambda state: state,
    validate=lambda state: validate(scorer, state, validation, validation_pairs, objective),
    epochs=schedule.epochs,
    steps_in_epoch=sampler.steps_in_epoch,
    keep="last",
    stored=put(train.signatures, context.layout.replicated),
    batch=lambda signatures, drawn: PairBatch(signatures, *drawn),
  )


def block(batch: Int[np.ndarray, "b 2"]) -> Int[np.ndarray, "c 2"]:
  """This process's part of a batch that every process can compute."""
  part = len(batch) // jax.process_count()
  return batch[jax.process_index() * part :][:part]


def pair_loss(scorer: nn.Module, objective: Objective = PAIRS) -> Loss:
  def forward(params: Any, stats: Any, batch: PairBatch, key: Array) -> tuple[Array, Array, Any]:
    dropped = key if scorers.drops(scorer) else None
    logits = scorers.pair_logits(scorer, {"params": params}, batch.signatures, batch.pairs, dropped)
    return logits, batch.same, stats

  return objectives.training(objective, forward)


def validate(
  scorer: nn.Module,
  state: State,
  validation: LabelledSignatures,
  validation_pairs: Int[np.ndarray, "v 2"],
  objective: Objective = PAIRS,
) -> dict[str, float]:
  """Loss and accuracy over these pairs of validation images."""
  logits = some_pairs(scorer, state, validation.signatures, validation_pairs)
  same = validation.sources[validation_pairs[:, 0]] == validation.sources[validation_pairs[:, 1]]
  return objectives.validated(objective, logits, same.astype(np.float32))


def all_pairs(scorer: nn.Module, state: State, signatures: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n n"]:
  """Logits of every image with every image, symmetric; computed by this process alone."""
  return np.asarray(_all_pairs(scorer, _local(state), jnp.asarray(signatures)))


def some_pairs(
  scorer: nn.Module, state: State, signatures: Float[np.ndarray, "n d"], rows: Int[np.ndarray, "p 2"]
) -> Float[np.ndarray, " p"]:
  """Logits of these pairs of images, both orders averaged; computed by this process alone."""
  logits = _some_pairs(scorer, _local(state), jnp.asarray(signatures), jnp.asarray(rows.astype(np.int32)))
  return np.asarray(logits)


def _local(state: State) -> dict[str, Any]:
  return {"params": jax.tree.map(lambda x: jnp.asarray(x.addressable_data(0)), state.params)}


@jax.jit(static_argnums=0)
def _all_pairs(scorer: nn.Module, params: dict, signatures: Float[Array, "n d"]) -> Float[Array, "n n"]:
  terms = scorer.apply(params, signatures, method="terms")
  return scorers.score_rows(scorer, params, terms, terms)


@jax.jit(static_argnums=0)
def _some_pairs(
  scorer: nn.Module, params: dict, signatures: Float[Array, "n d"], rows: Int[Array, "p 2"]
) -> Float[Array, " p"]:
  terms = scorer.apply(params, signatures, method="terms")
  return scorers.score_pairs(scorer, params, terms, rows)
