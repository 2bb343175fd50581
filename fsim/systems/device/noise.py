"""Sensor noise beside the learned signatures, and what both say together about a pair of photographs.

The devices that were learned have a fingerprint each, the mean of their training photographs' patterns. A photograph is
held against all of them, as the network names the device that it learned; and two photographs are held against each
other, which works for any device.

Shapes: n m photographs, c learned devices, k strengths, s pixels a side, t bytes a row of pixels, p pairs.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from scipy.optimize import minimize
from scipy.special import expit, logsumexp

from fsim.boundary.errors import UserError
from fsim.prnu import compact
from fsim.prnu.compact import Patterns

QUANTILES = 16  # Of the strengths that are kept of each device.
FAINTER = 0.5 ** np.arange(5)  # Parts of these strengths that a photograph may show, each alike.
UNKNOWN = 0.5  # Prior probability that a photograph is of no device that was learned.
SMALLEST_RATIO = 1e-6  # No smaller likelihood ratio is said: nobody's data have tested such tails.
NAMES = ("network", "noise", "fingerprints")  # What is combined, in this order: see `Parts`.


class Gallery(NamedTuple):
  """Fingerprints of the learned devices.

  Attributes:
    prints: the mean patterns, packed.
    strengths: z of training photographs with the fingerprint of the others of their device, in QUANTILES; 0 for a
      device with a single one.
    spread: standard deviation of z with the fingerprints of other devices.
  """

  prints: UInt8[np.ndarray, "c s t"]
  strengths: Float[np.ndarray, "c k"]
  spread: float


class Parts(NamedTuple):
  """What is known of every pair.

  Attributes:
    network: log-odds of the similarity network, the published answer.
    noise: z of the two patterns.
    fingerprints: log of the likelihood ratio by the learned devices: both are of one of them, or not.
  """

  network: Float[np.ndarray, "n m"]
  noise: Float[np.ndarray, "n m"]
  fingerprints: Float[np.ndarray, "n m"]


class Weights(NamedTuple):
  """Log-odds of one device: offset + the parts, weighted."""

  offset: float
  network: float
  noise: float
  fingerprints: float


NETWORK_ALONE = Weights(0.0, 1.0, 0.0, 0.0)


def enrol(patterns: Patterns, labels: Int[np.ndarray, " n"], classes: int) -> Gallery:
  """Of training photographs. A device's fingerprint is of those in landscape, if there are any."""
  prints, strengths, side = [], [], patterns.packed.shape[1]
  for device in range(classes):
    own = np.flatnonzero(labels == device)
    level = own[~patterns.portrait[own]]
    rows = compact.units(compact.unpack(patterns.packed[level if len(level) else own]))
    prints.append(compact.pack(rows.sum(0).reshape(1, side, side))[0])
    strengths.append(np.quantile(without_each(rows), np.linspace(0, 1, QUANTILES)))
  gallery = Gallery(np.stack(prints), np.maximum(np.stack(strengths), 0).astype(np.float32), 1.0)
  other = labels[:, None] != np.arange(classes)
  unrelated = against(patterns, gallery)[other]
  return gallery._replace(spread=max(float(np.sqrt((unrelated**2).mean())), 1.0))


def without_each(rows: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " n"]:
  """z of each with the sum of all others; 0 of one alone."""
  if len(rows) < 2:
    return np.zeros(len(rows), np.float32)
  total, size = rows.sum(0), np.sqrt(rows.shape[1])
  products = rows @ total
  return (products - size) * np.sqrt(size) / np.sqrt(np.maximum(total @ total - 2 * products + size, 1e-12))


def against(patterns: Patterns, gallery: Gallery) -> Float[np.ndarray, "n c"]:
  """z of photographs with the fingerprints of the learned devices."""
  count = len(gallery.prints)
  return compact.z(patterns, Patterns(gallery.prints, np.zeros(count, bool), np.zeros((count, 2), int)))


