"""Score -> calibrated likelihood ratio, as pure functions of what was learned (`fitting`).

H1: one device took both. H2a: another device of the same model took one of them. H2b: a device of another model did.
The ratio of two densities of z, f1 given what these photographs can show (`expected`) and f0 of unrelated devices, is
made to rise with z, goes through a straight line fitted by logistic regression, and stays within bounds that the data
support (ELUB: Vergeer, van Es, de Jongh, Alberink & Stoel 2016). Logarithms are natural unless a name says log10.

Shapes: n trials, f features.
"""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.special import logsumexp

from fsim.evidence import expected
from fsim.evidence.expected import Predictor, References, Spread, Strength, Tail
from fsim.metrics.scores import OTHER_MODEL, SAME_MODEL

HYPOTHESES = (SAME_MODEL, OTHER_MODEL)  # H2a and H2b.
# z at which the densities are compared; between them the ratio is a straight line, beyond them it stays.
GRID = np.concatenate([np.arange(-4, 12, 0.25), np.geomspace(12, 400, 24)])
CHUNK = 256  # Trials at a time.
FEWER_NODES = 41  # Of an integral over cameras' factors where it is made for the whole grid.


class Trials(NamedTuple):
  """Comparisons: z of one look that says as much as `n_looks` did, in so many pixels, of photographs with features.

  which: of `references` is each trial's. agreement: of the references with each other, of variance 1 if they have
  nothing in common, NaN where it is not known. similarity: log-odds of one camera model, NaN where there is none.
  """

  z: Float[np.ndarray, " n"]
  n_looks: Float[np.ndarray, " n"]
  pixels: Float[np.ndarray, " n"]
  questioned: Float[np.ndarray, "n f"]
  references: list[References]
  which: Int[np.ndarray, " n"]
  agreement: Float[np.ndarray, " n"]
  similarity: Float[np.ndarray, " n"]

  def some(self, chosen: np.ndarray) -> "Trials":
    plain = {name: getattr(self, name)[chosen] for name in self._fields if name != "references"}
    return self._replace(**plain)


class Line(NamedTuple):
  """log ratio = offset + slope * raw + weight * similarity (0 without), kept within `low`..`high`.

  Attributes:
    devices, pairs: how many devices and pairs of devices the bounds rest on.
  """

  slope: float
  offset: float
  low: float
  high: float
  devices: int
  pairs: int
  similarity: float = 0.0


class Calibration(NamedTuple):
  """unrelated, lines: of each hypothesis in the data. fused: the line of H2b with the similarity, if it was learned.

  card: data, counts, command, figures and limits, for people; see `saved`.
  """

  predictor: Predictor
  spread: Spread
  unrelated: Mapping[str, Tail]
  lines: Mapping[str, Line]
  fused: Line | None
  card: Mapping[str, Any]


class Ratio(NamedTuple):
  """A likelihood ratio of H1 against another hypothesis.

  Attributes:
    log10: its logarithm to base 10, within low..high. low, high: the bounds, likewise.
    at_bound: whether the data would not support a ratio as extreme as the photographs gave.
  """

  log10: float
  low: float
  high: float
  at_bound: bool


def ratios(calibration: Calibration, trials: Trials, hypothesis: str) -> list[Ratio | None]:
  """Of each trial; None where the calibration's data have no pair of devices of this hypothesis.

  Against another model the similarity counts too, if the trial has it and the calibration learned it.
  """
  line = calibration.lines.get(hypothesis)
  if line is None:
    return [None] * len(trials.z)
  found: list[Ratio | None] = []
  fused = calibration.fused if hypothesis == OTHER_MODEL else None
  for value, similarity in zip(raw(calibration, trials, hypothesis), trials.similarity, strict=True):
    is_fused = fused is not None and not math.isnan(similarity)
    found.append(through(fused if is_fused else line, float(value), float(similarity) if is_fused else 0.0))
  return found


