"""Forensic source similarity (Mayer & Stamm 2018): the phases of a run in order.

Shapes: p patches, d features.
"""

from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from flax import linen as nn
from jaxtyping import Float, Int
from ml_collections import ConfigDict
from sklearn.metrics import roc_curve

from fsim.boundary.errors import UserError
from fsim.data import mixture, pairs, splits
from fsim.data.loader import Sources
from fsim.data.patches import Cache
from fsim.models import scorers
from fsim.models.mislnet import MislNet
from fsim.report import page
from fsim.systems import patch_dataset
from fsim.systems.augmenting import augmented
from fsim.systems.dataset import open_dataset, split
from fsim.systems.entrance import entrance
from fsim.systems.model import fitted, report, similarity, splicing, test_sets, tiles
from fsim.systems.model.fitted import FittedSimilarity
from fsim.systems.patch_dataset import PatchSet
from fsim.train import compare, mesh, optimisers
from fsim.train.compare import LabelledSignatures
from fsim.train.loop import Phase, fit
from fsim.train.mesh import Layout
from fsim.train.metrics import MetricWriter
from fsim.train.step import State, variables

VALIDATION_PAIRS = 10_000  # Pairs that validate the scorer of pairs.
THRESHOLD = 0.5  # Of the probability that two patches are of one model (section 4).


class Splits(NamedTuple):
  """Images by what they are for: no model stands on two of a, b and c, and no scene on two sides of any.

  a: "train", "validation" and "test" of the models that the extractor learns; b: "train" and "validation" of those that
  the scorer of pairs learns from; c: "test" of models that nothing learns.
  """

  a: dict[str, pd.DataFrame]
  b: dict[str, pd.DataFrame]
  c: dict[str, pd.DataFrame]


class Networks(NamedTuple):
  """Both networks, and what they make of patches; the one on tiles and its posteriors may be absent."""

  extractor: State
  tile_extractor: State | None
  extract: test_sets.Embed
  tile_posteriors: test_sets.TilePosteriors | None


@entrance
def experiment(config: ConfigDict, workdir: Path) -> Path:
  """Are two patches of one camera model? Returns the page of the report (on the first process)."""
  optimisers.require_known(config.extractor, config.scorer, config.tile_extractor)
  tiles.require(config)
  layout = mesh.layout()
  writer = MetricWriter(workdir)
  dataset = open_dataset(config.data.source, config, workdir)
  sides = divide(dataset.table, config)
  dataset = augmented(subjects, pd.concat([sides.a["train"], sides.b["train"]]), config, workdir)
  classes = sorted(sides.a["train"]["model"].unique())
  scorer = pair_scorer(config, len(classes))
  cache = patch_dataset.open_patches(dataset, config)
  a, b, c = ({name: patch_dataset.patches_of(cache, table) for name, table in side.items()} for side in sides)
  require(a, b, classes, config)
  tested = [test_sets.internal(cache, a["test"], c["test"], config)]
  if config.evaluate.external:
    tested.append(test_sets.external(config, workdir))

  networks = learn_models(cache, a, classes, config, workdir, writer, layout)
  extract, tile_posteriors, fused = networks.extract, networks.tile_posteriors, config.scorer.use_tile_posteriors
  taught = {
    name: test_sets.embed(extract, tile_posteriors if fused else None, fused, cache, part).features
    for name, part in b.items()
  }
  signatures = {name: labelled_signatures(taught[name], part) for name, part in b.items()}
  matcher, centre = learn_pairs(scorer, signatures, b, config, workdir, writer, layout)
  zero = centre if config.scorer.recentre else 0.0
  writer.close()

  seen = [test_sets.embed(extract, tile_posteriors, fused, test_set.cache, test_set.part) for test_set in tested]
  if jax.process_index() > 0:
    return workdir
  whole = assemble(networks, matcher, zero, len(classes), config)
  authentic = taught["validation"], b["validation"].image
  whole = whole._replace(limit=splicing.limit_of(whole, *authentic, config.evaluate.map_false_alarm))
  fitted.save(workdir / "predictor", whole)
  found = [test_sets.evaluate(test_set, whole, own, config) for test_set, own in zip(tested, seen, strict=True)]
  similarity.save(workdir, found)
  return page.build(workdir, report.sections)


def divide(table: pd.DataFrame, config: ConfigDict) -> Splits:
  """Models by `model_disjoint`, scenes by data.protocol; of a mixture, virtual and real ones apart."""
  own = partial(splits.model_disjoint, seed=config.seed, sizes=tuple(config.data.sizes), subset=config.data.subset)
  models = mixture.divide(table, own, check=partial(splits.kept, "model_disjoint", table))
  scenes = split(table, config, known="model")

  def images(letter: str, *names: str) -> dict[str, pd.DataFrame]:
    return {name: table.iloc[np.intersect1d(models[letter], scenes[name])].reset_index(drop=True) for name in names}

  return Splits(images("A", "train", "validation", "test"), images("B", "train", "validation"), images("C", "test"))


