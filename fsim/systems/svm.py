"""One linear support vector machine for every two classes, on a network's features (Bondi et al. 2017, section III-C).

Shapes: n examples, d features, c classes, p = c (c - 1) / 2 pairs of classes.
"""

from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from sklearn.svm import LinearSVC

from fsim.boundary import arrays, outputs, progress
from fsim.boundary.arrays import Field
from fsim.boundary.inputs import Unreadable

ROUNDS = 10_000  # Of the solver at most.
FIELDS = {  # Of a file of machines.
  "classes": Field("U", 1),
  "pairs": Field("i", 2),
  "weights": Field("f", 2),
  "bias": Field("f", 1),
  "mean": Field("f", 1),
  "scale": Field("f", 1),
  "c": Field("f", 0),
}
SMALLEST = 1e-30  # Scale of a feature.
MAX_CLASSES = 1_000  # Of a file, whose pairs are half a million.


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
  """Number of pairs of classes that each class wins, and within 1/3 of it its summed decisions, which break ties."""
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
  """C, and whether features are standardised, by the share of validation patches that are classified correctly.

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
  outputs.replace(path, arrays.to_npz(svms._replace(classes=np.array(svms.classes))._asdict()))


def load(path: Path) -> Svms:
  """Raises Unreadable for what `save` did not write."""
  parts = arrays.read_npz(path, FIELDS)
  classes = parts["classes"].tolist()
  if not 2 <= len(set(classes)) == len(classes) <= MAX_CLASSES or not all(classes):
    raise Unreadable(path, f"2 to {MAX_CLASSES:,} classes are needed, each with a name of its own")
  pairs = np.array(list(combinations(range(len(classes)), 2)))
  d, p = parts["mean"].size, len(pairs)
  shapes = {"weights": (p, d), "bias": (p,), "scale": (d,)}
  wrong = [name for name, shape in shapes.items() if parts[name].shape != shape]
  if wrong or not np.array_equal(parts["pairs"], pairs):
    raise Unreadable(path, f"the array {(wrong or ['pairs'])[0]!r} does not fit {len(classes)} classes, {d} features")
  if not (parts["scale"] > SMALLEST).all() or not parts["c"] > 0:
    raise Unreadable(path, "scale and c must be positive")
  return Svms(**parts | {"classes": classes, "c": float(parts["c"])})
