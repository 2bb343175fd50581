"""What systems that learn from patches of images have in common.

Shapes: p patches, m images, d features, c classes.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from flax import linen as nn
from jaxtyping import Float, Int
from ml_collections import ConfigDict

from fsim.boundary.errors import UserError
from fsim.data import cache, mixture, patches
from fsim.data.patches import Cache, Choice
from fsim.systems.dataset import ImageSet
from fsim.train import classify, feed
from fsim.train.classify import Labelled
from fsim.train.context import Context
from fsim.train.schedule import Schedule
from fsim.train.step import State


class PatchSet(NamedTuple):
  """The images of one side that have patches, their patches' numbers, and for each patch the place of its image.

  n_unusable: number of images without any usable patch.
  """

  table: pd.DataFrame
  numbers: Int[np.ndarray, " p"]
  image: Int[np.ndarray, " p"]
  n_unusable: int


def open_patches(dataset: ImageSet, config: ConfigDict) -> Cache:
  settings = config.input
  choice = Choice(**{name: settings[name] for name in Choice._fields})
  home = cache.home(config.data.folder)
  images = dataset.images
  return patches.open_cache(images.records, dataset.table["row"].to_numpy(), images.data_digest, choice, home)


def patches_of(cache: Cache, table: pd.DataFrame) -> PatchSet:
  """Patches are taken of images that the protocol has already put on a side: none can stand on two."""
  rows = table["row"].to_numpy()
  usable = cache.found[rows] > 0
  table = table[usable].reset_index(drop=True)
  numbers = cache.numbers(rows[usable])
  return PatchSet(table, numbers, np.repeat(np.arange(len(table)), cache.found[rows[usable]]), int((~usable).sum()))


def require(parts: dict[str, PatchSet], classes: list[str], column: str) -> None:
  """Raises UserError for sides that cannot be learned from or tested, before time is spent on training.

  column: of the table, whose values (models, say) are the classes.
  """
  if len(classes) < 2:
    raise UserError(f"two {column}s or more are needed to tell them apart; the training images are of {len(classes)}")
  trained = set(parts["train"].table[column])
  missing = sorted(set(classes) - trained)
  if missing:
    raise UserError(f"the training images of {', '.join(missing)} have no usable patches (see the fields of input)")
  for name, part in parts.items():
    unknown = sorted(set(part.table[column]) - trained)
    if unknown or part.table.empty:
      unlearned = f"are of {column}s that nothing is trained on: {', '.join(unknown)}"
      cause = unlearned if unknown else "have no usable patches"
      raise UserError(f"the {name} images {cause} (see data.protocol, its settings, and input)")


def places(part: PatchSet, classes: list[str], column: str) -> Int[np.ndarray, " m"]:
  """Class numbers of the images."""
  return pd.Categorical(part.table[column], classes).codes.astype(np.int64)


def labelled(part: PatchSet, classes: list[str], column: str, each: int = 1) -> Labelled:
  """Patches, or `each` tiles of every patch, numbered through, with the places of their images' classes."""
  repeated = np.repeat(part.image, each)
  numbers = (part.numbers[:, None] * each + np.arange(each)).ravel()
  sources = mixture.drawn_from(part.table)
  sources = sources and sources._replace(number=sources.number[repeated])
  return Labelled(numbers, places(part, classes, column)[repeated].astype(np.int32), sources)


def seen(
  net: nn.Module, state: State, batch: int, context: Context, cache: Cache, part: PatchSet
) -> tuple[Float[np.ndarray, "p d"], Float[np.ndarray, "p c"]]:
  """Features and logits that the trained network gives for the patches of a part, in their order."""
  pixels = feed.Pixels(context, cache.stored())
  return classify.embed(net, state, pixels, part.numbers, batch, context.layout, desc="features")


def classify_patches(
  net: nn.Module,
  cache: Cache,
  parts: dict[str, PatchSet],
  classes: list[str],
  column: str,
  schedule: Schedule,
  context: Context,
) -> classify.Phase:
  """The phase that trains a network to name the class of each patch."""
  learned = [labelled(parts[name], classes, column) for name in ("train", "validation")]
  pixels = feed.resident(cache.stored(), np.concatenate([some.rows for some in learned]), context)
  phase = classify.phase(net, pixels, *learned, schedule, context)
  return phase._replace(name="patch")
