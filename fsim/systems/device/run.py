"""Device-based image matching (Bennabhaktula et al. 2020), and sensor noise: the phases of a run in order."""

from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from ml_collections import ConfigDict

from fsim.boundary import progress
from fsim.data import cache, jpeg
from fsim.data.loader import CentreCrop, TrainingCrop
from fsim.metrics import matrix, rates, scores
from fsim.models.extractors import SignatureNet
from fsim.models.scorers import HadamardScorer
from fsim.prnu import compact
from fsim.prnu.compact import Patterns
from fsim.prnu.residuals import require_size
from fsim.report import page
from fsim.store import SignatureStore
from fsim.systems.augmenting import augmented
from fsim.systems.dataset import ImageSet, labelled, open_dataset, require_pairs, split
from fsim.systems.device import noise, predictor, report, result
from fsim.systems.device.noise import Gallery, Parts, Weights
from fsim.systems.device.predictor import WIDTH, DevicePredictor
from fsim.systems.device.result import Evaluation
from fsim.systems.entrance import entrance
from fsim.train import classify, compare, mesh, schedule
from fsim.train.classify import Labelled
from fsim.train.compare import LabelledSignatures
from fsim.train.context import Context
from fsim.train.feed import Cuts
from fsim.train.loop import fit
from fsim.train.step import State, variables

CHUNK = 256  # Images between two writes to the signature database.


@entrance
def experiment(config: ConfigDict, context: Context) -> Path:
  """Two-part device matching (Bennabhaktula et al. 2020). Returns the page of the report (on the first process)."""
  if config.noise.size:
    require_size(config.noise.size, config.noise.size)
  dataset = open_dataset(config.data.source, config, context.workdir, smallest=config.noise.size)
  sides = split(dataset.table, config)
  plain = {name: dataset.select(rows) for name, rows in sides.items()}  # What a sensor leaves is in no copy.
  dataset = augmented(dataset, dataset.table.iloc[sides["train"]], config, context.workdir)
  parts = {name: dataset.select(rows) for name, rows in sides.items()}
  tests = {"test": parts["test"]}
  if config.evaluate.external:
    place = context.workdir / "external"
    tests["external"] = open_dataset(config.evaluate.external, config, place, smallest=config.noise.size)
  for name, part in {"validation": parts["validation"], **tests}.items():
    require_pairs(name, part.table)
  classes = sorted(parts["train"].table["device"].unique())

  net = SignatureNet(classes=len(classes), front=config.input.front, dtype=jnp.dtype(config.dtype))
  learned = {name: labelled(parts[name], "device", classes) for name in ("train", "validation")}
  records = dataset.images.records
  size = config.input.size
  cuts = Cuts(context, TrainingCrop(records, size, config.input.crop), CentreCrop(records, size))
  training = schedule.of(config.extractor)
  phase_a = classify.phase(net, cuts, learned["train"], learned["validation"], training, context)
  signer = fit(phase_a, context)

  sign = SignatureCache(net, signer, config.input.size, training.batch, context)
  signatures = {name: LabelledSignatures(sign(parts[name]), learned[name].labels) for name in learned}
  scorer, matcher = matched(signatures, config, context)
  gallery = enrol(plain["train"], learned["train"], len(classes), config)

  def compared(part: ImageSet) -> Parts:
    patterns = patterns_of(part, config) if gallery else None
    return noise.parts(compare.all_pairs(scorer, matcher, sign(part)), patterns, patterns, gallery)

  validated, sources = compared(parts["validation"]), learned["validation"].labels
  same = sources[:, None] == sources
  weights = noise.learn(validated, same) if gallery else noise.NETWORK_ALONE
  threshold = choose_threshold(noise.combined(validated, weights), same)
  evaluations = []
  for name, part in tests.items():
    evaluations.append(evaluate(name, part, compared(part), weights, threshold, config))
    save_thumbnails(context.workdir / "thumbnails" / name, part, evaluations[-1], config.evaluate.errors)
  if jax.process_index() > 0:
    return context.workdir
  known = assemble(net, signer, matcher, threshold, config)
  predictor.save(context.workdir, known._replace(gallery=gallery, weights=weights))
  result.save(context.workdir, evaluations)
  return page.build(context.workdir, report.sections)


def matched(
  signatures: dict[str, LabelledSignatures], config: ConfigDict, context: Context
) -> tuple[HadamardScorer, State]:
  """The second phase: a similarity network that has learned from pairs of signatures (section 3.2)."""
  scorer = HadamardScorer(width=config.scorer.width)
  sampler = compare.every_pair(signatures["train"], config.scorer.batch, config.seed)
  pairs = np.stack(np.triu_indices(len(signatures["validation"].signatures), 1), 1)
  judging = schedule.of(config.scorer)
  phase = compare.phase(scorer, signatures["train"], sampler, signatures["validation"], pairs, judging, context)
  return scorer, fit(phase, context)


