"""Every look at a pair of patterns is paid for: the correlation that one look would have had to show to say as much.

z is the signed square root of PCE: a standard normal number for one look at unrelated sensors.
"""

import math

from scipy.special import log_ndtr, ndtri, ndtri_exp

SMALL = -30.0  # Logarithm of a probability below which that of k of them is k times it, in double precision.


def z_of(pce: float) -> float:
  return math.copysign(math.sqrt(abs(pce)), pce)


def log_false_alarm(z: float, n_looks: float) -> float:
  """Natural logarithm of the probability that the best of so many independent looks reaches z; stable for any z."""
  single = float(log_ndtr(-z))
  if single + math.log(n_looks) < SMALL:
    return single + math.log(n_looks)
  if single > -1e-9:  # Nearly certain in one look already.
    return single
  none = n_looks * math.log1p(-math.exp(single))
  return math.log(-math.expm1(none)) if none > -700 else -math.exp(none)


def aligned(z: float, n_looks: float) -> float:
  """The z of one look with the same false-alarm probability; for large z about sqrt(z^2 - 2 ln k).

  Rises with z, falls with the number of looks, and is z itself for one.
  """
  if n_looks == 1:
    return z
  log_p = log_false_alarm(z, n_looks)
  if log_p < math.log(0.5):
    return -float(ndtri_exp(log_p))
  return float(ndtri(max(-math.expm1(log_p), 1e-300)))


def discounted(expected: float, n_looks: float) -> float:
  """What is left of an expected z when so many looks are paid for."""
  return math.sqrt(max(expected**2 - 2 * math.log(n_looks), 0.0))