def through(line: Line, value: float, similarity: float = 0.0) -> Ratio:
  free = line.offset + line.slope * value + line.similarity * similarity
  low, high = line.low / math.log(10), line.high / math.log(10)
  return Ratio(min(max(free / math.log(10), low), high), low, high, not line.low <= free <= line.high)


def raw(calibration: Calibration, trials: Trials, hypothesis: str) -> Float[np.ndarray, " n"]:
  """Log of f1 / f0, rising with z, before the line: from `gone` (nothing can be said) upwards."""
  strength = strength_of(calibration.predictor, trials)
  values = np.empty(len(trials.z))
  for first in range(0, len(values), CHUNK):
    some = np.arange(first, min(first + CHUNK, len(values)))
    curve = _curve(calibration, strength.some(some), trials.agreement[some], trials.n_looks[some], hypothesis)
    values[some] = [np.interp(z, GRID, row) for z, row in zip(trials.z[some], curve, strict=True)]
  return values


def strength_of(predictor: Predictor, trials: Trials) -> Strength:
  return expected.strength(predictor, trials.questioned, trials.pixels, trials.references, trials.which)


def of_singles(calibration: Calibration, log_z: Float[np.ndarray, " n"], hypothesis: str) -> Float[np.ndarray, "n g"]:
  """Log of the ratio at GRID, through the line and without its bounds, of two photographs alone and one look.

  log_z: of the z that a camera of middle strength would show with them.
  """
  n, line = len(log_z), calibration.lines[hypothesis]
  strength = Strength(log_z, np.zeros(n), np.ones(n, bool), np.full(n, -np.inf))
  return line.offset + line.slope * _curve(calibration, strength, np.full(n, np.nan), np.ones(n), hypothesis)


def _curve(
  calibration: Calibration,
  strength: Strength,
  agreement: Float[np.ndarray, " n"],
  n_looks: Float[np.ndarray, " n"],
  hypothesis: str,
) -> Float[np.ndarray, "n g"]:
  """Of each trial, at GRID."""
  unrelated, n = calibration.unrelated[hypothesis], len(n_looks)
  shares, gone, left, deviation = expected.components(
    calibration.spread, unrelated, strength, agreement, n_looks, FEWER_NODES
  )
  curve = np.empty((n, len(GRID)))
  for place, z in enumerate(GRID):
    density = logsumexp(shares + expected.log_normal(z - left, deviation), axis=1)
    curve[:, place] = np.logaddexp(density - unrelated.log_density(np.array([z])), gone)
  return np.maximum.accumulate(curve, axis=1)


def missed(calibration: Calibration, trials: Trials, hypothesis: str) -> Float[np.ndarray, " n"]:
  """Share of photographs like these, of one camera, whose ratio would not exceed 1: what the absence of a match hides.

  From f1, the distribution of z that is expected of them. Raises KeyError for a hypothesis that has no data.
  """
  strength, line = strength_of(calibration.predictor, trials), calibration.lines[hypothesis]
  needed = -line.offset / line.slope  # Of the raw logarithm, for a ratio of 1.
  curve = _curve(calibration, strength, trials.agreement, trials.n_looks, hypothesis)
  unrelated = calibration.unrelated[hypothesis]
  below = np.array([np.searchsorted(row, needed, side="right") for row in curve])
  z = np.append(GRID, np.inf)[below]
  return expected.share_below(calibration.spread, unrelated, strength, trials.agreement, trials.n_looks, z, FEWER_NODES)


def expected_z(calibration: Calibration, trials: Trials) -> Float[np.ndarray, " n"]:
  """What z would be for a camera of the middle strength, all looks paid for."""
  mean = expected.means(strength_of(calibration.predictor, trials), np.zeros(1))[0][:, 0]
  return np.sqrt(np.maximum(mean**2 - 2 * np.log(trials.n_looks), 0))
