"""Error rates of a score over pairs, with intervals over devices.

Shapes: p pairs, t thresholds. A pair is positive if both images come from one device; a larger score says so.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from fsim.boundary.errors import UserError
from fsim.metrics.scores import OTHER_MODEL, SAME_DEVICE, SAME_MODEL

SUBSETS = {
  "all pairs": (SAME_DEVICE, SAME_MODEL, OTHER_MODEL),
  "same model": (SAME_DEVICE, SAME_MODEL),
  "different models": (SAME_DEVICE, OTHER_MODEL),
}
RATES = ("auc", "eer", "tpr_at_1e-2", "tpr_at_1e-3")


class Curve(NamedTuple):
  """ROC: false and true positive rates from (0, 0) to (1, 1), both rising as the threshold falls."""

  fpr: Float[np.ndarray, " t"]
  tpr: Float[np.ndarray, " t"]


def roc(same: Bool[np.ndarray, " p"], score: Float[np.ndarray, " p"], weight: Float[np.ndarray, " p"]) -> Curve:
  """One point a distinct score. Raises UserError without positive or without negative weight."""
  order = np.argsort(-score, kind="stable")
  return _curve(same[order], score[order], weight[order])


def _curve(same: np.ndarray, falling: np.ndarray, weight: np.ndarray) -> Curve:
  tp, fp = np.cumsum(weight * same), np.cumsum(weight * ~same)
  if tp[-1] <= 0 or fp[-1] <= 0:
    raise UserError("rates need pairs of one device and pairs of two")
  ends = np.flatnonzero(np.append(falling[1:] < falling[:-1], True))
  return Curve(np.append(0, fp[ends] / fp[-1]), np.append(0, tp[ends] / tp[-1]))


def summary(curve: Curve) -> dict[str, float]:
  """AUC, equal error rate, and true positive rates at two false positive rates (the largest reached within them)."""
  missed = 1 - curve.tpr
  k = int(np.argmax(curve.fpr >= missed))  # First point past the crossing; the EER lies on the line to it.
  run, drop = curve.fpr[k] - curve.fpr[k - 1], missed[k - 1] - missed[k]
  part = (missed[k - 1] - curve.fpr[k - 1]) / (run + drop)
  within = lambda limit: float(curve.tpr[curve.fpr <= limit].max())  # noqa: E731
  return {
    "auc": float(np.trapezoid(curve.tpr, curve.fpr)),
    "eer": float(curve.fpr[k - 1] + part * run),
    "tpr_at_1e-2": within(1e-2),
    "tpr_at_1e-3": within(1e-3),
  }


def better_than(chance: float, value: float, low: float, units: int) -> bool:
  """Whether a share's interval begins above `chance`, over so many devices or models that were drawn again.

  Of a share of 1 the interval has no width; what so many units that are all right cannot exclude (95 %) counts then.
  """
  return min(low, 0.05 ** (1 / units)) > chance if value == 1 else low > chance


class Rates(NamedTuple):
  """One line of the table of rates: counts, values and 95 % intervals (NaN where no resample allows a rate)."""

  subset: str
  devices: int
  same: int
  different: int
  values: dict[str, float]
  intervals: dict[str, tuple[float, float]]
  curve: Curve


def rates(pairs: pd.DataFrame, resamples: int, seed: int) -> list[Rates]:
  """Rates over all pairs, over pairs of one model, and over pairs of different models.

  Same-device pairs are the positives of every line; those of one model count only models with two devices or more. A
  line whose pairs are all of one kind is left out. The smallest rate that the data can resolve is 1 / `different`.
  """
  return [_line(subset, chosen, same, resamples, seed) for subset, chosen, same in subsets(pairs)]


def subsets(pairs: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame, np.ndarray]]:
  """The lines of a table of rates: name, pairs, and which of them are of one device."""
  siblings = pairs.loc[pairs["truth"] == SAME_MODEL, "model_a"].unique()
  for subset, truths in SUBSETS.items():
    chosen = pairs[pairs["truth"].isin(truths)]
    if OTHER_MODEL not in truths:
      chosen = chosen[chosen["model_a"].isin(siblings)]
    same = (chosen["truth"] == SAME_DEVICE).to_numpy()
    if same.any() and not same.all():
      yield subset, chosen, same


def resampled(pairs: pd.DataFrame, same: Bool[np.ndarray, " p"], resamples: int, seed: int) -> Iterator[np.ndarray]:
  """How often each pair counts when devices are drawn with replacement; draws without both kinds are left out."""
  names, codes = np.unique(pairs[["device_a", "device_b"]].to_numpy(), return_inverse=True)
  codes = codes.reshape(-1, 2)
  for times in redrawn(len(names), resamples, seed):
    weight = np.where(same, times[codes[:, 0]], times[codes[:, 0]] * times[codes[:, 1]]).astype(float)
    if (weight * same).any() and (weight * ~same).any():
      yield weight


def redrawn(devices: int, resamples: int, seed: int) -> Iterator[Int[np.ndarray, " u"]]:
  """How often each device is drawn, with replacement: once a resample."""
  rng = np.random.default_rng(seed)
  for _ in range(resamples):
    yield np.bincount(rng.integers(devices, size=devices), minlength=devices)


def _line(subset: str, chosen: pd.DataFrame, same: np.ndarray, resamples: int, seed: int) -> Rates:
  score = chosen["logit"].to_numpy()
  order = np.argsort(-score, kind="stable")
  same, score, chosen = same[order], score[order], chosen.iloc[order]
  curve = _curve(same, score, np.ones(len(score)))
  draws = [summary(_curve(same, score, weight)) for weight in resampled(chosen, same, resamples, seed)]
  nothing = (float("nan"), float("nan"))
  intervals = {
    name: tuple(np.quantile([d[name] for d in draws], (0.025, 0.975)).tolist()) if draws else nothing for name in RATES
  }
  devices = pd.unique(chosen[["device_a", "device_b"]].to_numpy().ravel())
  return Rates(subset, len(devices), int(same.sum()), int((~same).sum()), summary(curve), intervals, curve)
