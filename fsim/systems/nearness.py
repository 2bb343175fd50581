"""How near the patches of a photograph lie to those of a camera: what "none of these" is decided by.

Features of each camera count as normal distributions of one shape (Lee et al. 2018), which is shrunk towards a ball.
Shapes: p patches, n patches of one photograph, k cameras, d features.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

SHRUNK = 0.1  # Of the common covariance towards a ball: a camera has few patches, and those of a photograph are alike.


class Sums(NamedTuple):
  """Of the patches of each camera: how many, their sum, and the sum of their outer products. They add and subtract."""

  n: Float[np.ndarray, " k"]
  total: Float[np.ndarray, "k d"]
  squares: Float[np.ndarray, "k d d"]

  def less(self, other: "Sums") -> "Sums":
    return Sums(*(mine - theirs for mine, theirs in zip(self, other, strict=True)))


class Shape(NamedTuple):
  """Centres of the cameras, and the matrix that makes their common distribution round."""

  means: Float[np.ndarray, "k d"]
  root: Float[np.ndarray, "d d"]


def sums(features: Float[np.ndarray, "p d"], label: Int[np.ndarray, " p"], cameras: int) -> Sums:
  x = features.astype(np.float64)
  own = [x[label == k] for k in range(cameras)]
  return Sums(
    np.array([float(len(part)) for part in own]),
    np.array([part.sum(0) for part in own]),
    np.array([part.T @ part for part in own]),
  )


def shape(found: Sums, kept: Int[np.ndarray, " j"]) -> Shape:
  """By the patches of the cameras that are kept; the centres of the others are as they would be."""
  means = found.total / np.maximum(found.n, 1)[:, None]
  scatter = found.squares[kept].sum(0) - (found.total[kept].T @ means[kept])
  covariance = scatter / found.n[kept].sum()
  d = len(covariance)
  ball = np.trace(covariance) / d or 1.0  # Features that never vary.
  covariance = (1 - SHRUNK) * covariance + SHRUNK * ball * np.eye(d)
  return Shape(means, np.linalg.cholesky(np.linalg.inv(covariance)))


def score(known: Shape, features: Float[np.ndarray, "n d"], camera: int) -> float:
  """Less the squared distance between the mean of a photograph's patches and a camera, near 0 for its own.

  Of n > 1 patches as if there were any number: what their mean owes to their scatter is taken off.
  """
  away = (features.astype(np.float64) - known.means[camera]) @ known.root
  n, d = away.shape
  return -float(((away.sum(0) ** 2).sum() - (away**2).sum()) / (n * (n - 1) * d))
