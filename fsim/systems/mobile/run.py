"""Phones and their cameras from small patches (Freire-Obregón et al. 2018): the phases of a run in order."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from ml_collections import ConfigDict

from fsim.boundary.errors import UserError
from fsim.data import splits
from fsim.data.dresden.pattern import phone
from fsim.metrics import classification, votes
from fsim.metrics.classification import Classification
from fsim.models.mobile import PhoneNet, require_known
from fsim.report import page
from fsim.systems import patch_dataset
from fsim.systems.augmenting import augmented
from fsim.systems.dataset import divided, open_dataset, weaker
from fsim.systems.entrance import entrance
from fsim.systems.mobile import report
from fsim.systems.patch_dataset import PatchSet
from fsim.train import schedule
from fsim.train.context import Context
from fsim.train.loop import fit

LEVELS = {"model": "phone", "sensor": "device"}  # data.level -> the column whose values are the classes.
NOTE = (
  " Test images are other images of the very cameras that were trained on: whether the model, the device or what it "
  "usually photographs was recognised cannot be said."
)


@entrance
def experiment(config: ConfigDict, context: Context) -> Path:
  """Phone or camera identification (Freire-Obregón et al. 2018). Returns the page (on the first process)."""
  column = column_of(config.data.level)
  dataset = open_dataset(config.data.source, config, context.workdir)
  sides = sides_of(dataset.table, config)
  classes = sorted(sides["train"][column].unique())
  net, training = network(len(classes), config), schedule.of(config.extractor)
  dataset = augmented(dataset, sides["train"], config, context.workdir)
  cache = patch_dataset.open_patches(dataset, config)
  parts = {name: patch_dataset.patches_of(cache, side) for name, side in sides.items()}
  patch_dataset.require(parts, classes, column)

  phase = patch_dataset.classify_patches(net, cache, parts, classes, column, training, context)
  state = fit(phase, context)

  test, truth = parts["test"], patch_dataset.places(parts["test"], classes, column)
  _, logits = patch_dataset.seen(net, state, training.batch, context, cache, test)
  if jax.process_index() > 0:
    return context.workdir
  classification.save(context.workdir, classify_all(logits, test, truth, classes))
  voting(logits, test, truth, config).to_csv(context.workdir / "voting.csv", index=False)
  return page.build(context.workdir, report.sections)


def column_of(level: str) -> str:
  """Raises UserError for a level that there is not."""
  if level not in LEVELS:
    raise UserError(f"data.level must be one of {', '.join(LEVELS)}, got {level!r}")
  return LEVELS[level]


def sides_of(table: pd.DataFrame, config: ConfigDict) -> dict[str, pd.DataFrame]:
  """One fold tests, the next one validates, the others train; images (and scenes) are on one side each.

  The tables have the column phone as well. Raises UserError for settings that leave none to train.
  """
  data = config.data
  if not (data.folds > 2 and 0 <= data.fold < data.folds):
    raise UserError(f"data.folds must be 3 or more and data.fold one of them, got {data.folds} and {data.fold}")
  folds = divided(table, config, splits.FOLD)
  tested, validated = folds[data.fold], folds[(data.fold + 1) % data.folds]["test"]
  train = np.setdiff1d(tested["train"], validated)
  rows = {"train": train, "validation": validated, "test": tested["test"]}
  splits.require_disjoint(table, rows, *splits.PROTOCOLS[weaker(data.protocol)].promises)
  table = table.assign(phone=table["model"].map(phone))
  return {name: table.iloc[own].reset_index(drop=True) for name, own in rows.items()}


def network(classes: int, config: ConfigDict) -> PhoneNet:
  """Raises UserError for a network that there is not."""
  own = config.extractor
  settings = {"kind": own.kind, "depth": own.depth, "activation": own.activation, "dropout": own.dropout}
  net = PhoneNet(classes, **settings, front=config.input.front, dtype=jnp.dtype(config.dtype))
  require_known(net)
  return net


def classify_all(
  logits: Float[np.ndarray, "p c"], part: PatchSet, own: Int[np.ndarray, " m"], classes: list[str]
) -> list[Classification]:
  """Images by their patches' mean probabilities and by votes, and patches alone."""
  probabilities = votes.softmax(logits)
  images, alone = part.table, part.table.iloc[part.image]
  averaged = votes.count(probabilities, part.image, len(images))
  voted = votes.count(votes.majority(logits), part.image, len(images))
  left = f" {part.n_unusable} test images have no usable patch and are left out." if part.n_unusable else ""
  sets = [
    ("images, mean softmax", "The network's probabilities, averaged over patches.", images, averaged, own),
    ("images, majority", "Each patch votes for its likeliest class.", images, voted, own),
    ("patches", "Each patch alone.", alone, probabilities, own[part.image]),
  ]
  return [
    Classification(
      name, note + left + NOTE, name.split(",")[0], classes, classification.answers(table, scores, truth, classes)
    )
    for name, note, table, scores, truth in sets
  ]


def voting(
  logits: Float[np.ndarray, "p c"], part: PatchSet, own: Int[np.ndarray, " m"], config: ConfigDict
) -> pd.DataFrame:
  ballots = {"mean softmax": votes.softmax(logits), "majority": votes.majority(logits)}
  return votes.curve(ballots, part.image, own, config.input.count, config.evaluate.draws, config.seed)
