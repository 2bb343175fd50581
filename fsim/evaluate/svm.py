"""One linear support vector machine for every two classes, on a network's features (Bondi et al. 2017, section III-C).

Shapes: n examples, d features, c classes, p = c (c - 1) / 2 pairs of classes.
"""

from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from sklearn.svm import LinearSVC

from fsim.boundary import progress

ROUNDS = 10_000  # Of the solver at most.


class Svms(NamedTuple):
  """Decision = weights (feature - mean) / scale + bias: positive for a pair's first class, negative for its second."""

  classes: list[str]
  pairs: Int[np.ndarray, "p 2"]
  weights: Float[np.ndarray, "p d"]
  bias: Float[np.ndarray, " p"]
  mean: Float[np.ndarray, " d"]
  scale: Float[np.ndarray, " d"]
  c: float


class Chosen(NamedTuple):
  """The setting that was best on validation patches, and the accuracy of all that were tried."""

  c: float
  standardised: bool
  tried: list[dict]


def fit(
  features: Float[np.ndarray, "n d"], labels: Int[np.ndarray, " n"], classes: list[str], c: float, standardised: bool
) -> Svms:
  """`labels` are places among the classes. Raises ValueError if a class has no example."""
  missing = [name for k, name in enumerate(classes) if not (labels == k).any()]
  if missing or len(classes) < 2:
    raise ValueError(f"{len(classes)} classes, of which these have no example: {', '.join(missing) or 'none'}")
  x = features.astype(np.float64)
  mean, scale = (x.mean(0), x.std(0)) if standardised else (np.zeros(x.shape[1]), np.ones(x.shape[1]))
  scale = np.where(scale > 0, scale, 1)  # A feature that is always the same says nothing either way.
  x = (x - mean) / scale
  pairs = np.array(list(combinations(range(len(classes)), 2)))
  machines = [_machine(x, labels, first, second, c) for first, second in pairs.tolist()]
  weights, bias = (np.array(part) for part in zip(*machines, strict=True))
  return Svms(classes, pairs, weights, bias, mean, scale, c)


def _machine(x: np.ndarray, labels: np.ndarray, first: int, second: int, c: float) -> tuple[np.ndarray, float]:
  own = (labels == first) | (labels == second)
  machine = LinearSVC(C=c, dual=False, class_weight="balanced", max_iter=ROUNDS)
  machine.fit(x[own], labels[own] == first)
  return machine.coef_[0], float(machine.intercept_[0])


def decisions(svms: Svms, features: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n p"]:
  return (features.astype(np.float64) - svms.mean) / svms.scale @ svms.weights.T + svms.bias


def scores(svms: Svms, decided: Float[np.ndarray, "n p"]) -> Float[np.ndarray, "n c"]:
  """Number of duels that each class wins, and within 1/3 of it its summed decisions, which break ties."""
  n, c = len(decided), len(svms.classes)
  wins, margins = np.zeros((n, c)), np.zeros((n, c))
  for (first, second), value in zip(svms.pairs, decided.T, strict=True):
    wins[:, first] += value > 0
    wins[:, second] += value <= 0
    margins[:, first] += value
    margins[:, second] -= value
  return wins + margins / (3 * (np.abs(margins) + 1))


def choose(
  train: tuple[Float[np.ndarray, "n d"], Int[np.ndarray, " n"]],
  validation: tuple[Float[np.ndarray, "m d"], Int[np.ndarray, " m"]],
  cs: tuple[float, ...],
) -> Chosen:
  """C, and whether features are standardised, by the share of validation patches that are named rightly.

  Of settings that are equally good, the first counts: smaller C, not standardised.
  """
  names = [str(k) for k in range(int(train[1].max()) + 1)]
  tried = []
  settings = [(standardised, c) for standardised in (False, True) for c in cs]
  for standardised, c in progress.bar(settings, desc="choosing SVMs", unit="setting", leave=False):
    machines = fit(*train, names, c, standardised)
    said = scores(machines, decisions(machines, validation[0])).argmax(1)
    tried.append({"standardised": standardised, "c": c, "accuracy": float((said == validation[1]).mean())})
  best = max(tried, key=lambda row: row["accuracy"])
  return Chosen(best["c"], best["standardised"], tried)


def balanced_sample(labels: Int[np.ndarray, " n"], most: int, seed: int) -> Int[np.ndarray, " m"]:
  """Places of at most `most` examples of each class, at random, in their order."""
  rng = np.random.default_rng(seed)
  places = [np.flatnonzero(labels == k) for k in np.unique(labels)]
  return np.sort(np.concatenate([rng.permutation(own)[:most] for own in places]))


def save(path: Path, svms: Svms) -> None:
  """Plain arrays in an .npz file."""
  np.savez(path, **svms._replace(classes=np.array(svms.classes))._asdict())


def load(path: Path) -> Svms:
  """Reads no pickle, so the file may come from anybody."""
  with np.load(path, allow_pickle=False) as stored:
    parts = {name: stored[name] for name in Svms._fields}
  return Svms(**parts | {"classes": parts["classes"].tolist(), "c": float(parts["c"])})
