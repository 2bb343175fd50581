"""Every look at a pair of patterns is paid for: the correlation that one look would have had to show to say as much.

z is the signed square root of PCE: a standard normal number for one look at unrelated sensors.
"""

import math

from scipy.special import log_ndtr, ndtri_exp

SMALL = -30.0  # Logarithm of a probability below which that of k of them is k times it, in double precision.
MOST_NEGATIVE = -700.0  # Of a logarithm whose exponential is a double-precision number.


def z_of(pce: float) -> float:
  return math.copysign(math.sqrt(abs(pce)), pce)


def log_false_alarm(z: float, n_looks: int | float) -> float:
  """Natural logarithm of the probability that the best of so many independent looks reaches z; stable for any z."""
  log_p = float(log_ndtr(-z)) + math.log(n_looks)
  if log_p < SMALL:
    return log_p
  return math.log(-math.expm1(max(_log_none(z, n_looks), MOST_NEGATIVE)))


def aligned(z: float, n_looks: int | float) -> float:
  """The z of one look with the same false-alarm probability; for large z about sqrt(z^2 - 2 ln k).

  Rises with z, falls with the number of looks, and is z itself for one.
  """
  if n_looks == 1:
    return z
  log_none = _log_none(z, n_looks)
  if log_none < math.log(0.5):  # A false alarm is likely: its complement has the digits.
    return float(ndtri_exp(log_none))
  return -float(ndtri_exp(log_false_alarm(z, n_looks)))


def _log_none(z: float, n_looks: int | float) -> float:
  """Logarithm of the probability that none of the looks reaches z."""
  return n_looks * float(log_ndtr(z))
