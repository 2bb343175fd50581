"""None of these: is an image's camera model among those that were learned?

Every score is larger for an image that looks like one of the learned models. It is not a probability.
Shapes: p patches, m images, c classes, d features, q = c (c - 1) / 2 pairs of classes.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import logsumexp
from sklearn.covariance import LedoitWolf
from sklearn.metrics import roc_auc_score

from fsim.boundary import arrays, outputs
from fsim.boundary.arrays import Field
from fsim.boundary.errors import UserError
from fsim.boundary.inputs import Unreadable
from fsim.metrics import votes

FIELDS = {  # Of a file of a rule.
  "score": Field("U", 0),
  "threshold": Field("f", 0),
  "names": Field("U", 1),
  "aucs": Field("f", 1),
  "means": Field("f", 2),
  "root": Field("f", 2),
}


class PatchOutputs(NamedTuple):
  """What network and SVMs say of the patches of some images; `image` says to which of 0..images-1 a patch belongs."""

  features: Float[np.ndarray, "p d"]
  logits: Float[np.ndarray, "p c"]
  decided: Float[np.ndarray, "p q"]
  image: Int[np.ndarray, " p"]
  images: int


class ClassGaussians(NamedTuple):
  """Features of each class as normal distributions of one shape, which `root` makes round."""

  means: Float[np.ndarray, "c d"]
  root: Float[np.ndarray, "d d"]


class Rule(NamedTuple):
  """An image with a smaller `score` (one of SCORES) than the threshold is none of the learned models.

  aucs: of each score on what it was chosen by (see `choose`).
  """

  score: str
  threshold: float
  gaussians: ClassGaussians
  aucs: dict[str, float]


Allowed = Bool[np.ndarray, "p c"]  # The classes that may be the answer for each patch.


def class_gaussians(features: Float[np.ndarray, "n d"], labels: Int[np.ndarray, " n"]) -> ClassGaussians:
  """From training patches; the common covariance is shrunk so that features that hardly vary do no harm."""
  means = np.stack([features[labels == k].mean(0, dtype=np.float64) for k in range(labels.max() + 1)])
  precision = LedoitWolf(assume_centered=True).fit(features - means[labels]).precision_
  values, vectors = np.linalg.eigh(precision)
  return ClassGaussians(means, vectors * np.sqrt(np.maximum(values, 0)))


def _softmax(outputs: PatchOutputs, _: ClassGaussians, allowed: Allowed) -> Float[np.ndarray, " m"]:
  """The largest mean probability."""
  p = votes.softmax(np.where(allowed, outputs.logits, -np.inf))
  return votes.count(p, outputs.image, outputs.images).max(1)


def _energy(outputs: PatchOutputs, _: ClassGaussians, allowed: Allowed) -> Float[np.ndarray, " m"]:
  """Mean log of the summed exponentials of the logits (Liu et al. 2020)."""
  return _mean(outputs, logsumexp(np.where(allowed, outputs.logits, -np.inf), axis=1))


def _margin(outputs: PatchOutputs, _: ClassGaussians, allowed: Allowed) -> Float[np.ndarray, " m"]:
  """Mean of the smallest SVM decision for the class that stands best against its worst opponent; 0 without any."""
  c = outputs.logits.shape[1]
  first, second = np.triu_indices(c, 1)
  margins = np.full((len(outputs.decided), c, c), np.inf)
  margins[:, first, second], margins[:, second, first] = outputs.decided, -outputs.decided
  worst = np.where(allowed[:, None, :], margins, np.inf).min(2)
  best = np.where(allowed, worst, -np.inf).max(1)
  return _mean(outputs, np.where(np.isinf(best), 0, best))


def _distance(outputs: PatchOutputs, known: ClassGaussians, allowed: Allowed) -> Float[np.ndarray, " m"]:
  """Less the mean squared Mahalanobis distance to the nearest class (Lee et al. 2018)."""
  round_features, round_means = outputs.features @ known.root, known.means @ known.root
  squares = (round_features**2).sum(1)[:, None] - 2 * round_features @ round_means.T + (round_means**2).sum(1)
  return -_mean(outputs, np.where(allowed, squares, np.inf).min(1))


SCORES: dict[str, Callable[[PatchOutputs, ClassGaussians, Allowed], Float[np.ndarray, " m"]]] = {
  "softmax": _softmax,
  "energy": _energy,
  "margin": _margin,
  "distance": _distance,
}


def score(rule: Rule, outputs: PatchOutputs) -> Float[np.ndarray, " m"]:
  return SCORES[rule.score](outputs, rule.gaussians, _all(outputs))


def choose(
  validation: PatchOutputs,
  truth: Int[np.ndarray, " m"],
  known: ClassGaussians,
  rejected: float,
  validation_unknowns: PatchOutputs | None,
) -> Rule:
  """The score and the threshold, from validation images of learned models and, if there are any, of stand-ins.

  Stand-ins are models that were not learned and are not reported on either. The score with the largest AUC between the
  two is taken. Without stand-ins each learned model in turn is taken from the possible answers, and its images become
  unknown among those of the others (mean AUC); the network has learned from it, so what it says of true unknown may
  be something else. The threshold is that below which the share `rejected` of the validation images lies when every
  answer is possible. Raises UserError if there are neither stand-ins nor validation images of two models.
  """
  inside = {name: function(validation, known, _all(validation)) for name, function in SCORES.items()}
  if validation_unknowns is None:
    aucs = _leaving_out(validation, truth, known)
  else:
    aucs = {
      name: auc(inside[name], SCORES[name](validation_unknowns, known, _all(validation_unknowns))) for name in SCORES
    }
  best = max(aucs, key=aucs.get)
  return Rule(best, float(np.quantile(inside[best], rejected)), known, aucs)


def _leaving_out(validation: PatchOutputs, truth: Int[np.ndarray, " m"], known: ClassGaussians) -> dict[str, float]:
  classes, shown = np.arange(validation.logits.shape[1]), np.unique(truth)
  if len(shown) < 2:
    raise UserError("the rule for unknown needs validation images of two models")
  aucs = dict.fromkeys(SCORES, 0.0)
  for left_out in shown:
    allowed = np.broadcast_to(classes != left_out, validation.logits.shape)
    for name, function in SCORES.items():
      scores, strange = function(validation, known, allowed), truth == left_out
      aucs[name] += auc(scores[~strange], scores[strange]) / len(shown)
  return aucs


def _all(outputs: PatchOutputs) -> Allowed:
  return np.ones(outputs.logits.shape, bool)


def auc(known: Float[np.ndarray, " m"], unknown: Float[np.ndarray, " n"]) -> float:
  truth = np.repeat([1, 0], [len(known), len(unknown)])
  return float(roc_auc_score(truth, np.concatenate([known, unknown])))


def part(outputs: PatchOutputs, images: Bool[np.ndarray, " m"]) -> PatchOutputs:
  """That of some of the images."""
  own = images[outputs.image]
  numbers = np.cumsum(images) - 1
  kept = (getattr(outputs, name)[own] for name in ("features", "logits", "decided"))
  return PatchOutputs(*kept, numbers[outputs.image[own]], int(images.sum()))


def save(path: Path, rule: Rule) -> None:
  """Plain arrays in an .npz file."""
  names, values = np.array(list(rule.aucs), str), np.array(list(rule.aucs.values()), float)
  parts = {"score": rule.score, "threshold": rule.threshold, "names": names, "aucs": values}
  outputs.replace(path, arrays.to_npz(parts | rule.gaussians._asdict()))


def load(path: Path) -> Rule:
  """Raises Unreadable for what `save` did not write."""
  parts = arrays.read_npz(path, FIELDS)
  score, known = str(parts["score"]), ClassGaussians(parts["means"], parts["root"])
  if score not in SCORES:
    raise Unreadable(path, f"the score must be one of {', '.join(SCORES)}, and is {score!r:.40}")
  if known.root.shape != (known.means.shape[1],) * 2 or parts["names"].shape != parts["aucs"].shape:
    raise Unreadable(path, "its arrays do not fit one another")
  return Rule(
    score, float(parts["threshold"]), known, dict(zip(parts["names"].tolist(), parts["aucs"].tolist(), strict=True))
  )


def _mean(outputs: PatchOutputs, values: Float[np.ndarray, " p"]) -> Float[np.ndarray, " m"]:
  return votes.count(values[:, None], outputs.image, outputs.images)[:, 0]
