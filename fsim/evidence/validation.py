"""Comparisons of known devices -> what the measures of a validation are, for each method, hypothesis and stratum.

After Meuwly, Ramos & Haraksim 2017. A method turns the same comparisons into ratios: the sensor noise, the similarity
of camera models, or both. Devices weigh equally among comparisons of one device, pairs of devices among those of two.
Nothing is learned here. Shapes: n comparisons of all, p of a line.
"""

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from fsim.evidence import calibration, strata
from fsim.evidence.calibration import HYPOTHESES, Calibration
from fsim.evidence.compared import Compared
from fsim.evidence.fitting import Truths
from fsim.evidence.learning import Data
from fsim.metrics import likelihood_ratio_intervals as intervals
from fsim.metrics import likelihood_ratios
from fsim.metrics.likelihood_ratio_intervals import Estimate, Measures
from fsim.metrics.scores import OTHER_MODEL, SAME_DEVICE

NOISE, SIMILARITY, BOTH = METHODS = ("sensor noise", "similarity", "both")
COUNT, RISE, BEYOND_LEARNING, MISSED = "count_above_100", "cllr_rise", "cllr_cal_beyond_learning", "missed_beyond_told"
DRAWS = 200
MOST = 20_000  # Comparisons of two devices that are measured, by lot; what misleads strongly is counted in all.
STRONG = 2.0  # Power of ten: a ratio above 100.


class Measured(NamedTuple):
  """A stratum: `devices` with comparisons of their own, `pairs` of two devices, comparisons of one and of two devices.

  estimates: by the names of the criteria's measures; one that has no value is NaN.
  """

  group: str
  name: str
  devices: int
  pairs: int
  same: int
  different: int
  largest: float  # Logarithm to base 10 of the largest ratio of two devices, of all comparisons.
  estimates: dict[str, Estimate]


class Line(NamedTuple):
  """A method against a hypothesis. reason: why it is not measured; then the rest is empty.

  rises: of an ordered group, where Cllr rises most though there is more to see. pairs: all, with their `log10_lr`.
  """

  method: str
  against: str
  reason: str
  strata: list[Measured]
  rises: dict[str, tuple[Measured, Estimate]]
  curves: Measures | None
  pairs: pd.DataFrame | None


def lines(made: Calibration, found: Compared, done: Callable[[], object]) -> list[Line]:
  """Of every method against every hypothesis that it speaks of; `done` is called after each."""
  of = []
  for method, against in METHODS_AGAINST:
    of.append(_line(made, found, method, against))
    done()
  return of


METHODS_AGAINST = [(NOISE, h) for h in reversed(HYPOTHESES)] + [(m, OTHER_MODEL) for m in (SIMILARITY, BOTH)]


def _line(made: Calibration, found: Compared, method: str, against: str) -> Line:
  chosen = np.isin(found.data.truths.hypothesis, (SAME_DEVICE, against))
  if method != NOISE:
    chosen &= ~np.isnan(found.data.trials.similarity)
  reason = _reason(made, found.data.truths.hypothesis[chosen], method, against)
  if reason:
    return Line(method, against, reason, [], {}, None, None)
  data = found.data._replace(trials=found.data.trials.some(chosen), truths=found.data.truths.some(chosen))
  pairs = found.pairs[chosen].assign(log10_lr=_log10(made, data, method, against))
  same = data.truths.hypothesis == SAME_DEVICE
  if method == NOISE:
    told = np.full(len(same), np.nan)
    told[same] = calibration.missed(made, data.trials.some(same), against)
    pairs["told"] = told
  kept = _by_lot(same)
  some, truths = pairs.iloc[kept].reset_index(drop=True), data.truths.some(kept)
  whole = {(group, name): pairs[k] for group in strata.GROUPS for name, k in strata.of(group, pairs)}
  measured = [
    _stratum(group, name, some[k], truths.some(k), whole[group, name])
    for group in strata.GROUPS
    for name, k in strata.of(group, some)
    if _has_both(truths.hypothesis[k])
  ]
  first = measured[0]
  first.estimates.update(_beyond_learning(made, method, against, first.estimates["cllr_cal"]))
  weighted = some.assign(weight=truths.weights())
  curves = intervals.line(f"{method}, against {against}", weighted, same[kept], DRAWS, 0)
  rises = {group: rise for group in strata.ORDERED if (rise := _rise(group, measured, some, truths))}
  return Line(method, against, "", measured, rises, curves, pairs)


def _reason(made: Calibration, truths: np.ndarray, method: str, against: str) -> str:
  if method != NOISE and not len(truths):
    return "no similarity was measured in these comparisons"
  if method == BOTH and made.fused is None:
    return "the calibration learned no similarity"
  if method == NOISE and against not in made.lines:
    return f"the calibration has no ratio against {against}"
  if not (truths == against).any():
    return f"no two photographs of {_WORDS[against]} were compared"
  return "" if (truths == SAME_DEVICE).any() else "no two photographs of one device were compared"


_WORDS = dict(zip(HYPOTHESES, ("two devices of one model", "devices of two models"), strict=True))


