"""The z that two photographs of one camera should show, given what they can show: a distribution, learned from data.

The signal-to-noise ratio s of a pixel's sensor noise is log-linear in the features of a photograph (`quality`).
Against a fingerprint of references r, z has the mean sqrt(pixels) s sqrt(S / (1 + S)), S the sum of their s^2; between
two single photographs it is sqrt(pixels) s s_r and a factor for the other weighting. A camera multiplies all its s by a
factor of its own, lognormal; with the probability `gone` nothing is left of its noise (merged exposures, strong noise
reduction). How well references agree with each other says which of these cameras theirs may be.

Shapes: n trials, f features, a cameras' factors (nodes of an integral), p photographs.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import logsumexp, ndtr

from fsim.evidence.quality import NAMES

REACH, NODES = 4.0, 81  # Standard deviations of the cameras' factors over which is integrated, and in how many steps.
HALF_LOG_TAU = 0.5 * np.log(2 * np.pi)


class Predictor(NamedTuple):
  """Log of s: offset + slopes (features - centre) / scale, features held within low..high, those of the data.

  single: what the logarithm of z has more between two single photographs. pixels: fewest and most in the data.
  """

  offset: float
  single: float
  slopes: Float[np.ndarray, " f"]
  centre: Float[np.ndarray, " f"]
  scale: Float[np.ndarray, " f"]
  low: Float[np.ndarray, " f"]
  high: Float[np.ndarray, " f"]
  pixels: tuple[float, float]

  def log_s(self, features: Float[np.ndarray, "p f"]) -> Float[np.ndarray, " p"]:
    within = np.clip(features, self.low, self.high)
    return self.offset + (within - self.centre) / self.scale @ self.slopes

  def outside(self, features: Float[np.ndarray, " f"], pixels: int) -> list[str]:
    """Names of what is beyond the data and therefore held at their edge."""
    slack = 1e-6 * self.scale
    beyond = (features < self.low - slack) | (features > self.high + slack)
    names = [name for name, is_beyond in zip(NAMES, beyond, strict=True) if is_beyond]
    return names + ["pixels"] * (not self.pixels[0] <= pixels <= self.pixels[1])


class Spread(NamedTuple):
  """camera: standard deviation of the log of a camera's factor. photograph: share of z by which photographs scatter.

  gone: share of cameras without sensor noise in their files. lost: share of photographs without it of the others.
  """

  camera: float
  photograph: float
  gone: float
  lost: float


class Tail(NamedTuple):
  """z of unrelated sensors: normal, with the share `far` from a wider one."""

  deviation: float
  far: float
  wide: float

  def log_density(self, z: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    near = np.log1p(-self.far) + log_normal(z, self.deviation)
    return np.logaddexp(near, np.log(self.far) + log_normal(z, self.wide))

  def share_below(self, z: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    return (1 - self.far) * ndtr(z / self.deviation) + self.far * ndtr(z / self.wide)


class Strength(NamedTuple):
  """What trials can show, but for the camera's factor: logs of mean z and of the fingerprint's S.

  log_z: of sqrt(pixels) s for a fingerprint, of the whole mean for a single reference. log_sum: of S. single: which.
  log_agreement: of the mean of the references' agreement; -inf where there is none.
  """

  log_z: Float[np.ndarray, " n"]
  log_sum: Float[np.ndarray, " n"]
  single: Bool[np.ndarray, " n"]
  log_agreement: Float[np.ndarray, " n"]

  def some(self, which: np.ndarray) -> "Strength":
    return Strength(*(values[which] for values in self))


class References(NamedTuple):
  """The references of one candidate: features, and in how many pixels their agreement was looked at (0: it was not)."""

  features: Float[np.ndarray, "p f"]
  square: int


def log_normal(x: Float[np.ndarray, "*n"], deviation: Float[np.ndarray, "*n"] | float) -> Float[np.ndarray, "*n"]:
  return -0.5 * (x / deviation) ** 2 - np.log(deviation) - HALF_LOG_TAU


def strength(
  predictor: Predictor,
  questioned: Float[np.ndarray, "n f"],
  pixels: Float[np.ndarray, " n"],
  references: list[References],
  which: Int[np.ndarray, " n"],
) -> Strength:
  """`which`: of the references is each trial's."""
  log_root = 0.5 * np.log(np.clip(pixels, *predictor.pixels))
  log_s = log_root + predictor.log_s(questioned)
  counts = np.array([len(own.features) for own in references])
  starts = np.append(0, np.cumsum(counts)[:-1])
  s = np.exp(predictor.log_s(np.concatenate([own.features for own in references])))
  sums, squares = np.add.reduceat(s, starts), np.add.reduceat(s**2, starts)
  square = np.minimum([own.square for own in references], predictor.pixels[1])
  with np.errstate(divide="ignore"):  # Of those whose agreement is not known.
    # The mean of the sum of all pairs' z over the root of their number.
    pairs = np.log(np.where(counts > 1, (sums**2 - squares) / np.sqrt(2 * np.maximum(counts * (counts - 1), 1)), 0))
    agreements = pairs + predictor.single + 0.5 * np.log(square)
  single = (counts == 1)[which]
  log_sum = np.log(squares)[which]
  log_z = np.where(single, log_s + log_sum / 2 + predictor.single, log_s)
  return Strength(log_z, log_sum, single, agreements[which])