def require(a: dict[str, PatchSet], b: dict[str, PatchSet], classes: list[str], config: ConfigDict) -> None:
  """Raises UserError for patches that give one of the phases, hours later, too little to learn or to judge by."""
  patch_dataset.require(a, classes, "model")
  for name, part in b.items():
    try:
      nested(part)
      if name == "train" and (mixed := drawn_from(part)):
        pairs.nests(sources(part), part.image, mixed)
    except ValueError as error:
      raise UserError(f"the {name} images of the models that teach the scorer: {error}") from None
  splicing.require(b["validation"].image, config.evaluate.map_false_alarm)


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


def mislnet(classes: int, config: ConfigDict) -> MislNet:
  settings = config.extractor
  return MislNet(
    classes=classes,
    colours=settings.colours,
    truncation=settings.truncation,
    last_pool=settings.last_pool,
    constrained=settings.constrained,
    dtype=jnp.dtype(config.dtype),
  )


def pair_scorer(config: ConfigDict, classes: int) -> nn.Module:
  """classes: camera models that the features were learned from."""
  sizes = fitted.kinds(True, config.scorer.use_tile_posteriors, classes)
  return scorers.forensic(config.scorer.kind, sizes, config.scorer.network)


def learn_models(
  cache: Cache,
  a: dict[str, PatchSet],
  classes: list[str],
  config: ConfigDict,
  workdir: Path,
  writer: MetricWriter,
  layout: Layout,
) -> Networks:
  """Trains the extractor and, unless tile_extractor.epochs is 0, the network on tiles."""
  net = mislnet(len(classes), config)
  phase = patch_dataset.classify_patches(net, cache, a, classes, "model", config, layout)
  extractor = fit(phase._replace(name="extractor"), workdir, writer, layout)
  tile_extractor = tiles.learned(cache, a, classes, config, workdir, writer, layout)
  tile_posteriors = (
    partial(tiles.sqrt_posteriors, tile_extractor, len(classes), config, layout) if tile_extractor else None
  )
  return Networks(
    extractor, tile_extractor, partial(patch_dataset.seen, net, extractor, config, layout), tile_posteriors
  )


def labelled_signatures(features: Float[np.ndarray, "p d"], part: PatchSet) -> LabelledSignatures:
  """Features with the numbers of their models."""
  return LabelledSignatures(features, sources(part))


def learn_pairs(
  scorer: nn.Module,
  signatures: dict[str, LabelledSignatures],
  parts: dict[str, PatchSet],
  config: ConfigDict,
  workdir: Path,
  writer: MetricWriter,
  layout: Layout,
) -> tuple[State, float]:
  """Trains the scorer of pairs; it, and the logit that would centre it (see `zero_of`)."""
  validation_pairs = pairs.balanced_batch(nested(parts["validation"]), VALIDATION_PAIRS, config.seed, 0)
  matcher = fit(compare_patches(scorer, signatures, parts, validation_pairs, config, layout), workdir, writer, layout)
  return matcher, zero_of(scorer, matcher, signatures["validation"], validation_pairs)


def compare_patches(
  scorer: nn.Module,
  signatures: dict[str, LabelledSignatures],
  parts: dict[str, PatchSet],
  validation_pairs: Int[np.ndarray, "v 2"],
  config: ConfigDict,
  layout: Layout,
) -> Phase:
  """The phase that trains the scorer of pairs on frozen features (section 3)."""
  step = config.scorer
  images, mixed = parts["train"].image, drawn_from(parts["train"])
  sampler = compare.balanced(signatures["train"], images, step.batch, config.seed, step.pairs, mixed)
  return compare.phase(scorer, signatures["train"], sampler, signatures["validation"], validation_pairs, config, layout)


def zero_of(
  scorer: nn.Module, matcher: State, validation: LabelledSignatures, validation_pairs: Int[np.ndarray, "v 2"]
) -> float:
  """The logit from which most of the validation pairs, half of them of one model, are decided rightly."""
  logits = compare.some_pairs(scorer, matcher, validation.signatures, validation_pairs)
  false, true, limits = roc_curve(
    validation.sources[validation_pairs[:, 0]] == validation.sources[validation_pairs[:, 1]], logits
  )
  return float(limits[1 + np.argmax((true - false)[1:])])  # The first limit is infinite.


def assemble(networks: Networks, matcher: State, zero: float, classes: int, config: ConfigDict) -> FittedSimilarity:
  """All that is needed to compare patches, on this process. The limit is to be measured (`splicing.limit_of`)."""
  settings, pair = config.extractor, config.scorer.network
  return FittedSimilarity(
    size=config.input.size,
    count=config.input.count,
    colours=settings.colours,
    truncation=settings.truncation,
    last_pool=settings.last_pool,
    constrained=settings.constrained,
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
    entropy=config.input.entropy,
    saturated=config.input.saturated,
    threshold=THRESHOLD,
    limit=1 - THRESHOLD,
    dtype=config.dtype,
  )
