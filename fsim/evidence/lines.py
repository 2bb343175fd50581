"""Raw ratio, and similarity -> calibrated ratio: logistic regression, and the bounds that the data support.

Shapes: n trials, c columns.
"""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import spearmanr

from fsim.evidence.calibration import Line
from fsim.metrics.scores import SAME_DEVICE

if TYPE_CHECKING:
  from fsim.evidence.fitting import Truths

SLOPE, OFFSET = 0.5, 1.0  # Standard deviations about slope 1 and offset 0.
LEAST_SLOPE = 0.05  # A ratio never falls as z rises.
STEP = 0.01  # Of a bound, natural logarithm.
MOST = 20.0  # No bound is wider: no number of devices that anyone has would support it.


def fit(raw: Float[np.ndarray, " n"], similarity: Float[np.ndarray, " n"] | None, truths: "Truths") -> Line:
  """Both hypotheses count alike, and within them devices and pairs of devices; more devices hold less to slope 1.

  With a similarity its dependence on the raw ratio enters by the joint regression. Its weight is not below 0.
  """
  same, weights = truths.hypothesis == SAME_DEVICE, truths.weights()
  columns = [raw] if similarity is None else [raw, similarity]
  devices, different = truths.some(same).units(), truths.some(~same).units()
  x = np.stack([*columns, np.ones(len(raw))], 1)
  start = np.array([1.0, *np.zeros(len(columns) - 1), 0.0])
  signs = np.where(same, 1.0, -1.0)
  effective = min(devices, different)

  def cost(w: np.ndarray) -> tuple[float, np.ndarray]:
    margin = signs * (x @ w)
    prior = np.array([(w[0] - 1) / SLOPE**2, *w[1:-1], w[-1] / OFFSET**2])
    slope = -(weights * signs * expit(-margin)) @ x
    value = weights @ np.logaddexp(0, -margin) * effective + (prior * (w - start)).sum() / 2
    return float(value), slope * effective + prior

  least = [(LEAST_SLOPE, None), *[(0.0, None)] * (len(columns) - 1), (None, None)]
  slope, *weight, offset = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=least).x
  low, high = bounds(x @ np.array([slope, *weight, offset]), same, weights, devices, different)
  return Line(
    float(slope), float(offset), low, high, round(devices), round(different), float(weight[0]) if weight else 0.0
  )


def bounds(
  log_ratio: Float[np.ndarray, " n"], same: Bool[np.ndarray, " n"], weights: Float[np.ndarray, " n"],
  devices: int | float, pairs: int | float,
) -> tuple[float, float]:  # fmt: skip
  """ELUB (Vergeer et al. 2016, section 3): thresholds up to which deciding by the ratio beats deciding by the prior.

  Each hypothesis gets one misleading ratio more, beyond all others. What counts are devices and pairs of devices, not
  images, as if each were one ratio. `weights` sum to 1 in each hypothesis.
  """
  log_ratio = np.clip(log_ratio, -MOST, MOST)
  reach = max(float(np.abs(log_ratio).max()), 2 * STEP)
  at = np.arange(-reach, reach + STEP, STEP)
  order = np.argsort(log_ratio, kind="stable")
  below = np.searchsorted(log_ratio[order], at, side="left")
  sums = [np.append(0, np.cumsum((weights * which)[order]))[below] for which in (same, ~same)]
  miss = (sums[0] * devices + 1) / (devices + 1)
  alarm = ((1 - sums[1]) * pairs + 1) / (pairs + 1)
  useful = miss + np.exp(at) * alarm < np.minimum(1, np.exp(at))
  centre = int(np.argmin(np.abs(at)))
  up = centre + int(np.argmin(np.append(useful[centre + 1 :], False)))
  down = centre - int(np.argmin(np.append(useful[:centre][::-1], False)))
  return min(float(at[down]), 0.0), max(float(at[up]), 0.0)


def dependence(
  raw: Float[np.ndarray, " n"], similarity: Float[np.ndarray, " n"], truths: "Truths", hypothesis: str, draws: int = 999
) -> tuple[float, float]:
  """Spearman's correlation of the two given a hypothesis, and how probable one so large is if they are independent.

  Of the means over each pair of devices, which are permuted: images of one pair are not independent. NaN for fewer than
  four pairs.
  """
  own = truths.hypothesis == hypothesis
  place = np.unique(truths.some(own).pairs(), return_inverse=True)[1]
  counts = np.bincount(place)
  a, b = (np.bincount(place, x[own]) / counts for x in (raw, similarity))
  if len(counts) < 4 or np.ptp(a) == 0 or np.ptp(b) == 0:
    return float("nan"), float("nan")
  found = float(spearmanr(a, b).statistic)
  rng = np.random.default_rng(0)
  beyond = sum(abs(spearmanr(rng.permutation(a), b).statistic) >= abs(found) for _ in range(draws))
  return found, (beyond + 1) / (draws + 1)