def posteriors(z: Float[np.ndarray, "n c"], gallery: Gallery) -> Float[np.ndarray, "n e"]:
  """Probabilities that a photograph is of each learned device, and last of none of them (e = c + 1).

  A device's photograph shows its noise as clearly as one of its training photographs, or a part of that (FAINTER), and
  its z has the variance 1 around that: evenly lit references show more than what is asked about. One without any
  pattern (a blank one; z of exactly 0 with all) says nothing.
  """
  seen = z[..., None] / gallery.spread
  strengths = (gallery.strengths[..., None] * FAINTER / gallery.spread).reshape(len(gallery.strengths), -1)
  ratios = logsumexp(strengths * seen - strengths**2 / 2, axis=2) - np.log(strengths.shape[1])
  ratios[~z.any(1)] = 0
  log_joint = np.concatenate([ratios, np.zeros((len(z), 1))], 1) + np.log(_prior(len(strengths)))
  return np.exp(log_joint - logsumexp(log_joint, axis=1, keepdims=True))


def log_ratios(a: Float[np.ndarray, "n e"], b: Float[np.ndarray, "m e"]) -> Float[np.ndarray, "n m"]:
  """Of one device against two that are drawn apart, by `posteriors` of both photographs."""
  return np.log(np.maximum((a / _prior(a.shape[1] - 1)) @ b.T, SMALLEST_RATIO))


def _prior(classes: int) -> Float[np.ndarray, " e"]:
  return np.append(np.full(classes, (1 - UNKNOWN) / classes), UNKNOWN)


def parts(network: Float[np.ndarray, "n m"], a: Patterns | None, b: Patterns | None, gallery: Gallery | None) -> Parts:
  """Of every photograph with every other. Where no noise is looked at, it says nothing: 0."""
  if gallery is None:
    return Parts(network, *np.zeros((2, *network.shape), np.float32))
  by_device = [posteriors(against(patterns, gallery), gallery) for patterns in (a, b)]
  return Parts(network, compact.z(a, b), log_ratios(*by_device))


def learn(parts: Parts, same: Bool[np.ndarray, "n n"]) -> Weights:
  """By logistic regression on all pairs of validation photographs; no part may speak against what it says.

  Each pair counts as it is, and once more as if neither device had been learned, so that what works for any device
  keeps its weight.
  """
  upper = np.triu_indices(len(same), 1)
  x = np.stack([part[upper] for part in parts], 1).astype(np.float64)
  unlearned = x.copy()
  unlearned[:, NAMES.index("fingerprints")] = -np.log(UNKNOWN)  # Both of none of them.
  x, sign = np.concatenate([x, unlearned]), np.where(np.tile(same[upper], 2), 1.0, -1.0)
  scale = np.maximum(x.std(0), 1e-6)

  def cost(weights: Float[np.ndarray, " w"]) -> tuple[float, Float[np.ndarray, " w"]]:
    """Log loss, shrunk by as much as one pair, with its gradient."""
    margin = sign * (weights[0] + x / scale @ weights[1:])
    pull = -sign * expit(-margin)
    shrunk = np.append(0.0, weights[1:])
    return np.logaddexp(0, -margin).sum() + shrunk @ shrunk / 2, np.append(pull.sum(), pull @ (x / scale)) + shrunk

  bounds = [(None, None)] + [(0, None)] * x.shape[1]
  found = minimize(cost, np.zeros(1 + x.shape[1]), jac=True, bounds=bounds)
  if not found.success:
    raise UserError(f"the network and sensor noise cannot be combined on these validation images: {found.message}")
  return Weights(float(found.x[0]), *(found.x[1:] / scale).tolist())


def combined(parts: Parts, weights: Weights) -> Float[np.ndarray, "n m"]:
  offset, *each = weights
  return offset + sum(weight * part for weight, part in zip(each, parts, strict=True))
