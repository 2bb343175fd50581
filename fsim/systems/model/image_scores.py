"""Do two images come from one camera model? The log-odds of the means of their patches' features.

Shapes: n patches, d features, m images, p pairs of images.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from fsim.boundary import progress
from fsim.metrics import rates as error_rates
from fsim.systems.model import fitted, model_pair_accuracy
from fsim.systems.model.fitted import FittedSimilarity
from fsim.systems.model.model_pair_accuracy import INTERVAL
from fsim.systems.model.similarity import paired

TOGETHER = 8  # Images whose patches are compared with each other's at once.
Features = Sequence[Float[np.ndarray, "_ d"]]  # Of the patches of each image.
ImageLogOdds = Callable[[Features, Features], Float[np.ndarray, "m m"]]


class Decided(NamedTuple):
  """What is said of pairs of images.

  pairs: all of them, with their log-odds. Columns: those of `similarity.paired`, a and b being the images' places in
  the order of their first patches, and log_odds.
  curve: accuracy and AUC of all pairs against the number of patches taken of each image, by group of models. Columns:
  group, patches, images, and accuracy, accuracy_low, ..._high, auc, auc_low, auc_high (mean and 95 % of the draws; AUC
  NaN where a group lacks same or different models).
  """

  pairs: pd.DataFrame
  curve: pd.DataFrame


def decide(
  patches: pd.DataFrame,
  features: Float[np.ndarray, "n d"],
  compare: ImageLogOdds,
  sizes: Sequence[int],
  draws: int,
  seed: int,
) -> Decided:
  """Compares every two images by their first max(sizes) patches, and by fewer.

  patches: one row a patch, as `similarity.draw_pairs` takes it. For the curve, the patches of every image come in a
  random order in each draw and the first k of `sizes` count, or all where there are fewer.
  """
  number, first = pd.factorize(patches["image"].to_numpy())[0], patches["image"].drop_duplicates().index
  own = [features[np.flatnonzero(number == k)[: max(sizes)]] for k in range(len(first))]
  rng = np.random.default_rng(seed)
  turns = [[some[rng.permutation(len(some))] for some in own] for _ in range(draws)]
  pairs = paired(patches.loc[first].reset_index(drop=True), *np.triu_indices(len(own), 1))
  parts = [_compared(compare, [some[:size] for some in turn]) for size in sizes for turn in turns]
  curve = _curve(patches, pairs, sizes, np.stack(parts).reshape(len(sizes), draws, -1))
  return Decided(pairs.assign(log_odds=_compared(compare, own)), curve)


def _compared(compare: ImageLogOdds, own: Features) -> Float[np.ndarray, " p"]:
  """Of every pair of images, in the order of triu_indices."""
  return compare(own, own)[np.triu_indices(len(own), 1)]


def _curve(
  patches: pd.DataFrame, pairs: pd.DataFrame, sizes: Sequence[int], values: Float[np.ndarray, "sizes draws p"]
) -> pd.DataFrame:
  rows = []
  for group in model_pair_accuracy.groups(patches["side"].tolist()):
    own = model_pair_accuracy.of_group(pairs, group)
    if len(own):
      count = len(np.unique(own[["a", "b"]]))
      rows += [
        {"group": group, "patches": size, "images": count} | _spread(own, some[:, own.index.to_numpy()])
        for size, some in zip(sizes, values, strict=True)
      ]
  return pd.DataFrame(rows)


def scatter_of(known: FittedSimilarity, features: Float[np.ndarray, "n d"], image: Int[np.ndarray, " n"]) -> float:
  """What `FittedSimilarity.scatter` is to be: measured on images of which it is known whose each patch is.

  By how much the log-odds of two images' means exceed the mean log-odds of their patches, for each side that is wholly
  a mean. 0 without two images of several patches.
  """
  groups = [features[image == k] for k in np.unique(image)]
  above, sides = 0.0, 0.0
  for first in progress.bar(range(0, len(groups), TOGETHER), desc="scatter of images", leave=False):
    some = groups[first : first + TOGETHER]
    means, rest = np.stack([own.mean(0) for own in some]), np.array([1 - 1 / len(own) for own in some])
    pair = np.triu_indices(len(some), 1)
    above += (fitted.log_odds(known, means, means) - _mean_of_patches(known, some))[pair].sum()
    sides += (rest[:, None] + rest)[pair].sum()
  return float(above / sides) if sides else 0.0


def _mean_of_patches(known: FittedSimilarity, own: Features) -> Float[np.ndarray, "m m"]:
  """Mean log-odds over all pairs of patches of every two images."""
  whole, counts = np.concatenate(own), np.array([len(one) for one in own])
  found, starts = fitted.log_odds(known, whole, whole).astype(np.float64), np.cumsum([0, *counts])[:-1]
  return np.add.reduceat(np.add.reduceat(found, starts, 0), starts, 1) / np.outer(counts, counts)


def _spread(pairs: pd.DataFrame, values: Float[np.ndarray, "draws p"]) -> dict[str, float]:
  same, weight = model_pair_accuracy.same_model(pairs), model_pair_accuracy.weights(pairs)
  found = {"accuracy": [], "auc": []}
  for own in values.astype(np.float64):
    right = (own >= 0) == same
    kinds = [kind for kind in (same, ~same) if kind.any()]
    found["accuracy"].append(np.mean([np.average(right[kind], weights=weight[kind]) for kind in kinds]))
    both = len(kinds) == 2
    found["auc"].append(error_rates.summary(error_rates.roc(same, own, weight))["auc"] if both else np.nan)
  spread = {}
  for name, drawn in found.items():
    low, high = np.quantile(drawn, INTERVAL)
    spread |= {name: float(np.mean(drawn)), f"{name}_low": float(low), f"{name}_high": float(high)}
  return spread
