"""Comparisons of known devices -> a calibration. Devices weigh equally, whatever number of photographs they have.

Shapes: n trials, f features, d devices, a cameras' factors.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.optimize import minimize
from scipy.special import expit, logit, logsumexp

from fsim.boundary.errors import UserError
from fsim.evidence import calibration, expected, lines
from fsim.evidence.calibration import HYPOTHESES, Calibration, Trials
from fsim.evidence.expected import Predictor, Spread, Tail
from fsim.evidence.quality import NAMES
from fsim.metrics.scores import OTHER_MODEL, SAME_DEVICE

MIN_DEVICES = 6  # Without so many, what is said of a camera never seen would be a guess.
TRIALS = 16  # Of a device, at most, from which the expected z is learned.
PRIOR = 0.3  # Standard deviation of a slope about what it should be: 1 of the information, 0 of all else.
START = np.array([-4.5, 0.0, *np.zeros(len(NAMES)), np.log(0.5), np.log(0.15), logit(0.1), logit(0.03)])
RANGES = [(-3, 1), (-4, 0), (-6, 2), (-6, 0)]  # Of the last of them.
SPREADS = len(Spread._fields)
NEAR = (1.0, 1.5)  # Least and largest standard deviation of most z of unrelated sensors.
WIDE = 1.5  # Least standard deviation of the others, in units of the former.


class Truths(NamedTuple):
  """Of each trial: its hypothesis, and numbers of the devices of the questioned photograph and of the candidate.

  times: how often its device, or pair of devices, counts.
  """

  hypothesis: np.ndarray
  questioned: Int[np.ndarray, " n"]
  candidate: Int[np.ndarray, " n"]
  times: Float[np.ndarray, " n"]

  def some(self, chosen: np.ndarray) -> "Truths":
    return Truths(*(values[chosen] for values in self))

  def pairs(self) -> Int[np.ndarray, " n"]:
    """A number of the pair of devices, whichever was questioned."""
    low, high = np.minimum(self.questioned, self.candidate), np.maximum(self.questioned, self.candidate)
    return np.unique(np.stack([low, high], 1), axis=0, return_inverse=True)[1].reshape(-1)

  def weights(self) -> Float[np.ndarray, " n"]:
    """Devices count by their times among trials of one device, pairs of devices among those of two; sums are 1."""
    pairs, found = self.pairs(), np.empty(len(self.hypothesis))
    for hypothesis in np.unique(self.hypothesis):
      own = self.hypothesis == hypothesis
      _, place, count = np.unique(pairs[own], return_inverse=True, return_counts=True)
      found[own] = self.times[own] / count[place]
      found[own] /= found[own].sum()
    return found

  def units(self) -> float:
    """Pairs of devices that, counting alike, would say as much as these do (Kish's effective number)."""
    pairs = self.pairs()
    sums = np.bincount(pairs, self.times / np.bincount(pairs)[pairs])
    return float(sums.sum() ** 2 / (sums**2).sum())


def fit(trials: Trials, truths: Truths, card: Mapping[str, Any]) -> Calibration:
  """Needs what `require` asks for, but for the number of devices."""
  same = truths.hypothesis == SAME_DEVICE
  tails = {h: fit_tail(trials, truths, h) for h in HYPOTHESES if (truths.hypothesis == h).any()}
  predictor, spread = _fit_expected(trials.some(same), truths.some(same), tails[OTHER_MODEL])
  unlined = Calibration(predictor, spread, tails, {}, None, card)
  return lined(unlined, trials, truths)


def require(truths: Truths) -> None:
  """Raises UserError for fewer than MIN_DEVICES devices with photographs of their own, or no pair of two models."""
  devices = len(np.unique(truths.candidate[truths.hypothesis == SAME_DEVICE]))
  if devices < MIN_DEVICES:
    cause = f"{devices} devices have photographs enough to be compared with themselves"
    raise UserError(f"a calibration needs at least {MIN_DEVICES} devices, better fifty: {cause}")
  if not (truths.hypothesis == OTHER_MODEL).any():
    raise UserError("a calibration needs devices of two models with photographs of one size")


def lined(unlined: Calibration, trials: Trials, truths: Truths) -> Calibration:
  """With the lines and their bounds, for each hypothesis in the data and, where all have it, the similarity."""
  made: dict[str, calibration.Line] = {}
  fused = None
  for hypothesis in unlined.unrelated:
    chosen = np.isin(truths.hypothesis, (SAME_DEVICE, hypothesis))
    some, own = trials.some(chosen), truths.some(chosen)
    raw = calibration.raw(unlined, some, hypothesis)
    made[hypothesis] = lines.fit(raw, None, own)
    has = ~np.isnan(some.similarity)
    if hypothesis == OTHER_MODEL and has.any():
      fused = lines.fit(raw[has], some.similarity[has], own.some(has))
  return unlined._replace(lines=made, fused=fused)


def fit_tail(trials: Trials, truths: Truths, hypothesis: str) -> Tail:
  """z of devices of this hypothesis, pairs of devices alike; its tail is no lighter than what was seen."""
  chosen = truths.hypothesis == hypothesis
  z, some = trials.z[chosen], truths.some(chosen)
  pairs, weights = some.units(), some.weights()
  rarest = 1 / (pairs + 1)

  def tail(x: np.ndarray) -> Tail:
    deviation = NEAR[0] + (NEAR[1] - NEAR[0]) * expit(x[0])
    return Tail(deviation, rarest + (0.5 - rarest) * expit(x[1]), deviation * (WIDE + np.exp(x[2])))

  def cost(x: np.ndarray) -> float:
    return -pairs * float(weights @ tail(x).log_density(z)) + 0.01 * float(x @ x)

  found = tail(minimize(cost, np.array([0.0, -3.0, -1.0]), method="Nelder-Mead").x)
  # A normal density that has its largest of so many at the largest z seen.
  farthest = float(np.abs(z).max()) / np.sqrt(2 * np.log(max(len(z) * found.far, 3.0)))
  return found._replace(wide=max(found.wide, farthest))


def _fit_expected(trials: Trials, truths: Truths, unrelated: Tail) -> tuple[Predictor, Spread]:
  """Most likely parameters, all trials of a device sharing its camera's factor; slopes are held near what they mean."""
  start = _scaled(trials)
  few = _some_of_each(truths.candidate, TRIALS)
  some, (_, first, devices) = trials.some(few), np.unique(truths.candidate[few], return_index=True, return_inverse=True)
  times = truths.times[few][first]
  times *= truths.units() / times.sum()
  information = NAMES.index("information")
  wanted = np.zeros(len(NAMES))
  wanted[information] = start.scale[information]

  def cost(x: np.ndarray) -> float:
    predictor, spread = _parameters(x, start)
    prior = (((predictor.slopes - wanted) / PRIOR) ** 2).sum() / 2 + (predictor.single / PRIOR) ** 2 / 2
    prior += ((x[-SPREADS:] - START[-SPREADS:]) ** 2).sum() / 2
    return float(prior - _log_likelihood(predictor, spread, unrelated, some, devices) @ times)

  begin = START.copy()
  begin[2:-SPREADS] = wanted
  offsets = np.arange(-6.5, -2, 0.5)
  begin[0] = offsets[np.argmin([cost(np.append(value, begin[1:])) for value in offsets])]
  found = minimize(cost, begin, method="L-BFGS-B", bounds=[(-12, 4)] * (len(begin) - SPREADS) + RANGES)
  return _parameters(found.x, start)


def _parameters(x: np.ndarray, start: Predictor) -> tuple[Predictor, Spread]:
  predictor = start._replace(offset=float(x[0]), single=float(x[1]), slopes=x[2:-SPREADS])
  camera, photograph = np.exp(x[-SPREADS:-2])
  gone, lost = expit(x[-2:])
  return predictor, Spread(float(camera), float(photograph), float(gone), float(lost))


def _log_likelihood(
  predictor: Predictor, spread: Spread, unrelated: Tail, trials: Trials, devices: Int[np.ndarray, " n"]
) -> Float[np.ndarray, " d"]:
  """Of each device."""
  strength = calibration.strength_of(predictor, trials)
  factors, log_prior = expected.nodes(spread, calibration.FEWER_NODES)
  mean = expected.means(strength, factors)[0]
  there = expected.log_normal(trials.z[:, None] - mean, np.sqrt(1 + (spread.photograph * mean) ** 2))
  nothing = unrelated.log_density(trials.z)
  each = np.logaddexp(np.log1p(-spread.lost) + there, np.log(spread.lost) + nothing[:, None])
  count = devices.max() + 1
  camera = np.zeros((count, len(factors)))
  np.add.at(camera, devices, each)
  gone = np.bincount(devices, nothing, count)
  left = np.log1p(-spread.gone) + logsumexp(camera + log_prior, axis=1)
  return np.logaddexp(left, np.log(spread.gone) + gone)


def _scaled(trials: Trials) -> Predictor:
  """Centre, scale and range of the features."""
  seen = np.concatenate([trials.questioned, *(references.features for references in trials.references)])
  scale = np.maximum(seen.std(0), 1e-3)
  pixels = (float(trials.pixels.min()), float(trials.pixels.max()))
  slopes = np.zeros(len(NAMES))
  return Predictor(0.0, 0.0, slopes, seen.mean(0), scale, seen.min(0), seen.max(0), pixels)


def _some_of_each(devices: Int[np.ndarray, " n"], count: int) -> Bool[np.ndarray, " n"]:
  """At most so many of each, from all over its trials."""
  chosen = np.zeros(len(devices), bool)
  for device in np.unique(devices):
    own = np.flatnonzero(devices == device)
    chosen[own[np.unique(np.linspace(0, len(own) - 1, count).round().astype(int))]] = True
  return chosen


def left_out(
  trials: Trials, truths: Truths, models: Int[np.ndarray, " d"], folds: int
) -> dict[str, Float[np.ndarray, " n"]]:
  """Ratios (log10) against each hypothesis by calibrations that have seen no device of the candidate's model.

  models: of each device, by its number. NaN where that calibration says nothing, or would have no pair of two models.
  """
  fold = np.unique(models, return_inverse=True)[1] % folds
  found = {hypothesis: np.full(len(trials.z), np.nan) for hypothesis in HYPOTHESES}
  for k in range(folds):
    inside = fold[truths.candidate] == k
    learned = ~inside & (fold[truths.questioned] != k)
    if not {SAME_DEVICE, OTHER_MODEL} <= set(truths.hypothesis[learned]):
      continue
    made = fit(trials.some(learned), truths.some(learned), {})
    for hypothesis in HYPOTHESES:
      which = np.flatnonzero(inside & np.isin(truths.hypothesis, (SAME_DEVICE, hypothesis)))
      answers = calibration.ratios(made, trials.some(which), hypothesis)
      found[hypothesis][which] = [np.nan if answer is None else answer.log10 for answer in answers]
  return found
