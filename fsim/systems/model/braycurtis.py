"""A baseline: how far apart are the answers of a network that names camera models (Mayer & Stamm 2018, section 4)?

The Bray-Curtis distance between two softmax vectors takes the place of the learned similarity.
Shapes: p pairs of patches, c classes.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from fsim.boundary.errors import UserError
from fsim.metrics import rates
from fsim.systems.model import model_pair_accuracy


class Comparison(NamedTuple):
  """Both systems on the same pairs of unknown models, at one share of different models that are called the same.

  false_alarm: that share for the compared system, at its own threshold. reached: for the distance, at the largest
  threshold that does not exceed it (found on these very pairs, in the baseline's favour). found, baseline_found: shares
  of the pairs of one model that are called so. auc, baseline_auc: over all thresholds. threshold: a distance.
  """

  models: int
  same: int
  different: int
  false_alarm: float
  reached: float
  found: float
  baseline_found: float
  auc: float
  baseline_auc: float
  threshold: float


def distances(a: Float[np.ndarray, "p c"], b: Float[np.ndarray, "p c"]) -> Float[np.ndarray, " p"]:
  """Sum of |a - b| over the sum of |a + b|, row by row: 0 for equal probabilities, 1 for disjoint ones."""
  a, b = a.astype(np.float64), b.astype(np.float64)
  return np.abs(a - b).sum(1) / np.abs(a + b).sum(1)


def compare(pairs: pd.DataFrame, distance: Float[np.ndarray, " p"]) -> Comparison:
  """On the pairs of unknown models among the scored `pairs` of patches; `distance` belongs to the same rows.

  Raises UserError without unknown models, or with one only.
  """
  inside = (pairs["side_a"].astype(str) == model_pair_accuracy.UNKNOWN) & (
    pairs["side_b"].astype(str) == model_pair_accuracy.UNKNOWN
  )
  own, distance = pairs[inside], distance[inside.to_numpy()]
  same = model_pair_accuracy.same_model(own)
  if same.all() or not same.any():
    raise UserError("the baseline needs pairs of one unknown model and pairs of two")
  weight = model_pair_accuracy.weights(own)
  score = own["log_odds"].to_numpy(np.float64)
  rate = lambda called, kind: float(np.average(called[kind], weights=weight[kind]))  # noqa: E731
  false_alarm = rate(score >= 0, ~same)
  near = _threshold(distance[~same], weight[~same], false_alarm)
  auc = [rates.summary(rates.roc(same, s, weight))["auc"] for s in (score, -distance)]
  return Comparison(
    models=own["model_a"].astype(str).nunique(),
    same=int(same.sum()),
    different=int((~same).sum()),
    false_alarm=false_alarm,
    reached=rate(distance <= near, ~same),
    found=rate(score >= 0, same),
    baseline_found=rate(distance <= near, same),
    auc=auc[0],
    baseline_auc=auc[1],
    threshold=near,
  )


def _threshold(different: Float[np.ndarray, " p"], weight: Float[np.ndarray, " p"], most: float) -> float:
  """The largest distance up to which at most the share `most` of the different pairs lies; below 0 if none does."""
  order = np.argsort(different, kind="stable")
  ranked, share = different[order], weight[order].cumsum() / weight.sum()
  ends = np.append(ranked[1:] > ranked[:-1], True)  # A threshold cannot part equal distances.
  within = ranked[ends & (share <= most * (1 + 1e-9))]
  return float(within[-1]) if len(within) else -1.0
