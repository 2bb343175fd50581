"""The networks of forensic similarity, and the two phases that train them (Mayer & Stamm 2018, section 3).

Shapes: p patches, d features, v pairs.
"""

from functools import partial
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import pandas as pd
from flax import linen as nn
from jaxtyping import Float, Int
from ml_collections import ConfigDict
from sklearn.metrics import roc_curve

from fsim.data import mixture, pairs
from fsim.data.loader import Sources
from fsim.data.patches import Cache
from fsim.models import pair_scorers
from fsim.models.mislnet import MislNet
from fsim.systems import patch_dataset
from fsim.systems.model import fitted, taken, test_sets, tiles, whitening
from fsim.systems.model.fitted import FittedSimilarity
from fsim.systems.patch_dataset import PatchSet
from fsim.train import compare, schedule
from fsim.train.compare import LabelledSignatures
from fsim.train.context import Context
from fsim.train.loop import Phase, fit
from fsim.train.step import State

VALIDATION_PAIRS = 10_000  # Pairs that validate the scorer of pairs.


class Whitener(NamedTuple):
  """Another source: features of patches of some images, and whose they are."""

  signatures: LabelledSignatures
  part: PatchSet


class Networks(NamedTuple):
  """Both networks, and what they make of patches; the one on tiles and its posteriors may be absent."""

  extractor: State
  tile_extractor: State | None
  extract: test_sets.Embed
  tile_posteriors: test_sets.TilePosteriors | None


def mislnet(classes: int, config: ConfigDict) -> MislNet:
  settings = config.extractor
  return MislNet(
    classes=classes,
    colours=settings.colours,
    truncation=settings.truncation,
    last_pool=settings.last_pool,
    constrained=settings.constrained,
    block_shares=settings.block_shares,
    dtype=jnp.dtype(config.dtype),
  )


def pair_scorer(config: ConfigDict, classes: int) -> nn.Module:
  """classes: camera models that the features were learned from."""
  sizes = fitted.kinds(True, config.extractor.block_shares, config.scorer.use_tile_posteriors, classes)
  return pair_scorers.forensic(config.scorer.kind, sizes, config.scorer.network)


def learn_models(
  cache: Cache,
  a: dict[str, PatchSet],
  classes: list[str],
  config: ConfigDict,
  context: Context,
) -> Networks:
  """Trains the extractor and, unless tile_extractor.epochs is 0, the network on tiles."""
  net = mislnet(len(classes), config)
  training = schedule.of(config.extractor)
  phase = patch_dataset.classify_patches(net, cache, a, classes, "model", training, context)
  extractor = fit(phase._replace(name="extractor"), context)
  tile_extractor = tiles.learned(cache, a, classes, config, context)
  tile_posteriors = (
    partial(tiles.sqrt_posteriors, tile_extractor, len(classes), config, context) if tile_extractor else None
  )
  return Networks(
    extractor, tile_extractor, partial(patch_dataset.seen, net, extractor, training.batch, context), tile_posteriors
  )


def take(known: FittedSimilarity, config: ConfigDict, context: Context) -> Networks:
  """An extractor that was learned before, and nothing beside it."""
  extractor = taken.state(known, context)
  net, batch = mislnet(known.classes, config), config.extractor.batch
  return Networks(extractor, None, partial(patch_dataset.seen, net, extractor, batch, context), None)


def labelled_signatures(features: Float[np.ndarray, "p d"], part: PatchSet) -> LabelledSignatures:
  """Features with the numbers of their models."""
  return LabelledSignatures(features, sources(part))


def whitener(embed: test_sets.Embed, cache: Cache, part: PatchSet) -> Whitener:
  return Whitener(labelled_signatures(embed(cache, part).features, part), part)


def learn_pairs(
  scorer: nn.Module,
  signatures: dict[str, LabelledSignatures],
  parts: dict[str, PatchSet],
  settings: ConfigDict,
  context: Context,
  other: Whitener | None = None,
) -> tuple[State, float]:
  """Trains the scorer of pairs; it, and the logit that would centre it (see `zero_of`).

  settings: the section `scorer` of a configuration. other: of whom a WhitenedScorer's matrices and its zero are taken,
  if not of those that train and validate it.
  """
  drawn = partial(pairs.balanced_batch, batch=VALIDATION_PAIRS, seed=context.seed, step=0)
  validation_pairs = drawn(nested(parts["validation"]))
  scattered = other.signatures if other else None
  phase = compare_patches(scorer, signatures, parts, validation_pairs, settings, context, scattered)
  matcher = fit(phase, context)
  if other:
    return matcher, zero_of(scorer, matcher, other.signatures, drawn(nested(other.part)))
  return matcher, zero_of(scorer, matcher, signatures["validation"], validation_pairs)


def compare_patches(
  scorer: nn.Module,
  signatures: dict[str, LabelledSignatures],
  parts: dict[str, PatchSet],
  validation_pairs: Int[np.ndarray, "v 2"],
  settings: ConfigDict,
  context: Context,
  scattered: LabelledSignatures | None = None,
) -> Phase:
  """The phase that trains the scorer of pairs on frozen features (section 3)."""
  training, (train, validation) = schedule.of(settings), (signatures[name] for name in ("train", "validation"))
  images, mixed = parts["train"].image, drawn_from(parts["train"])
  sampler = compare.balanced(train, images, training.batch, context.seed, settings.pairs, mixed)
  phase = compare.phase(scorer, train, sampler, validation, validation_pairs, training, context)
  among = (scattered, None) if scattered else (train, mixed)
  return phase._replace(init=lambda: _started(scorer, phase.init(), settings.shrinkage, *among))


def _started(
  scorer: nn.Module, start: dict[str, Any], shrinkage: float, among: LabelledSignatures, mixed: Sources | None
) -> dict[str, Any]:
  """What a scorer starts with: a WhitenedScorer with its matrices in their place."""
  if not isinstance(scorer, pair_scorers.WhitenedScorer):
    return start
  found = whitening.matrices(among.signatures, among.sources, scorer.kinds, shrinkage, mixed)
  named = {f"{pair_scorers.WHITENING}{k}": matrix for k, matrix in enumerate(found)}
  return {"params": start["params"] | named}


def zero_of(
  scorer: nn.Module, matcher: State, validation: LabelledSignatures, validation_pairs: Int[np.ndarray, "v 2"]
) -> float:
  """The logit from which most of these pairs, half of them of one model, are decided correctly."""
  logits = compare.some_pairs(scorer, matcher, validation.signatures, validation_pairs)
  false, true, limits = roc_curve(
    validation.sources[validation_pairs[:, 0]] == validation.sources[validation_pairs[:, 1]], logits
  )
  return float(limits[1 + np.argmax((true - false)[1:])])  # The first limit is infinite.


def nested(part: PatchSet) -> pairs.Nest:
  """What pairs of a part's patches are drawn from."""
  return pairs.nest(sources(part), part.image)


def sources(part: PatchSet) -> Int[np.ndarray, " p"]:
  """Numbers of the camera models of a part's patches."""
  return pd.factorize(part.table["model"], sort=True)[0][part.image]


def drawn_from(part: PatchSet) -> Sources | None:
  """The source of each of a part's patches, of a mixture with weights."""
  mixed = mixture.drawn_from(part.table)
  return mixed and mixed._replace(number=mixed.number[part.image])
