"""Do two images come from one camera model? The mean log-odds over pairs of their patches.

Shapes: n patches, m images, k patches of an image (at most), q ways to weigh them, p pairs of images.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from fsim.boundary import progress
from fsim.metrics import rates as error_rates
from fsim.systems.model import model_pair_accuracy
from fsim.systems.model.model_pair_accuracy import INTERVAL
from fsim.systems.model.similarity import LogOdds, paired

TOGETHER, ACROSS = 16, 512  # Images whose patches are compared with each other's at once.


class Decided(NamedTuple):
  """What is said of pairs of images.

  pairs: all of them, with the mean log-odds over all pairs of their patches. Columns: those of `similarity.paired`, a
  and b being the images' places in the order of their first patches, and log_odds.
  curve: accuracy and AUC of all pairs against the number of patches taken of each image, by group of models. Columns:
  group, patches, images, and accuracy, accuracy_low, ..._high, auc, auc_low, auc_high (mean and 95 % of the draws; AUC
  NaN where a group lacks same or different models).
  """

  pairs: pd.DataFrame
  curve: pd.DataFrame


def decide(patches: pd.DataFrame, log_odds: LogOdds, sizes: Sequence[int], draws: int, seed: int) -> Decided:
  """Compares every two images by their first max(sizes) patches, and by fewer.

  patches: one row a patch, as `similarity.draw_pairs` takes it. For the curve, the patches of every image come in a
  random order in each draw and the first k of `sizes` count, or all where there are fewer: k x k pairs of patches.
  """
  places = places_of(patches["image"].to_numpy(), max(sizes))
  rng = np.random.default_rng(seed)
  present = places >= 0
  turns = [np.where(present, rng.random(places.shape), np.inf).argsort(1).argsort(1) for _ in range(draws)]
  some = [share(present & (turn < size)) for size in sizes for turn in turns]
  whole, *parts = means(log_odds, places, np.stack([share(present), *some]))
  pairs = _pairs(patches, places)
  curve = _curve(patches, pairs, sizes, np.stack(parts).reshape(len(sizes), draws, -1))
  return Decided(pairs.assign(log_odds=whole), curve)


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


def places_of(image: Int[np.ndarray, " n"], most: int) -> Int[np.ndarray, "m k"]:
  """The first `most` patches of each image, -1 where it has fewer; `image` says whose each patch is.

  Images come in the order of their first patches.
  """
  number = pd.factorize(image)[0]
  order = np.argsort(number, kind="stable")
  turn = np.arange(len(number)) - np.searchsorted(number[order], number[order])
  places = np.full((number.max() + 1, most), -1)
  first = turn < most
  places[number[order][first], turn[first]] = order[first]
  return places


def means(
  log_odds: LogOdds, places: Int[np.ndarray, "m k"], shares: Float[np.ndarray, "q m k"]
) -> Float[np.ndarray, "q p"]:
  """Weighted mean log-odds of every pair of images (in the order of triu_indices) for every way to weigh patches.

  A patch's weight is its share in its image's mean; places below 0 have none. The log-odds of a tile, of TOGETHER
  images' patches with those of ACROSS others, are in memory, never those of all; they are asked for in one shape, as a
  compiled scorer wants it.
  """
  m, k = places.shape
  filled = np.where(places >= 0, places, places[:, :1])
  across = min(m, ACROSS)
  found = np.zeros((len(shares), m * (m - 1) // 2), np.float32)
  tiles = [(i, j) for i in range(0, m - 1, TOGETHER) for j in range(0, m, across) if j + across > i + 1]
  for i, j in progress.bar(tiles, desc="pairs of images", unit="tile", leave=False):
    rows, columns = (filled[np.minimum(np.arange(n, n + size), m - 1)] for n, size in ((i, TOGETHER), (j, across)))
    tile = log_odds(rows.reshape(-1), columns.reshape(-1)).reshape(TOGETHER, k, across, k)
    for row in range(i, min(i + TOGETHER, m - 1)):
      first, end = max(row + 1, j), min(j + across, m)
      block = tile[row - i, :, first - j : end - j]
      mixed = (shares[:, row] @ block.reshape(k, -1)).reshape(len(shares), -1, k)
      place = row * (2 * m - row - 1) // 2 + first - row - 1  # Of the pair (row, first).
      found[:, place : place + max(end - first, 0)] = (mixed * shares[:, first:end]).sum(2)
  return found


def share(chosen: Bool[np.ndarray, "m k"]) -> Float[np.ndarray, "m k"]:
  """Equal weights of the chosen patches of each image, at least one, that sum to 1."""
  return (chosen / chosen.sum(1, keepdims=True)).astype(np.float32)


def _pairs(patches: pd.DataFrame, places: Int[np.ndarray, "m k"]) -> pd.DataFrame:
  return paired(patches.iloc[places[:, 0]].reset_index(drop=True), *np.triu_indices(len(places), 1))


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
