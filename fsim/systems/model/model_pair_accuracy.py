"""How often are same and different camera models told apart? The paper's Figure 2 and its accuracies, ROC, intervals.

Pairs (of patches, or of images) are tables as `similarity.paired` makes them, with the column log_odds; 0 and more, a
score of .5 and more, says "same model". Models are "known" if the feature extractor was trained on them (set A of
Mayer & Stamm 2018, section 4) and "unknown" if nothing was (set C). Every two models, and every model with itself,
count equally, however many pairs they have. Shapes: p pairs, d models, r resamples.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from fsim.metrics import rates as error_rates
from fsim.metrics.rates import RATES, Rates
from fsim.metrics.scores import SAME_DEVICE, SAME_MODEL

KNOWN, UNKNOWN = "known", "unknown"
GROUPS = {  # Of the sides of both models.
  "all": ("known known", "known unknown", "unknown known", "unknown unknown"),
  "known-known": ("known known",),
  "known-unknown": ("known unknown", "unknown known"),
  "unknown-unknown": ("unknown unknown",),
}
INTERVAL = (0.025, 0.975)  # Quantiles over resamples.


class ModelPairAccuracy(NamedTuple):
  """Shares of right decisions, known models first; the diagonal is the paper's column "Self", NaN where no pair was."""

  models: list[str]
  sides: list[str]
  right: Float[np.ndarray, "d d"]
  counts: Int[np.ndarray, "d d"]


class Accuracy(NamedTuple):
  """The accuracy of a group of pairs.

  models: in these pairs. same, different: numbers of pairs. same_right: the mean of the column "Self"; different_right:
  the mean over pairs of models; NaN where there are none. value: the mean of both shares, or the one that there is.
  low, high: 95 % interval over models, NaN where a side that takes part has a single model.
  """

  group: str
  models: int
  same: int
  different: int
  same_right: float
  different_right: float
  value: float
  low: float
  high: float


def of_pairs(pairs: pd.DataFrame) -> ModelPairAccuracy:
  """Known models come first, each side by name."""
  sides = _sides(pairs)
  models, d = list(sides), len(sides)
  a, b = _codes(pairs, models)
  right = ((pairs["log_odds"].to_numpy() >= 0) == (a == b)).astype(float)
  counts, sums = (np.bincount(a * d + b, w, minlength=d * d).reshape(d, d) for w in (None, right))
  own = np.eye(d, dtype=bool)
  counts, sums = (np.where(own, x, x + x.T) for x in (counts, sums))
  share = np.divide(sums, counts, out=np.full((d, d), np.nan), where=counts > 0)
  return ModelPairAccuracy(models, list(sides.values()), share, counts.astype(int))


def accuracies(found: ModelPairAccuracy, resamples: int, seed: int) -> list[Accuracy]:
  """A line a group that has pairs. Known-unknown has different models only, and the share of them is its value.

  Intervals draw the known models and the unknown ones with replacement, each as many as there are; two models weigh as
  often as both were drawn together, a model with itself as often as it was drawn.
  """
  times = _resampled(found.sides, resamples, seed)
  return [line for group in groups(found.sides) for line in _accuracy(found, group, times)]


def rates(pairs: pd.DataFrame, resamples: int, seed: int) -> list[Rates]:
  """ROC, AUC, EER of "same model" in the groups that have same and different models; intervals as those of accuracies.

  `same` and `different` of a line count pairs, `devices` the devices in them.
  """
  return [
    _rates(group, own, resamples, seed)
    for group in groups([*pairs["side_a"].unique(), *pairs["side_b"].unique()])
    for own in [of_group(pairs, group)]
    if 0 < same_model(own).sum() < len(own)
  ]


def by_device(pairs: pd.DataFrame) -> pd.DataFrame:
  """The column "Self" by device. Columns: side, truth (same device, or another device of the model), models, pairs,
  right (mean over models of their shares of right decisions)."""
  own = pairs[same_model(pairs)]
  right = (own["log_odds"] >= 0).groupby([own["side_a"], own["truth"], own["model_a"]], observed=True)
  each = right.agg(["mean", "size"]).reset_index()
  grouped = each.groupby(["side_a", "truth"], observed=True)
  found = grouped.agg(models=("mean", "size"), pairs=("size", "sum"), right=("mean", "mean")).reset_index()
  return found.rename(columns={"side_a": "side"})


def worst(found: ModelPairAccuracy, count: int) -> pd.DataFrame:
  """The pairs of models that go wrong most, at most `count`: model_a, model_b, wrong (a share), pairs, sides."""
  d = len(found.models)
  i, j = (x[found.counts[np.tril_indices(d)] > 0] for x in np.tril_indices(d))
  names, sides = np.array(found.models, object), np.array(found.sides, object)
  columns = {"model_a": names[j], "model_b": names[i], "wrong": 1 - found.right[i, j], "pairs": found.counts[i, j]}
  table = pd.DataFrame(columns | {"sides": sides[j] + "-" + sides[i]})
  return table[table["wrong"] > 0].nlargest(count, "wrong")


