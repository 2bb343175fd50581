"""What forensic similarity is tested on, and the test.

Shapes: p patches, d features, c classes of the network on tiles.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from ml_collections import ConfigDict

from fsim.data.patches import Cache
from fsim.models import posteriors
from fsim.systems import patch_dataset
from fsim.systems.dataset import open_dataset
from fsim.systems.model import braycurtis, fitted, image_scores, similarity
from fsim.systems.model.fitted import FittedSimilarity
from fsim.systems.model.model_pair_accuracy import KNOWN, UNKNOWN
from fsim.systems.model.similarity import Similarity
from fsim.systems.patch_dataset import PatchSet

Embed = Callable[[Cache, PatchSet], tuple[Float[np.ndarray, "p d"], Float[np.ndarray, "p c"]]]
TilePosteriors = Callable[[Cache, PatchSet], Float[np.ndarray, "p c"]]


class Embeddings(NamedTuple):
  """What the networks make of a part's patches.

  features: what the scorer of pairs is shown. sqrt_posteriors: of the network on tiles, None if it was not asked.
  """

  features: Float[np.ndarray, "p d"]
  sqrt_posteriors: Float[np.ndarray, "p c"] | None


class TestSet(NamedTuple):
  """Patches to compare. The table of `part` says in its column "side" whether the extractor knows an image's model."""

  name: str
  note: str
  cache: Cache
  part: PatchSet


def internal(cache: Cache, known: PatchSet, unknown: PatchSet, config: ConfigDict) -> TestSet:
  """Test images of some models that the extractor knows, drawn by lot, and of all that nothing has learned."""
  models = np.random.default_rng(config.seed).permutation(sorted(known.table["model"].unique()))
  own = known.table["model"].isin(models[: config.evaluate.models])
  tables = [known.table[own].assign(side=KNOWN), unknown.table.assign(side=UNKNOWN)]
  part = patch_dataset.patches_of(cache, pd.concat(tables, ignore_index=True))
  return TestSet("test", f"{_said(part)} of {config.data.source}.", cache, part)


def external(config: ConfigDict, workdir: Path) -> TestSet:
  """All images of evaluate.external: their models count as unknown."""
  name = config.evaluate.external
  dataset = open_dataset(name, config, workdir / "external")
  cache = patch_dataset.open_patches(dataset, config)
  part = patch_dataset.patches_of(cache, dataset.table.assign(side=UNKNOWN))
  return TestSet("external", f"{_said(part)} of {name}, none of whose models were learned.", cache, part)


def embed(
  extract: Embed, tile_posteriors: TilePosteriors | None, fused: bool, cache: Cache, part: PatchSet
) -> Embeddings:
  """extract: patches of a part -> features and logits of the extractor; tile_posteriors are features too if `fused`."""
  features, sqrt_posteriors = extract(cache, part)[0], tile_posteriors(cache, part) if tile_posteriors else None
  return Embeddings(np.concatenate([features, sqrt_posteriors], axis=1) if fused else features, sqrt_posteriors)


def evaluate(
  test_set: TestSet,
  whole: FittedSimilarity,
  seen: Embeddings,
  config: ConfigDict,
) -> Similarity:
  """Pairs of patches, pairs of images, and the baseline if there is one and two unknown models for it."""
  settings, part = config.evaluate, test_set.part
  table = part.table.iloc[part.image].assign(image=part.image).reset_index(drop=True)

  def log_odds(a: Int[np.ndarray, " m"], b: Int[np.ndarray, " n"]) -> Float[np.ndarray, "m n"]:
    return fitted.log_odds(whole, seen.features[a], seen.features[b])

  pairs = similarity.scored(similarity.draw_pairs(table, settings.pairs, config.seed), log_odds)
  compare = partial(fitted.image_log_odds, whole)
  sizes = tuple(settings.patches)
  images, curve = image_scores.decide(table, seen.features, compare, sizes, settings.draws, config.seed)
  baseline = {}
  unknown = table.loc[table["side"] == UNKNOWN, "model"].nunique()
  if seen.sqrt_posteriors is not None and unknown > 1:
    softmax = posteriors.softmax(seen.sqrt_posteriors)
    distance = braycurtis.distances(softmax[pairs["a"]], softmax[pairs["b"]])
    baseline = braycurtis.compare(pairs, distance)._asdict()
  return Similarity(test_set.name, test_set.note, pairs, images, curve, baseline)


def _said(part: PatchSet) -> str:
  silent = f" ({part.n_unusable} more have no usable patch)" if part.n_unusable else ""
  return f"{len(part.numbers):,} patches of {len(part.table):,} images{silent}"
