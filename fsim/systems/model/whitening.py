"""How features scatter within camera models, and what makes them scatter alike in all directions.

Within-class covariance normalisation (Hatch, Kajarekar & Stolcke 2006, "Within-class covariance normalization for
SVM-based speaker recognition"), shrunk towards the identity. Shapes: p patches, d features, k of one kind.
"""

import numpy as np
from jaxtyping import Float, Int

from fsim.data.loader import Sources


def matrices(
  features: Float[np.ndarray, "p d"],
  model: Int[np.ndarray, " p"],
  kinds: tuple[int, ...],
  shrinkage: float,
  mixed: Sources | None,
) -> list[Float[np.ndarray, "k k"]]:
  """One a kind of features: patches of one model times it have a covariance near a multiple of the identity.

  Models of a source count alike, sources by their weights. shrinkage: from 0, the covariance as it is, which may have
  no inverse, to 1, none of it.
  """
  parts = np.split(features, np.cumsum(kinds)[:-1], axis=1)
  return [_inverse_root(_within(part, model, mixed), shrinkage) for part in parts]


def _within(
  features: Float[np.ndarray, "p k"], model: Int[np.ndarray, " p"], mixed: Sources | None
) -> Float[np.ndarray, "k k"]:
  rows = mixed.rows() if mixed else [np.arange(len(model))]
  found = [_mean_covariance(features[own], model[own]) for own in rows]
  return np.average(found, axis=0, weights=mixed.weights if mixed else None)


def _mean_covariance(features: Float[np.ndarray, "p k"], model: Int[np.ndarray, " p"]) -> Float[np.ndarray, "k k"]:
  """Mean over the models of the covariance of their patches."""
  return np.mean([np.cov(features[model == one].T, ddof=0) for one in np.unique(model)], axis=0)


def _inverse_root(covariance: Float[np.ndarray, "k k"], shrinkage: float) -> Float[np.ndarray, "k k"]:
  """Of the covariance scaled to a mean variance of 1, so that distances keep their size."""
  mean = np.trace(covariance) / len(covariance)
  scaled = covariance / mean if mean > 0 else np.eye(len(covariance))
  values, vectors = np.linalg.eigh((1 - shrinkage) * scaled + shrinkage * np.eye(len(covariance)))
  return (vectors / np.sqrt(values) @ vectors.T).astype(np.float32)