def groups(sides: Sequence[str]) -> list[str]:
  """Names of GROUPS for models of these sides; "all" is one only if it is more than another."""
  return list(GROUPS) if len(set(sides)) > 1 else [f"{side}-{side}" for side in set(sides)]


def of_group(pairs: pd.DataFrame, group: str) -> pd.DataFrame:
  return pairs[(pairs["side_a"].astype(str) + " " + pairs["side_b"].astype(str)).isin(GROUPS[group])]


def same_model(pairs: pd.DataFrame) -> Bool[np.ndarray, " p"]:
  return pairs["truth"].isin((SAME_DEVICE, SAME_MODEL)).to_numpy()


def weights(pairs: pd.DataFrame) -> Float[np.ndarray, " p"]:
  """Of each pair, so that the pairs of every two models, and those of every model with itself, weigh 1 together."""
  models = list(_sides(pairs))
  a, b = _codes(pairs, models)
  cell = np.maximum(a, b) * len(models) + np.minimum(a, b)
  return 1 / np.bincount(cell)[cell]


def _sides(pairs: pd.DataFrame) -> dict[str, str]:
  """Model -> side, in the triangle's order."""
  both = [pairs[[f"model_{k}", f"side_{k}"]].astype(str).drop_duplicates().to_numpy() for k in "ab"]
  return {model: side for side, model in sorted((side, model) for model, side in np.concatenate(both))}


def _codes(pairs: pd.DataFrame, models: list[str]) -> list[Int[np.ndarray, " p"]]:
  return [pd.Categorical(pairs[f"model_{k}"].astype(str), models).codes.astype(int) for k in "ab"]


def _resampled(sides: list[str], resamples: int, seed: int) -> Int[np.ndarray, "r d"]:
  """How often each model is drawn."""
  rng = np.random.default_rng(seed)
  times = np.zeros((resamples, len(sides)), int)
  for side in sorted(set(sides)):  # In an order that does not depend on how strings are hashed.
    own = np.flatnonzero(np.array(sides) == side)
    times[:, own] = rng.multinomial(len(own), np.full(len(own), 1 / len(own)), size=resamples)
  return times


def _accuracy(found: ModelPairAccuracy, group: str, times: Int[np.ndarray, "r d"]) -> list[Accuracy]:
  d = len(found.models)
  names = np.array([[f"{a} {b}" for b in found.sides] for a in found.sides])
  inside = np.isin(names, GROUPS[group]) & (found.counts > 0)
  kinds = [inside & np.eye(d, dtype=bool), np.tril(inside, -1)]
  if not inside.any():
    return []
  there = [cells.any() for cells in kinds]

  def shares(times: Int[np.ndarray, "r d"]) -> Float[np.ndarray, "r 2"]:
    return np.stack([_share(found, cells, times) for cells in kinds], 1)

  (once,), drawn = shares(np.ones((1, d), int)), shares(times)[:, there].mean(1)
  low, high = _interval(drawn, [side for side, takes in zip(found.sides, inside.any(1), strict=True) if takes])
  numbers = [int(found.counts[cells].sum()) for cells in kinds]
  return [Accuracy(group, int(inside.any(1).sum()), *numbers, *once.tolist(), float(once[there].mean()), low, high)]


def _share(
  found: ModelPairAccuracy, cells: Bool[np.ndarray, "d d"], times: Int[np.ndarray, "r d"]
) -> Float[np.ndarray, " r"]:
  """Mean share of right decisions over those cells, for models drawn so often; NaN where none of them was drawn."""
  i, j = np.nonzero(cells)
  weight = np.where(i == j, times[:, i], times[:, i] * times[:, j])
  total = weight.sum(1)
  return np.divide(weight @ found.right[i, j], total, out=np.full(len(times), np.nan), where=total > 0)


def _interval(drawn: Float[np.ndarray, " r"], sides: list[str]) -> tuple[float, float]:
  drawn = drawn[~np.isnan(drawn)]
  if min(sides.count(side) for side in set(sides)) < 2 or not len(drawn):
    return float("nan"), float("nan")
  low, high = np.quantile(drawn, INTERVAL)
  return float(low), float(high)


def _rates(group: str, pairs: pd.DataFrame, resamples: int, seed: int) -> Rates:
  pairs = pairs.sort_values("log_odds", ascending=False, kind="stable")
  same, score, weight = same_model(pairs), pairs["log_odds"].to_numpy(np.float64), weights(pairs)
  sides = _sides(pairs)
  a, b = _codes(pairs, list(sides))
  values = error_rates.summary(error_rates.roc(same, score, weight))
  draws: dict[str, list[float]] = {name: [] for name in RATES}
  for times in _resampled(list(sides.values()), resamples, seed):
    again = weight * np.where(same, times[a], times[a] * times[b])
    if (again * same).any() and (again * ~same).any():
      for name, value in error_rates.summary(error_rates.roc(same, score, again)).items():
        draws[name].append(value)
  intervals = {name: _interval(np.array(found), list(sides.values())) for name, found in draws.items()}
  devices = pd.concat([pairs["device_a"].astype(str), pairs["device_b"].astype(str)]).nunique()
  counts = devices, int(same.sum()), int((~same).sum())
  return Rates(group, *counts, values, intervals, error_rates.roc(same, score, weight))
