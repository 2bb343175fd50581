"""Forensic source similarity (Mayer & Stamm 2018): the phases of a run in order.

Shapes: p patches, d features.
"""

from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
import pandas as pd
from ml_collections import ConfigDict

from fsim.boundary.errors import UserError
from fsim.data import mixture, pairs, splits
from fsim.report import page
from fsim.systems import patch_dataset
from fsim.systems.augmenting import augmented
from fsim.systems.dataset import open_dataset, split
from fsim.systems.entrance import entrance
from fsim.systems.model import (
  fitted,
  image_scores,
  learning,
  report,
  similarity,
  splicing,
  taken,
  test_sets,
  tiles,
  whitening,
)
from fsim.systems.model.fitted import FittedSimilarity
from fsim.systems.patch_dataset import PatchSet
from fsim.train import mesh
from fsim.train.context import Context
from fsim.train.step import State, variables

THRESHOLD = 0.5  # Of the probability that two patches are of one model (section 4).


class Splits(NamedTuple):
  """Images by what they are for: no model stands on two of a, b and c, and no scene on two sides of any.

  a: "train", "validation" and "test" of the models that the extractor learns, empty where extractor.run names another
  run's; b: "train" and "validation" of those that the scorer of pairs learns from; c: "test" of models that nothing
  learns.
  """

  a: dict[str, pd.DataFrame]
  b: dict[str, pd.DataFrame]
  c: dict[str, pd.DataFrame]


@entrance
def experiment(config: ConfigDict, context: Context) -> Path:
  """Are two patches of one camera model? Returns the page of the report (on the first process)."""
  tiles.require(config)
  known = taken.opened(config, context.workdir)
  dataset = open_dataset(config.data.source, config, context.workdir)
  sides = divide(dataset.table, config)
  if known:
    sides = sides._replace(a={name: table.iloc[:0] for name, table in sides.a.items()})
  dataset = augmented(dataset, pd.concat([sides.a["train"], sides.b["train"]]), config, context.workdir)
  models = sorted(sides.a["train"]["model"].unique())
  classes = known.classes if known else len(models)
  scorer = learning.pair_scorer(config, classes)
  cache = patch_dataset.open_patches(dataset, config)
  a, b, c = ({name: patch_dataset.patches_of(cache, table) for name, table in side.items()} for side in sides)
  if not known:
    patch_dataset.require(a, models, "model")
  require(b, config)
  whitener = whitening.opened(config, context.workdir) if config.scorer.whitening else None
  tested = [test_sets.internal(cache, a["test"], c["test"], config)]
  if config.evaluate.external:
    tested.append(test_sets.external(config, context.workdir))

  networks = (
    learning.take(known, config, context) if known else learning.learn_models(cache, a, models, config, context)
  )
  extract, tile_posteriors, fused = networks.extract, networks.tile_posteriors, config.scorer.use_tile_posteriors
  embed = partial(test_sets.embed, extract, tile_posteriors if fused else None, fused)
  taught = {name: embed(cache, part).features for name, part in b.items()}
  signatures = {name: learning.labelled_signatures(taught[name], part) for name, part in b.items()}
  other = learning.whitener(embed, *whitener) if whitener else None
  matcher, centre = learning.learn_pairs(scorer, signatures, b, config.scorer, context, other)
  zero = centre if config.scorer.recentre else 0.0

  seen = [test_sets.embed(extract, tile_posteriors, fused, test_set.cache, test_set.part) for test_set in tested]
  if jax.process_index() > 0:
    return context.workdir
  whole = assemble(networks, matcher, zero, classes, config)
  authentic = taught["validation"], b["validation"].image
  scattering = (other.signatures.signatures, other.part.image) if other else authentic
  whole = whole._replace(scatter=image_scores.scatter_of(whole, *scattering))
  whole = whole._replace(limit=splicing.limit_of(whole, *authentic, config.evaluate.map_false_alarm))
  fitted.save(context.workdir / "predictor", whole)
  found = [test_sets.evaluate(test_set, whole, own, config) for test_set, own in zip(tested, seen, strict=True)]
  similarity.save(context.workdir, found)
  return page.build(context.workdir, report.sections)


def divide(table: pd.DataFrame, config: ConfigDict) -> Splits:
  """Models by `model_disjoint`, scenes by data.protocol; of a mixture, virtual and real ones apart."""
  own = partial(splits.model_disjoint, seed=config.seed, sizes=tuple(config.data.sizes), subset=config.data.subset)
  models = mixture.divide(table, own, check=partial(splits.kept, "model_disjoint", table))
  scenes = split(table, config, known="model")

  def images(letter: str, *names: str) -> dict[str, pd.DataFrame]:
    return {name: table.iloc[np.intersect1d(models[letter], scenes[name])].reset_index(drop=True) for name in names}

  return Splits(images("A", "train", "validation", "test"), images("B", "train", "validation"), images("C", "test"))


def require(b: dict[str, PatchSet], config: ConfigDict) -> None:
  """Raises UserError for patches that give the scorer of pairs, hours later, too little to learn or to judge by."""
  for name, part in b.items():
    try:
      learning.nested(part)
      if name == "train" and (mixed := learning.drawn_from(part)):
        pairs.nests(learning.sources(part), part.image, mixed)
    except ValueError as error:
      raise UserError(f"the {name} images of the models that teach the scorer: {error}") from None
  splicing.require(b["validation"].image, config.evaluate.map_false_alarm)


def assemble(
  networks: learning.Networks, matcher: State, zero: float, classes: int, config: ConfigDict
) -> FittedSimilarity:
  """All that is needed to compare patches, on this process.

  The scatter and the limit are to be measured (`image_scores.scatter_of`, `splicing.limit_of`).
  """
  settings, pair = config.extractor, config.scorer.network
  return FittedSimilarity(
    size=config.input.size,
    count=config.input.count,
    colours=settings.colours,
    truncation=settings.truncation,
    last_pool=settings.last_pool,
    constrained=settings.constrained,
    block_shares=settings.block_shares,
    classes=classes,
    tile_front=fitted.TILE_FRONT,
    variables=variables(networks.extractor),
    tiles=variables(networks.tile_extractor) if config.scorer.use_tile_posteriors else {},
    kind=config.scorer.kind,
    hidden=pair.hidden,
    width=pair.width,
    product=pair.product,
    scorer={"params": mesh.to_host(matcher.params)},
    zero=zero,
    scatter=0.0,
    entropy=config.input.entropy,
    saturated=config.input.saturated,
    threshold=THRESHOLD,
    limit=1 - THRESHOLD,
    dtype=config.dtype,
  )