def _log10(made: Calibration, data: Data, method: str, against: str) -> Float[np.ndarray, " p"]:
  """Of the similarity alone its log-odds as they come, as there is nothing that was learned of them alone."""
  if method == SIMILARITY:
    return data.trials.similarity.astype(float) / math.log(10)
  asked = made if method == BOTH else made._replace(fused=None)
  return np.array([ratio.log10 for ratio in calibration.ratios(asked, data.trials, against) if ratio is not None])


def _by_lot(same: Bool[np.ndarray, " p"]) -> np.ndarray:
  """Places of all comparisons of one device and of at most MOST of two, in order."""
  others = np.flatnonzero(~same)
  if len(others) > MOST:
    others = np.random.default_rng(0).choice(others, MOST, replace=False)
  return np.sort(np.concatenate([np.flatnonzero(same), others]))


def _has_both(truths: np.ndarray) -> bool:
  return bool((truths == SAME_DEVICE).any() and (truths != SAME_DEVICE).any())


def _stratum(group: str, name: str, pairs: pd.DataFrame, truths: Truths, whole: pd.DataFrame) -> Measured:
  """whole: all its comparisons, of which `pairs` were drawn."""
  same = truths.hypothesis == SAME_DEVICE
  log10, once = pairs["log10_lr"].to_numpy(float), truths.weights()

  def measure(weight: Float[np.ndarray, " p"]) -> dict[str, float]:
    found = likelihood_ratios.summary(log10, same, weight)
    if "told" in pairs:
      share = weight[same] / weight[same].sum()
      found[MISSED] = float(share @ ((log10[same] <= 0) - pairs["told"].to_numpy(float)[same]))
    return found

  estimates = intervals.estimates(pairs.assign(weight=once), same, measure, DRAWS, 0)
  devices, others = len(np.unique(truths.candidate[same])), len(np.unique(truths.some(~same).pairs()))
  for what, estimate in estimates.items():
    if estimate.value == 0 and what.startswith(("different_above", "same_below")):
      count = devices if what.startswith("same") else others
      estimates[what] = estimate._replace(high=1 - 0.05 ** (1 / count))  # None of so many was seen.
  apart = whole.loc[whole["truth"] != SAME_DEVICE, "log10_lr"]
  strong = float((apart > STRONG).sum())
  estimates[COUNT] = Estimate(strong, strong, strong)
  return Measured(group, name, devices, others, int(same.sum()), len(apart), float(apart.max()), estimates)


def _beyond_learning(made: Calibration, method: str, against: str, cost: Estimate) -> dict[str, Estimate]:
  """Nothing where the calibration's card has no figure of this method."""
  learned = BOTH if against == OTHER_MODEL and made.fused is not None else NOISE
  before = made.card["figures"].get(f"Cllr_cal, against {against}")
  if method != learned or not isinstance(before, int | float):
    return {}
  return {BEYOND_LEARNING: Estimate(*(value - before for value in cost))}


def _rise(
  group: str, measured: list[Measured], pairs: pd.DataFrame, truths: Truths
) -> tuple[Measured, Estimate] | None:
  """From a stratum to the next, over devices that are in both: the stratum that it rises to, and by how much."""
  own = {m.name: m for m in measured if m.group == group}
  parts = [(name, chosen) for name, chosen in strata.of(group, pairs) if name in own]
  found, same = [], truths.hypothesis == SAME_DEVICE
  for (_, less), (name, more) in itertools.pairwise(parts):
    both = np.intersect1d(truths.candidate[less & same], truths.candidate[more & same])
    common = np.isin(truths.candidate, both)
    less, more = less & common, more & common
    if _has_both(truths.hypothesis[less]) and _has_both(truths.hypothesis[more]):
      apart = min(len(np.unique(truths.some(part & ~same).pairs())) for part in (less, more))
      counts = {"same": int((more & same).sum()), "different": int((more & ~same).sum())}
      stratum = own[name]._replace(devices=len(both), pairs=apart, **counts)
      found.append((stratum, _difference(pairs, truths, less, more)))
  return max(found, key=lambda one: one[1].value) if found else None


def _difference(pairs: pd.DataFrame, truths: Truths, less: np.ndarray, more: np.ndarray) -> Estimate:
  """Cllr of `more` minus that of `less`, of the same devices in every draw."""
  either = less | more
  some, same = pairs[either], truths.hypothesis[either] == SAME_DEVICE
  log10 = some["log10_lr"].to_numpy(float)
  once = [np.zeros(len(log10)) for _ in range(2)]
  for weights, chosen in zip(once, (less, more), strict=True):
    weights[chosen[either]] = truths.some(chosen).weights()

  def measure(times: Float[np.ndarray, " p"]) -> dict[str, float]:
    costs = [_cllr(log10, same, times * weights) for weights in once]
    return {RISE: costs[1] - costs[0]}

  return intervals.estimates(some, same, measure, DRAWS, 0)[RISE]


def _cllr(log10: np.ndarray, same: np.ndarray, weight: np.ndarray) -> float:
  """NaN of a draw without comparisons of both kinds."""
  if not (weight[same] > 0).any() or not (weight[~same] > 0).any():
    return float("nan")
  return likelihood_ratios.cllr(log10, same, weight)
