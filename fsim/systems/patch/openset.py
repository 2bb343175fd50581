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


class Evidence(NamedTuple):
  """What network and SVMs say of the patches of some images; `image` says to which of 0..images-1 a patch belongs."""

  features: Float[np.ndarray, "p d"]
  logits: Float[np.ndarray, "p c"]
  decided: Float[np.ndarray, "p q"]
  image: Int[np.ndarray, " p"]
  images: int


class Clouds(NamedTuple):
  """Features of each class as normal distributions of one shape, which `root` makes round."""

  means: Float[np.ndarray, "c d"]
  root: Float[np.ndarray, "d d"]


class Rule(NamedTuple):
  """An image with a smaller `score` (one of SCORES) than the threshold is none of the learned models.

  aucs: of each score on what it was chosen by (see `choose`).
  """

  score: str
  threshold: float
  clouds: Clouds
  aucs: dict[str, float]


Allowed = Bool[np.ndarray, "p c"]  # The classes that may be the answer for each patch.


def clouds(features: Float[np.ndarray, "n d"], labels: Int[np.ndarray, " n"]) -> Clouds:
  """From training patches; the common covariance is shrunk so that features that hardly vary do no harm."""
  means = np.stack([features[labels == k].mean(0, dtype=np.float64) for k in range(labels.max() + 1)])
  precision = LedoitWolf(assume_centered=True).fit(features - means[labels]).precision_
  values, vectors = np.linalg.eigh(precision)
  return Clouds(means, vectors * np.sqrt(np.maximum(values, 0)))


def _softmax(evidence: Evidence, _: Clouds, allowed: Allowed) -> Float[np.ndarray, " m"]:
  """The largest mean probability."""
  p = votes.softmax(np.where(allowed, evidence.logits, -np.inf))
  return votes.count(p, evidence.image, evidence.images).max(1)


def _energy(evidence: Evidence, _: Clouds, allowed: Allowed) -> Float[np.ndarray, " m"]:
  """Mean log of the summed exponentials of the logits (Liu et al. 2020)."""
  return _mean(evidence, logsumexp(np.where(allowed, evidence.logits, -np.inf), axis=1))


def _margin(evidence: Evidence, _: Clouds, allowed: Allowed) -> Float[np.ndarray, " m"]:
  """Mean of the smallest SVM decision for the class that stands best against its worst opponent; 0 without any."""
  c = evidence.logits.shape[1]
  first, second = np.triu_indices(c, 1)
  duels = np.full((len(evidence.decided), c, c), np.inf)
  duels[:, first, second], duels[:, second, first] = evidence.decided, -evidence.decided
  worst = np.where(allowed[:, None, :], duels, np.inf).min(2)
  best = np.where(allowed, worst, -np.inf).max(1)
  return _mean(evidence, np.where(np.isinf(best), 0, best))


def _distance(evidence: Evidence, known: Clouds, allowed: Allowed) -> Float[np.ndarray, " m"]:
  """Less the mean squared Mahalanobis distance to the nearest class (Lee et al. 2018)."""
  round_features, round_means = evidence.features @ known.root, known.means @ known.root
  squares = (round_features**2).sum(1)[:, None] - 2 * round_features @ round_means.T + (round_means**2).sum(1)
  return -_mean(evidence, np.where(allowed, squares, np.inf).min(1))


SCORES: dict[str, Callable[[Evidence, Clouds, Allowed], Float[np.ndarray, " m"]]] = {
  "softmax": _softmax,
  "energy": _energy,
  "margin": _margin,
  "distance": _distance,
}


def score(rule: Rule, evidence: Evidence) -> Float[np.ndarray, " m"]:
  return SCORES[rule.score](evidence, rule.clouds, _all(evidence))


def choose(
  validation: Evidence,
  truth: Int[np.ndarray, " m"],
  known: Clouds,
  rejected: float,
  validation_unknowns: Evidence | None,
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


def _leaving_out(validation: Evidence, truth: Int[np.ndarray, " m"], known: Clouds) -> dict[str, float]:
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


def _all(evidence: Evidence) -> Allowed:
  return np.ones(evidence.logits.shape, bool)


def auc(known: Float[np.ndarray, " m"], unknown: Float[np.ndarray, " n"]) -> float:
  truth = np.repeat([1, 0], [len(known), len(unknown)])
  return float(roc_auc_score(truth, np.concatenate([known, unknown])))


def part(evidence: Evidence, images: Bool[np.ndarray, " m"]) -> Evidence:
  """That of some of the images."""
  own = images[evidence.image]
  numbers = np.cumsum(images) - 1
  kept = (getattr(evidence, name)[own] for name in ("features", "logits", "decided"))
  return Evidence(*kept, numbers[evidence.image[own]], int(images.sum()))


def save(path: Path, rule: Rule) -> None:
  """Plain arrays in an .npz file."""
  names, values = np.array(list(rule.aucs), str), np.array(list(rule.aucs.values()), float)
  parts = {"score": rule.score, "threshold": rule.threshold, "names": names, "aucs": values}
  outputs.replace(path, arrays.to_npz(parts | rule.clouds._asdict()))


def load(path: Path) -> Rule:
  """Raises Unreadable for what `save` did not write."""
  parts = arrays.read_npz(path, FIELDS)
  score, known = str(parts["score"]), Clouds(parts["means"], parts["root"])
  if score not in SCORES:
    raise Unreadable(path, f"the score must be one of {', '.join(SCORES)}, and is {score!r:.40}")
  if known.root.shape != (known.means.shape[1],) * 2 or parts["names"].shape != parts["aucs"].shape:
    raise Unreadable(path, "its arrays do not fit one another")
  return Rule(
    score, float(parts["threshold"]), known, dict(zip(parts["names"].tolist(), parts["aucs"].tolist(), strict=True))
  )


def _mean(evidence: Evidence, values: Float[np.ndarray, " p"]) -> Float[np.ndarray, " m"]:
  return votes.count(values[:, None], evidence.image, evidence.images)[:, 0]
