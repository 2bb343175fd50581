"""How good likelihood ratios are: cost, discrimination, calibration and misleading evidence.

All take the logarithm to base 10 of the ratio of H1 (one device) to H2 (two devices), whether H1 is true, and how often
a pair counts (once if not given). Infinite ratios are allowed; one that points the wrong way costs infinitely much.
Values are those of lir 1.8 of the Netherlands Forensic Institute (docs/likelihood_ratios.md).

Shapes: p pairs, k distinct ratios, t points at which a curve is wanted.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import isotonic_regression

from fsim.boundary.errors import UserError
from fsim.metrics import rates

Ratios = Float[np.ndarray, " p"]  # Logarithms to base 10.
Truths = Bool[np.ndarray, " p"]
Weights = Float[np.ndarray, " p"] | None
LOG2_10 = np.log2(10)
BOUNDS = (1, 10, 100)  # Ratios beyond which, on the wrong side, evidence misleads.


class Pav(NamedTuple):
  """Pool adjacent violators: shares of H1 and H2, equally likely a priori, at each distinct ratio, smallest first.

  The shares of H1 never fall. They are kept both, because 1 - share loses the digits of an extreme ratio.
  """

  log10_lr: Float[np.ndarray, " k"]
  same: Float[np.ndarray, " k"]
  different: Float[np.ndarray, " k"]


class Tippett(NamedTuple):
  """Shares of the pairs of one device, and of two, whose ratio is at least as large as each of the points."""

  same: Float[np.ndarray, " t"]
  different: Float[np.ndarray, " t"]


class Det(NamedTuple):
  """Detection error tradeoff: rates of both errors, from (0, 1) to (1, 0), as the threshold falls."""

  false_alarm: Float[np.ndarray, " t"]
  miss: Float[np.ndarray, " t"]


def cllr(log10_lr: Ratios, same: Truths, weight: Weights = None) -> float:
  """Log likelihood ratio cost in bits (Brümmer & du Preez 2006): 0 is perfect, 1 that of a ratio of 1 for all pairs.

  Computed from logarithms: lir is infinite too where a misleading ratio merely exceeds what a float can hold.
  """
  log10_lr, same, share = _counted(log10_lr, same, weight)
  return float(share @ np.logaddexp2(0, LOG2_10 * np.where(same, -log10_lr, log10_lr)) / 2)


def cllr_min(log10_lr: Ratios, same: Truths, weight: Weights = None) -> float:
  """What of the cost would remain with the best calibration, chosen with the truth at hand: that of discrimination."""
  return cllr(pav(log10_lr, same, weight), same, weight)


def cllr_cal(log10_lr: Ratios, same: Truths, weight: Weights = None) -> float:
  """What calibration costs: Cllr less its minimum."""
  return cllr(log10_lr, same, weight) - cllr_min(log10_lr, same, weight)


def fit_pav(log10_lr: Ratios, same: Truths, weight: Weights = None) -> Pav:
  """The best calibration that keeps the order (Zadrozny & Elkan 2002)."""
  log10_lr, same, share = _counted(log10_lr, same, weight)
  order = np.argsort(log10_lr, kind="stable")
  rising, up = log10_lr[order], (share * same)[order]
  starts = np.flatnonzero(np.append(True, rising[1:] > rising[:-1]))
  up, both = np.add.reduceat(up, starts), np.add.reduceat(share[order], starts)
  down = np.add.reduceat((share * ~same)[order], starts)
  blocks = isotonic_regression(up / both, weights=both).blocks
  up, down = (np.repeat(np.add.reduceat(x, blocks[:-1]), np.diff(blocks)) for x in (up, down))
  return Pav(rising[starts], up / (up + down), down / (up + down))


def apply_pav(fitted: Pav, log10_lr: Float[np.ndarray, " t"]) -> Float[np.ndarray, " t"]:
  """Calibrated ratios: between those fitted to, the shares are interpolated; beyond them they stay (as in lir)."""
  same, different = (np.interp(log10_lr, fitted.log10_lr, x) for x in (fitted.same, fitted.different))
  with np.errstate(divide="ignore"):  # Where only one hypothesis occurs the ratio is infinite.
    return np.log10(same) - np.log10(different)


def pav(log10_lr: Ratios, same: Truths, weight: Weights = None) -> Ratios:
  """The ratios after the best calibration that keeps their order, chosen with the truth at hand."""
  return apply_pav(fit_pav(log10_lr, same, weight), log10_lr.astype(float))


def devpav(log10_lr: Ratios, same: Truths, weight: Weights = None) -> float:
  """Mean distance, in powers of ten, between the ratios and those of `pav` (Vergeer et al. 2021).

  The area between the curve through the finite points and the identity, over its width. NaN where the hypotheses are
  parted without error, for then no calibrated ratio is finite; infinite if an infinite ratio should have been finite
  (lir is NaN if that is the smallest and the largest ratio is finite before and after).
  """
  before = (fitted := fit_pav(log10_lr, same, weight)).log10_lr
  after = apply_pav(fitted, before)
  if (np.isinf(before) & np.isfinite(after)).any():
    return float("inf")
  before, after = before[np.isfinite(after)], after[np.isfinite(after)]
  if len(before) < 2:
    return float(abs(after - before)[0]) if len(before) else float("nan")
  off = after - before
  left, right = abs(off[:-1]), abs(off[1:])
  crossing = off[:-1] * off[1:] < 0  # Two triangles, else a trapezium.
  mean = np.divide(left**2 + right**2, 2 * (left + right), where=crossing, out=(left + right) / 2)
  return float(np.diff(before) @ mean / (before[-1] - before[0]))


def det(log10_lr: Ratios, same: Truths, weight: Weights = None) -> Det:
  """One point a distinct ratio (Martin et al. 1997)."""
  curve = rates.roc(*_of_rates(log10_lr, same, weight))
  return Det(curve.fpr, 1 - curve.tpr)


def eer(log10_lr: Ratios, same: Truths, weight: Weights = None) -> float:
  """Equal error rate, on the line between the two points of the curve next to it."""
  return rates.summary(rates.roc(*_of_rates(log10_lr, same, weight)))["eer"]


def tippett(log10_lr: Ratios, same: Truths, at: Float[np.ndarray, " t"], weight: Weights = None) -> Tippett:
  """Tippett plot of type 1: shares of ratios that are at least `at` (logarithms to base 10)."""
  log10_lr, same, share = _counted(log10_lr, same, weight)
  order = np.argsort(log10_lr, kind="stable")
  below = np.searchsorted(log10_lr[order], at, side="left")
  reached = lambda part: np.append(np.cumsum(part[::-1])[::-1], 0)[below]  # noqa: E731
  return Tippett(reached((share * same)[order]), reached((share * ~same)[order]))


def ece(
  log10_lr: Ratios, same: Truths, log10_prior_odds: Float[np.ndarray, " t"], weight: Weights = None
) -> Float[np.ndarray, " t"]:
  """Empirical cross-entropy in bits at each prior (Ramos et al. 2013); at even odds it is Cllr.

  lir subtracts posterior probabilities from 1: for a misleading ratio of 10^k it loses k digits, and from 10^16 on it
  is infinite.
  """
  log10_lr, same, share = _counted(log10_lr, same, weight)
  distinct, place = np.unique(log10_lr, return_inverse=True)  # After `pav` there are few.
  up, down = np.bincount(place, share * same), np.bincount(place, share * ~same)
  ratios = np.append(distinct[up > 0], distinct[down > 0])
  truths = np.arange(len(ratios)) < (up > 0).sum()
  return ece_costs(ratios, truths, log10_prior_odds) @ np.append(up[up > 0], down[down > 0])


def neutral_ece(log10_prior_odds: Float[np.ndarray, " t"]) -> Float[np.ndarray, " t"]:
  """Empirical cross-entropy of a ratio of 1 for every pair: what the prior alone leaves open."""
  return ece(np.zeros(2), np.array([True, False]), log10_prior_odds)


def ece_costs(log10_lr: Ratios, same: Truths, log10_prior_odds: Float[np.ndarray, " t"]) -> Float[np.ndarray, "t p"]:
  """Bits that each pair adds at each prior; the mean over each hypothesis, added, is the empirical cross-entropy."""
  wrong = np.where(same, -1, 1)  # The odds on the false hypothesis are the posterior ones, or one over them.
  costs = np.empty((len(log10_prior_odds), len(log10_lr)))
  for row, prior in zip(costs, log10_prior_odds, strict=True):
    odds = LOG2_10 * wrong * (prior + log10_lr)
    row[:] = np.logaddexp2(0, odds) / (1 + 10.0 ** (wrong * prior))
  return costs


def misleading(log10_lr: Ratios, same: Truths, weight: Weights = None) -> dict[str, float]:
  """Shares of pairs of two devices with a ratio above 1, 10, 100, and of pairs of one with less than 1, 1/10, 1/100."""
  log10_lr, same, share = _counted(log10_lr, same, weight)
  above = {f"different_above_{bound}": float(share @ (~same & (log10_lr > np.log10(bound)))) for bound in BOUNDS}
  below = {f"same_below_{1 / bound:g}": float(share @ (same & (log10_lr < -np.log10(bound)))) for bound in BOUNDS}
  return above | below


def summary(log10_lr: Ratios, same: Truths, weight: Weights = None) -> dict[str, float]:
  """All measures that are one number."""
  cost, best = cllr(log10_lr, same, weight), cllr_min(log10_lr, same, weight)
  return {
    "cllr": cost,
    "cllr_min": best,
    "cllr_cal": cost - best,
    "devpav": devpav(log10_lr, same, weight),
    "eer": eer(log10_lr, same, weight),
    **misleading(log10_lr, same, weight),
  }


def _of_rates(log10_lr: np.ndarray, same: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, ...]:
  log10_lr, same, share = _counted(log10_lr, same, weight)
  return same, log10_lr, share


def _counted(log10_lr: np.ndarray, same: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, ...]:
  """The pairs that count, in double precision, and the share of each in its hypothesis.

  Raises UserError without pairs of one of the hypotheses, and of a ratio that is not a number.
  """
  weight = np.ones(len(same)) if weight is None else weight.astype(float)
  log10_lr, same, weight = (x[weight > 0] for x in (log10_lr.astype(float), same, weight))
  if np.isnan(log10_lr).any():
    raise UserError(f"likelihood ratios that are not a number: {np.isnan(log10_lr).sum()} of {len(log10_lr)}")
  if same.all() or not same.any():
    raise UserError("measures of likelihood ratios need pairs of one device and pairs of two")
  return log10_lr, same, weight / np.where(same, weight[same].sum(), weight[~same].sum())
