"""How features scatter within camera models, and what makes them scatter alike in all directions.

Within-class covariance normalisation (Hatch, Kajarekar & Stolcke 2006, "Within-class covariance normalization for
SVM-based speaker recognition"), shrunk towards the identity. Shapes: p patches, d features, k of one kind.
"""

from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from ml_collections import ConfigDict

from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.data.loader import Sources
from fsim.data.patches import Cache
from fsim.systems import patch_dataset
from fsim.systems.augmenting import augmented
from fsim.systems.dataset import open_dataset
from fsim.systems.patch_dataset import PatchSet

IMAGES = 5  # Of each model of a source that whitens: its models count, more than its images.


def opened(config: ConfigDict, workdir: Path) -> tuple[Cache, PatchSet]:
  """Patches of a few images, by lot, of each model of scorer.whitening; the images go through input.chains.

  Raises UserError for a source of which no model has two images with patches, and where the scorer does not whiten.
  """
  name = config.scorer.whitening
  if config.scorer.kind != "whitened":
    raise UserError(f"scorer.whitening is of scorer.kind=whitened; the kind is {config.scorer.kind}")
  dataset = open_dataset(name, config, workdir / "whitening")
  mixed = dataset.table.sample(frac=1, random_state=config.seed)
  few = mixed.groupby("model").head(IMAGES).sort_values("row").reset_index(drop=True)
  dataset = augmented(dataset._replace(table=few), few, config, workdir / "whitening")
  cache = patch_dataset.open_patches(dataset, config)
  part = patch_dataset.patches_of(cache, dataset.table)
  if part.table["model"].value_counts().max() < 2:
    raise UserError(f"{shown(name)}: no model has two images with usable patches, whose features could scatter")
  return cache, part


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