def enrol(train: ImageSet, learned: Labelled, classes: int, config: ConfigDict) -> Gallery | None:
  """Fingerprints of the training devices, where noise is looked at."""
  return noise.enrol(patterns_of(train, config), learned.labels, classes) if config.noise.size else None


def patterns_of(part: ImageSet, config: ConfigDict) -> Patterns:
  """The noise patterns of some images, which are made once for all runs on the same images."""
  table, images = part.table, part.images
  rows = table["row"].to_numpy()
  home = cache.home(config.data.folder)
  stored = compact.open_compact(images.records, rows, images.data_digest, config.noise.size, home)
  packed = np.stack([stored(row) for row in rows])
  return compact.placed(packed, table["width"].to_numpy(), table["height"].to_numpy())


class SignatureCache(NamedTuple):
  """Images -> signatures by way of the run's database: what is known there is not computed again."""

  net: SignatureNet
  state: State
  size: int
  batch: int
  context: Context

  def __call__(self, part: ImageSet) -> Float[np.ndarray, "n d"]:
    checkpoint = params_digest(self.state.params)
    n = len(part.table)
    known = mesh.from_first(
      lambda: part.table["sha256"].isin(self.store().known(checkpoint)).to_numpy(), np.zeros(n, bool)
    )
    fresh = part.table[~known]
    chunks = range(0, len(fresh), CHUNK)
    for first in progress.bar(chunks, desc="signing", unit="chunk", disable=jax.process_index() > 0 or not chunks):
      some = fresh.iloc[first : first + CHUNK]
      rows = some["row"].to_numpy()
      cuts = Cuts(self.context, None, CentreCrop(part.images.records, self.size))
      vectors, _ = classify.embed(self.net, self.state, cuts, rows, self.batch, self.context.layout)
      if jax.process_index() == 0:
        self.store().add(some, checkpoint, vectors)
    return mesh.from_first(lambda: self.store().get(part.table, checkpoint), np.zeros((n, WIDTH), np.float32))

  def store(self) -> SignatureStore:
    """The database; only the first process opens it."""
    return SignatureStore(self.context.workdir, WIDTH)


def params_digest(params: dict) -> str:
  """A short name of a set of weights, by which signatures know the network that made them."""
  return mesh.digest(params)[:16]


def choose_threshold(log_odds: Float[np.ndarray, "n n"], same: Bool[np.ndarray, "n n"]) -> float:
  """Best F1 on the pairs of validation images; never on what is reported."""
  upper = np.triu_indices(len(same), 1)
  return scores.best_f1_threshold(same[upper], scores.sigmoid(log_odds[upper]))


def assemble(net: SignatureNet, signer: State, matcher: State, threshold: float, config: ConfigDict) -> DevicePredictor:
  """The networks, as they score two images, on this process."""
  return DevicePredictor(
    classes=net.classes,
    size=config.input.size,
    front=net.front,
    dtype=config.dtype,
    width=config.scorer.width,
    threshold=threshold,
    noise=config.noise.size,
    network=variables(signer),
    scorer={"params": mesh.to_host(matcher.params)},
    gallery=None,
    weights=noise.NETWORK_ALONE,
  )


def evaluate(
  name: str, part: ImageSet, parts: Parts, weights: Weights, threshold: float, config: ConfigDict
) -> Evaluation:
  """Algorithm 1, rates and intervals on one set of images: of what is combined, and of each part alone."""
  settings = config.evaluate
  images, log_odds = part.table.reset_index(drop=True), noise.combined(parts, weights)
  pairs = with_parts(scores.pair_table(images, log_odds), parts)
  similarity = matrix.similarity_matrix(images, scores.sigmoid(log_odds), threshold, settings.draws, config.seed)
  models = images.drop_duplicates("device").set_index("device")["model"]
  lines = rates.rates(pairs, settings.resamples, config.seed)
  alone = {
    part: rates.rates(pairs.assign(logit=pairs[part]), settings.resamples, config.seed)
    for part in (parts._fields if config.noise.size else ())
  }
  note = f"{len(images):,} images of {config.data.source if name == 'test' else settings.external}."
  return Evaluation(name, note, threshold, similarity, models[similarity.devices].tolist(), lines, alone, pairs)


def with_parts(pairs: pd.DataFrame, parts: Parts) -> pd.DataFrame:
  """The table of pairs with a column a part."""
  i, j = pairs["row_a"].to_numpy(), pairs["row_b"].to_numpy()
  return pairs.assign(**{part: values[i, j].astype(np.float64) for part, values in parts._asdict().items()})


def save_thumbnails(folder: Path, part: ImageSet, evaluation: Evaluation, count: int) -> None:
  if jax.process_index() > 0:
    return
  errors = scores.worst_errors(evaluation.pairs, evaluation.threshold, count)
  for row in set(errors["row_a"]) | set(errors["row_b"]):
    report.save_thumbnail(folder, row, jpeg.decode(part.images.records[int(part.table.iloc[row]["row"])]))
