"""The similarity matrix of devices (Bennabhaktula et al. 2020, Algorithm 1)."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float


class SimilarityMatrix(NamedTuple):
  """values[k, l]: the share of drawn pairs of device k and device l that are called the same device; d devices."""

  devices: list[str]
  values: Float[np.ndarray, "d d"]

  def accuracy(self) -> float:
    """Overall accuracy: the mean over all cells of the share of right decisions."""
    return float(self._right().mean())

  def balanced_accuracy(self) -> float:
    """Mean of the diagonal's and the other cells' accuracy: matrices of many devices are nearly all 'different'."""
    own = np.eye(len(self.devices), dtype=bool)
    return float((self._right()[own].mean() + self._right()[~own].mean()) / 2)

  def _right(self) -> Float[np.ndarray, "d d"]:
    return np.where(np.eye(len(self.devices), dtype=bool), self.values, 1 - self.values)


def similarity_matrix(
  images: pd.DataFrame, scores: Float[np.ndarray, "n n"], threshold: float, draws: int, seed: int
) -> SimilarityMatrix:
  """For every pair of devices, `draws` image pairs with replacement, thresholded and averaged.

  scores: of every image with every other, on the scale of the threshold. An image is never drawn with itself, which
  would be right by construction. A device with a single image has no pair of its own and is left out. Devices are
  sorted by model, so that blocks on the diagonal are models.
  """
  rng = np.random.default_rng(seed)
  counts = images["device"].value_counts()
  known = images[images["device"].map(counts) > 1]
  devices = known.drop_duplicates("device").sort_values(["model", "device"])["device"].tolist()
  rows = {device: np.flatnonzero(images["device"] == device) for device in devices}
  values = np.zeros((len(devices), len(devices)))
  for k, first in enumerate(devices):
    for m, second in enumerate(devices[: k + 1]):
      a, b = _draw(rng, rows[first], rows[second], draws)
      values[k, m] = values[m, k] = (scores[a, b] >= threshold).mean()
  return SimilarityMatrix(devices, values)


def _draw(rng: np.random.Generator, first: np.ndarray, second: np.ndarray, draws: int):
  a = rng.integers(len(first), size=draws)
  if first is second:
    b = (a + rng.integers(1, len(second), size=draws)) % len(second)
  else:
    b = rng.integers(len(second), size=draws)
  return first[a], second[b]
