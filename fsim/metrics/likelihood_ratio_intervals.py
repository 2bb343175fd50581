"""Measures and curves of likelihood ratios with 95 % intervals: devices are drawn again, not pairs.

The pairs are a table as in `scores.pair_table` with one more column, `log10_lr`, the logarithm to base 10 of the ratio,
and, if pairs do not count alike, `weight`. A bound is a value that a draw had, never one between two draws, of which
one may be infinite.

Shapes: p pairs, r draws, l ratios, t points of a curve.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from fsim.metrics import likelihood_ratios, rates

FALSE_ALARMS = np.logspace(-4, 0, 121)
LOG10_PRIOR_ODDS = np.linspace(-3, 3, 61)
RATIOS = 201  # Points of the curves over the ratio.


class Band(NamedTuple):
  """A curve and the bounds of its 95 % interval, point by point."""

  value: Float[np.ndarray, " t"]
  low: Float[np.ndarray, " t"]
  high: Float[np.ndarray, " t"]


class Estimate(NamedTuple):
  """A number and the bounds of its 95 % interval, NaN where no draw has a value."""

  value: float
  low: float
  high: float


class Measures(NamedTuple):
  """One line of a table: counts, values and intervals (NaN where no draw has a value), and its curves.

  curves: tippett_same, tippett_different and pav at `log10_lr`, miss at FALSE_ALARMS, ece and ece_pav at
    LOG10_PRIOR_ODDS.
  """

  subset: str
  devices: int
  same: int
  different: int
  values: dict[str, float]
  intervals: dict[str, tuple[float, float]]
  log10_lr: Float[np.ndarray, " l"]
  curves: dict[str, Band]


def measures(pairs: pd.DataFrame, resamples: int, seed: int) -> list[Measures]:
  """All measures over all pairs, over pairs of one model, and over pairs of different models (as `rates.rates`).

  Needs 1 kB a pair.
  """
  return [line(*one, resamples, seed) for one in rates.subsets(pairs)]


def estimates(
  pairs: pd.DataFrame,
  same: Bool[np.ndarray, " p"],
  measure: Callable[[Float[np.ndarray, " p"]], Mapping[str, float]],
  resamples: int,
  seed: int,
) -> dict[str, Estimate]:
  """What `measure` makes of the pairs' weights, by name; draws in which it is NaN do not count."""
  drawn = [measure(weight) for weight in _weights(pairs, same, resamples, seed)]
  bands = {name: _band(np.array([[draw[name]] for draw in drawn])) for name in drawn[0]}
  return {name: Estimate(*(float(x[0]) for x in band)) for name, band in bands.items()}


def line(subset: str, chosen: pd.DataFrame, same: np.ndarray, resamples: int, seed: int) -> Measures:
  """All measures over these pairs, and their curves. Raises UserError without pairs of one device or of two."""
  order = np.argsort(chosen["log10_lr"].to_numpy(float), kind="stable")  # What is sorted is sorted quickly again.
  chosen, same = chosen.iloc[order], same[order]
  log10_lr = chosen["log10_lr"].to_numpy(float)
  shown = np.append(log10_lr[np.isfinite(log10_lr)], (-1, 1))  # A ratio of 1 is always in the picture.
  at = np.linspace(shown.min(), shown.max(), RATIOS)
  costs = likelihood_ratios.ece_costs(log10_lr, same, LOG10_PRIOR_ODDS)
  drawn, curves = [], []
  for weight in _weights(chosen, same, resamples, seed):
    drawn.append(likelihood_ratios.summary(log10_lr, same, weight))
    curves.append(_curves(log10_lr, same, weight, at, costs))
  bands = {name: _band(np.array([[draw[name]] for draw in drawn])) for name in drawn[0]}
  return Measures(
    subset=subset,
    devices=len(pd.unique(chosen[["device_a", "device_b"]].to_numpy().ravel())),
    same=int(same.sum()),
    different=int((~same).sum()),
    values=drawn[0],
    intervals={name: (float(band.low[0]), float(band.high[0])) for name, band in bands.items()},
    log10_lr=at,
    curves={name: _band(np.stack([draw[name] for draw in curves])) for name in curves[0]},
  )


def _weights(
  chosen: pd.DataFrame, same: Bool[np.ndarray, " p"], resamples: int, seed: int
) -> Iterator[Float[np.ndarray, " p"]]:
  """Every pair as it counts, then the draws."""
  once = chosen["weight"].to_numpy(float) if "weight" in chosen else np.ones(len(same))
  yield once
  for times in rates.resampled(chosen, same, resamples, seed):
    yield once * times


def _curves(
  log10_lr: Float[np.ndarray, " p"],
  same: Bool[np.ndarray, " p"],
  weight: Float[np.ndarray, " p"],
  at: Float[np.ndarray, " l"],
  costs: Float[np.ndarray, "t p"],
) -> dict[str, np.ndarray]:
  fitted = likelihood_ratios.fit_pav(log10_lr, same, weight)
  calibrated = likelihood_ratios.apply_pav(fitted, log10_lr)
  tippett = likelihood_ratios.tippett(log10_lr, same, at, weight)
  det = likelihood_ratios.det(log10_lr, same, weight)
  counts = weight > 0  # A cost may be infinite, which no weight of 0 takes away.
  share = weight / np.where(same, weight[same].sum(), weight[~same].sum())
  return {
    "tippett_same": tippett.same,
    "tippett_different": tippett.different,
    "pav": likelihood_ratios.apply_pav(fitted, at),
    "miss": det.miss[np.searchsorted(det.false_alarm, FALSE_ALARMS, side="right") - 1],
    "ece": costs[:, counts] @ share[counts],
    "ece_pav": likelihood_ratios.ece(calibrated, same, LOG10_PRIOR_ODDS, weight),
  }


def _band(drawn: Float[np.ndarray, "r t"]) -> Band:
  """Of the value in the first row and the draws in the others; a draw without a value (NaN) does not count."""
  ordered = np.sort(np.concatenate([drawn[1:], np.full((1, drawn.shape[1]), np.nan)]), axis=0)
  last = np.maximum((~np.isnan(ordered)).sum(0) - 1, 0)
  column = np.arange(drawn.shape[1])
  low, high = np.floor(0.025 * last).astype(int), np.ceil(0.975 * last).astype(int)
  return Band(drawn[0], ordered[low, column], ordered[high, column])
