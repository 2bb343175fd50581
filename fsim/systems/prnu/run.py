"""Cameras from noise patterns (Athanasiadou et al. 2018), beside the classical matcher: the phases in order."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jaxtyping import Float
from ml_collections import ConfigDict

from fsim.boundary.errors import UserError
from fsim.data import cache
from fsim.data.patches import Stored
from fsim.metrics import classification
from fsim.metrics.classification import Classification
from fsim.models import alexnet
from fsim.models.alexnet import AlexNet
from fsim.prnu.patterns import open_patterns
from fsim.prnu.residuals import DEFAULT, require_size
from fsim.report import page
from fsim.systems.dataset import ImageSet, labelled, open_dataset, split
from fsim.systems.entrance import entrance
from fsim.systems.prnu import matcher, report, within_model
from fsim.systems.prnu.matcher import Square
from fsim.train import classify, feed, schedule
from fsim.train.context import Context
from fsim.train.loop import Phase, fit
from fsim.train.schedule import Schedule
from fsim.train.step import State

Parts = dict[str, ImageSet]  # Side -> its images.
Models = dict[str, str]  # Camera -> its model, in the order of the classes.


@entrance
def experiment(config: ConfigDict, context: Context) -> Path:
  """Camera identification from noise patterns. Returns the page of the report (on the first process)."""
  alexnet.require_known(config.extractor.kind, config.extractor.norm)
  require_size(config.input.size, config.input.size)
  dataset = open_dataset(config.data.source, config, context.workdir, aligned=True)
  table = choose_cameras(dataset.table, config.data.one_model, config.data.devices)
  divided = split(table, config, known="device")
  sides = {name: table.iloc[rows].reset_index(drop=True) for name, rows in divided.items()}
  models = sides["train"].drop_duplicates("device").set_index("device")["model"].sort_index().to_dict()
  require(sides, models)
  parts = {name: dataset._replace(table=side) for name, side in sides.items()}

  patterns = patterns_of(parts, config)
  own = config.extractor
  net = AlexNet(len(models), own.kind, own.width, own.norm, jnp.dtype(config.dtype))
  training = schedule.of(config.extractor)
  state = fit(classify_patterns(net, patterns, parts, list(models), training, context), context)

  logits = logits_of(net, state, patterns, parts["test"], training.batch, context)
  if jax.process_index() > 0:
    return context.workdir
  size = config.input.size
  note = f"AlexNet ({net.kind}) on the noise pattern of the central {size}x{size} pixels."
  answers, compared = [classified("network", note, parts["test"], logits, models)], []
  for name, square in {
    "matcher, same patterns": Square(size, size),
    "matcher, whole images": matcher.common(table, config.evaluate.largest),
  }.items():
    pces = match(square, parts, models, context.workdir / "fingerprints" / str(square))
    note = f"The camera with the largest aligned PCE, on the central {square} pixels."
    answers.append(classified(name, note, parts["test"], pces, models))
    compared.append(matcher.comparisons(parts["test"].table, pces, models).assign(classification=name))
  classification.save(context.workdir, answers)
  pd.concat(compared, ignore_index=True).to_parquet(context.workdir / "pce.parquet")
  return page.build(context.workdir, report.sections)


def choose_cameras(table: pd.DataFrame, model: str, count: int) -> pd.DataFrame:
  """The images of `count` cameras (0: all), of one model (empty: of all): those with most images, then by name.

  Raises UserError for a model that has not two devices, and for more cameras than there are.
  """
  devices = table.groupby("model")["device"].nunique()
  if model and devices.get(model, 0) < 2:
    there = ", ".join(sorted(devices.index[devices > 1])) or "none"
    raise UserError(f"data.one_model must be a model with two devices or more, got {model!r}; there are {there}")
  table = table[table["model"] == model] if model else table
  images = table["device"].value_counts().sort_index().sort_values(ascending=False, kind="stable")
  if count == 1 or not 0 <= count <= len(images):
    raise UserError(f"data.devices must be 2 to {len(images)}, or 0 for all of them, got {count}")
  return table[table["device"].isin(images.index[: count or None])].reset_index(drop=True)


def require(sides: dict[str, pd.DataFrame], models: Models) -> None:
  """Raises UserError unless there are images of two trained cameras to validate and to test, before time is spent."""
  for name, table in sides.items():
    unknown = sorted(set(table["device"]) - set(models))
    if unknown:
      raise UserError(f"the {name} images hold cameras that are not trained on: {', '.join(unknown)}")
    if table["device"].nunique() < 2:
      raise UserError(f"the {name} images are of {table['device'].nunique()} cameras; two or more are needed")


def patterns_of(parts: Parts, config: ConfigDict) -> Stored:
  """The residual patterns of all sides, each by the row of its image: which may be trained on is the split's matter."""
  rows = np.sort(np.concatenate([part.table["row"].to_numpy() for part in parts.values()]))
  home = cache.home(config.data.folder)
  images = parts["train"].images
  return open_patterns(images.records, rows, images.data_digest, config.input.size, DEFAULT, home)


def classify_patterns(
  net: AlexNet, patterns: Stored, parts: Parts, classes: list[str], training: Schedule, context: Context
) -> Phase:
  learned = {name: labelled(parts[name], "device", classes) for name in ("train", "validation")}
  pixels = feed.resident(patterns, np.concatenate([some.rows for some in learned.values()]), context)
  phase = classify.phase(net, pixels, learned["train"], learned["validation"], training, context)
  return phase._replace(name="pattern")


def logits_of(
  net: AlexNet, state: State, patterns: Stored, part: ImageSet, batch: int, context: Context
) -> Float[np.ndarray, "n c"]:
  pixels = feed.Pixels(context, patterns)
  return classify.embed(net, state, pixels, part.table["row"].to_numpy(), batch, context.layout)[1]


def match(square: Square, parts: Parts, models: Models, folder: Path) -> Float[np.ndarray, "n c"]:
  """PCE of every test image with the fingerprint of every camera's training images, which are kept in `folder`."""
  records = parts["test"].images.records
  prints = matcher.fingerprints_of(parts["train"].table, records, list(models), square, DEFAULT, folder)
  return matcher.compare(parts["test"].table, records, prints, DEFAULT)


def classified(
  name: str, note: str, part: ImageSet, scores: Float[np.ndarray, "n c"], models: Models
) -> Classification:
  classes = list(models)
  answers = classification.answers(part.table, scores, labelled(part, "device", classes).labels, classes)
  answers = within_model.with_models(answers, models).assign(subset=part.table["subset"].to_numpy())
  return Classification(name, note, "images", classes, answers)