def nodes(spread: Spread, count: int = NODES) -> tuple[Float[np.ndarray, " a"], Float[np.ndarray, " a"]]:
  """Logs of cameras' factors, and logs of their shares, `gone` left aside."""
  x = np.linspace(-REACH, REACH, count)
  weights = -(x**2) / 2
  return x * spread.camera, weights - logsumexp(weights)


def means(
  trials: Strength, factors: Float[np.ndarray, " a"]
) -> tuple[Float[np.ndarray, "n a"], Float[np.ndarray, "n a"]]:
  """Of z and of the references' agreement, for every camera's factor."""
  log_sum = trials.log_sum[:, None] + 2 * factors
  against_print = trials.log_z[:, None] + factors - 0.5 * np.logaddexp(0, -log_sum)
  against_image = trials.log_z[:, None] + 2 * factors
  z = np.exp(np.where(trials.single[:, None], against_image, against_print))
  return z, np.exp(trials.log_agreement[:, None] + 2 * factors)


def posterior(
  spread: Spread, unrelated: Tail, agreement: Float[np.ndarray, " n"], expected: Float[np.ndarray, "n a"],
  log_prior: Float[np.ndarray, " a"],
) -> tuple[Float[np.ndarray, "n a"], Float[np.ndarray, " n"]]:  # fmt: skip
  """Logs of the shares of every camera's factor, and of `gone`, once the references' agreement is known (NaN: not)."""
  known = ~np.isnan(agreement)
  seen = np.where(known, agreement, 0.0)
  deviation = np.sqrt(unrelated.deviation**2 + (spread.photograph * expected) ** 2)
  factors = np.log1p(-spread.gone) + log_prior + known[:, None] * log_normal(seen[:, None] - expected, deviation)
  gone = np.log(spread.gone) + known * unrelated.log_density(seen)
  total = np.logaddexp(logsumexp(factors, axis=1), gone)
  return factors - total[:, None], gone - total


class Components(NamedTuple):
  """f1 as a sum of normal densities, one for every camera's factor, and of f0 for what is gone or lost.

  shares, gone: logs. mean, deviation: of z, paid looks taken off.
  """

  shares: Float[np.ndarray, "n a"]
  gone: Float[np.ndarray, " n"]
  mean: Float[np.ndarray, "n a"]
  deviation: Float[np.ndarray, "n a"]


def components(
  spread: Spread,
  unrelated: Tail,
  trials: Strength,
  agreement: Float[np.ndarray, " n"],
  n_looks: Float[np.ndarray, " n"],
  count: int = NODES,
) -> Components:
  """Of z that one camera's photographs should have, by what they can show and by how well the references agree."""
  factors, log_prior = nodes(spread, count)
  single_look, agreed = means(trials, factors)
  shares, gone = posterior(spread, unrelated, agreement, agreed, log_prior)
  gone = np.logaddexp(np.log(spread.lost) + logsumexp(shares, axis=1), gone)
  shares = shares + np.log1p(-spread.lost)
  mean = np.sqrt(np.maximum(single_look**2 - 2 * np.log(n_looks)[:, None], 0))
  return Components(shares, gone, mean, np.sqrt(1 + (spread.photograph * mean) ** 2))


def share_below(
  spread: Spread,
  unrelated: Tail,
  trials: Strength,
  agreement: Float[np.ndarray, " n"],
  n_looks: Float[np.ndarray, " n"],
  z: Float[np.ndarray, " n"],
  count: int = NODES,
) -> Float[np.ndarray, " n"]:
  """Probability of less than z if one camera took both."""
  shares, gone, mean, deviation = components(spread, unrelated, trials, agreement, n_looks, count)
  below = (np.exp(shares) * ndtr((z[:, None] - mean) / deviation)).sum(1)
  return below + np.exp(gone) * unrelated.share_below(z)
