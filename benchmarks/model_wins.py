"""Who is taken for whom: how often pairs of images of one camera model score above pairs of two, device by device.

An AUC is the share of such comparisons that come out right, so that of any part of the pairs, and of any resample of
the cameras, is a weighted mean of the same numbers. Shapes: m images, d devices, g pairs of devices of one model (a
device with itself among them), k pairs of any devices, n models.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from itertools import combinations, combinations_with_replacement
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from fsim.metrics import rates

RESAMPLES, SEED = 1000, 0
ENDS = (0.025, 0.975)
NOTHING = (float("nan"), float("nan"))


class Wins(NamedTuple):
  """`won` has the share of the comparisons of a pair of images in `same` and one in `pairs` that the first wins.

  models: of each device. same: rows of `pairs` whose devices are of one model. count: pairs of images in each.
  """

  devices: list[str]
  models: list[str]
  pairs: Int[np.ndarray, "k 2"]
  same: Int[np.ndarray, " g"]
  count: Int[np.ndarray, " k"]
  won: Float[np.ndarray, "g k"]


def of_draw(devices: Sequence[str], models: Sequence[str], values: Float[np.ndarray, "m m"]) -> Wins:
  """Of all pairs of two different images; a larger value says that they are of one model, and ties count half."""
  names, device = np.unique(np.asarray(devices), return_inverse=True)
  own = dict(zip(devices, models, strict=True))
  own = [own[name] for name in names.tolist()]
  pairs = np.array(list(combinations_with_replacement(range(len(names)), 2)))
  place = np.empty((len(names), len(names)), int)
  place[tuple(pairs.T)] = place[tuple(pairs.T[::-1])] = np.arange(len(pairs))
  i, j = np.triu_indices(len(device), 1)
  pair, score = place[device[i], device[j]], values[i, j]
  same = np.flatnonzero([own[a] == own[b] for a, b in pairs])
  count = np.bincount(pair, minlength=len(pairs))
  won = np.zeros((len(same), len(pairs)))
  row = np.searchsorted(same, pair)
  positive = np.isin(pair, same)
  for column in np.flatnonzero(count):
    against = np.sort(score[pair == column])
    beaten = sum(np.searchsorted(against, score[positive], side) for side in ("left", "right")) / (2 * len(against))
    won[:, column] = np.bincount(row[positive], beaten, len(same))
  return Wins(names.tolist(), own, pairs, same, count, won / np.maximum(count[same], 1)[:, None])


def mean(draws: Sequence[Wins]) -> Wins:
  """Of draws of as many images of the same devices."""
  return draws[0]._replace(won=reduce(np.add, (draw.won for draw in draws)) / len(draws))


def auc(wins: Wins, own: Float[np.ndarray, " g"], other: Float[np.ndarray, " k"]) -> float:
  """With weights of the pairs that should win and of those that should lose; nan where one side has none."""
  first, second = own * wins.count[wins.same], other * wins.count
  if not (first.any() and second.any()):
    return float("nan")
  return float(first @ wins.won @ second / (first.sum() * second.sum()))


def of_two(wins: Wins) -> Bool[np.ndarray, " k"]:
  """Which pairs are of two models."""
  return ~np.isin(np.arange(len(wins.pairs)), wins.same)


def interval(
  wins: Wins, own: Bool[np.ndarray, " g"], other: Bool[np.ndarray, " k"], unit: Sequence[str], fixed: Sequence[str] = ()
) -> tuple[float, float]:
  """95 % ends of the AUC of these pairs where cameras are drawn anew; `unit` says of each device what is drawn.

  Pairs within a unit count as often as it is drawn, pairs of two as often as both are, multiplied (as in
  fsim/metrics/rates.py). fixed: units that are not drawn, and count once.
  """
  names, code = np.unique(np.asarray(unit), return_inverse=True)
  free = np.flatnonzero(~np.isin(names, fixed))
  if len(free) < 2:
    return NOTHING
  first, second = code[wins.pairs].T
  found = []
  for drawn in rates.redrawn(len(free), RESAMPLES, SEED):
    times = np.ones(len(names))
    times[free] = drawn
    weight = np.where(first == second, times[first], times[first] * times[second])
    found.append(auc(wins, own * weight[wins.same], other * weight))
  found = [value for value in found if not np.isnan(value)]
  return tuple(np.quantile(found, ENDS).tolist()) if found else NOTHING


def overall(ways: dict[str, Wins], left_out: Iterable[frozenset[str]] = ()) -> pd.DataFrame:
  """A row a way: AUC of all pairs, with intervals over models and over devices.

  left_out: sets of models whose pairs of two are not counted.
  """
  rows, left_out = {}, list(left_out)
  for way, wins in ways.items():
    own = np.ones(len(wins.same), bool)
    other = of_two(wins)
    for group in left_out:
      other &= ~_among(wins, group)
    rows[way] = {"value": auc(wins, own, other)}
    for unit, names in (("models", wins.models), ("devices", wins.devices)):
      rows[way] |= dict(zip((f"low_{unit}", f"high_{unit}"), interval(wins, own, other, names), strict=True))
  return pd.DataFrame(rows).T


def by_model(ways: dict[str, Wins]) -> pd.DataFrame:
  """A row a model: the AUC of its own pairs against its pairs with the others, which are drawn anew for the interval.

  count: pairs of its own.
  """
  first = next(iter(ways.values()))
  rows = []
  for model in sorted(set(first.models)):
    part = lambda wins, one=model: _touches(wins, np.array(wins.models) == one)  # noqa: E731
    rows.append({"model": model, **_row(ways, part, model)})
  return pd.DataFrame(rows)


def by_device(ways: dict[str, Wins]) -> pd.DataFrame:
  """A row a device: its pairs within its model against its pairs with other models, as in `by_model`.

  Where its model has another device, "<way>: other device" is the same with its pairs with that device alone to win,
  and "<way>: device told" the AUC of pairs within the device against those: near .5 where models are told and not
  devices.
  """
  first = next(iter(ways.values()))
  rows = []
  for place, (device, model) in enumerate(zip(first.devices, first.models, strict=True)):
    part = lambda wins, one=place: _touches(wins, np.arange(len(wins.devices)) == one)  # noqa: E731
    row = {"device": device, "model": model, **_row(ways, part, model)}
    for way, wins in ways.items():
      touched, two = _touches(wins, np.arange(len(wins.devices)) == place), of_two(wins)
      across = touched & ~two & (wins.pairs[:, 0] != wins.pairs[:, 1])
      within = touched & ~two & (wins.pairs[:, 0] == wins.pairs[:, 1])
      row[f"{way}: other device"] = auc(wins, across[wins.same], touched & two)
      row[f"{way}: device told"] = auc(wins, within[wins.same], across)
    rows.append(row)
  return pd.DataFrame(rows)


def by_pair(ways: dict[str, Wins]) -> pd.DataFrame:
  """A row for every two models: the AUC of the pairs within the two against those between them. `count`: of these."""
  first = next(iter(ways.values()))
  rows = []
  for one, two in combinations(sorted(set(first.models)), 2):
    rows.append({"model_a": one, "model_b": two} | among(ways, frozenset((one, two))))
  return pd.DataFrame(rows)


def among(ways: dict[str, Wins], models: frozenset[str]) -> dict[str, float]:
  """AUC by each way of the pairs within some models against those between two of them; and how many these are."""
  first = next(iter(ways.values()))
  found = {"count": int(first.count[_among(first, models)].sum())}
  for way, wins in ways.items():
    own = np.isin(np.array(wins.models)[wins.pairs[wins.same, 0]], list(models))
    found[way] = auc(wins, own.astype(float), _among(wins, models).astype(float))
  return found


def _among(wins: Wins, models: frozenset[str]) -> Bool[np.ndarray, " k"]:
  """Pairs of two of these models."""
  inside = np.isin(np.array(wins.models), list(models))[wins.pairs].all(1)
  return inside & of_two(wins)


def _touches(wins: Wins, devices: Bool[np.ndarray, " d"]) -> Bool[np.ndarray, " k"]:
  return devices[wins.pairs].any(1)


def _row(ways: dict[str, Wins], part: Callable[[Wins], Bool[np.ndarray, " k"]], model: str) -> dict[str, float]:
  found = {}
  for way, wins in ways.items():
    touched = part(wins)
    own, other = touched[wins.same], touched & of_two(wins)
    found.setdefault("count", int(wins.count[wins.same][own].sum()))
    found[way] = auc(wins, own.astype(float), other.astype(float))
    ends = interval(wins, own, other, wins.models, fixed=(model,))
    found |= dict(zip((f"{way}: low", f"{way}: high"), ends, strict=True))
  return found
