"""A linear support vector machine for every two cameras, and what each says of photographs that it did not learn from.

Every machine scales features by its own patches, so that nothing but the two cameras' patches makes it.
Shapes: p patches, m photographs, k cameras, q = k (k - 1) / 2 pairs of cameras, d features.
"""

from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from fsim.boundary import progress
from fsim.boundary.machine import cores
from fsim.metrics import votes
from fsim.systems import svm
from fsim.systems.svm import Svms

C = 1e-3  # Of the machines, which have few patches, and many of one photograph.


class Known(NamedTuple):
  """Photographs of known cameras, each with some patches.

  image: whose each patch is, of 0..m-1. camera: of each photograph, a place among the names. unit: photographs of one
  number are left out together; none holds all of a camera (see `units`).
  """

  features: Float[np.ndarray, "p d"]
  image: Int[np.ndarray, " p"]
  camera: Int[np.ndarray, " m"]
  unit: Int[np.ndarray, " m"]
  names: list[str]


def units(camera: Int[np.ndarray, " m"], scene: list[str]) -> Int[np.ndarray, " m"]:
  """What is left out together: a scene's photographs, of all cameras that have another scene too; all others alone."""
  scenes = np.array(scene, object)
  several = {c for c in np.unique(camera) if len(set(scenes[camera == c]) - {""}) > 1}
  keys = [s if s and c in several else k for k, (c, s) in enumerate(zip(camera.tolist(), scene, strict=True))]
  places = {key: place for place, key in enumerate(dict.fromkeys(keys))}
  return np.array([places[key] for key in keys])


def fit(known: Known) -> Svms:
  """Of all photographs. Their scales are part of the weights: `mean` is 0 and `scale` 1."""
  k, d = len(known.names), known.features.shape[1]
  pairs = list(combinations(range(k), 2))
  label = known.camera[known.image]
  with ThreadPoolExecutor(cores()) as pool:
    made = list(pool.map(lambda pair: _machine(known.features, label, *pair), pairs))
  weights, bias = (np.array(part) for part in zip(*made, strict=True))
  return Svms(known.names, np.array(pairs), weights, bias, np.zeros(d), np.ones(d), C)


def left_out(known: Known, whole: Svms) -> Float[np.ndarray, "p q"]:
  """Decisions on every patch by machines that learned from nothing of its unit."""
  decided = svm.decisions(whole, known.features)
  label, unit = known.camera[known.image], known.unit[known.image]
  tasks = []
  for column, (first, second) in enumerate(whole.pairs.tolist()):
    own = (known.camera == first) | (known.camera == second)
    tasks += [(column, first, second, left) for left in np.unique(known.unit[own]).tolist()]

  def decide(task: tuple[int, int, int, int]) -> None:
    column, first, second, left = task
    kept, own = unit != left, unit == left
    weights, bias = _machine(known.features[kept], label[kept], first, second)
    decided[own, column] = known.features[own] @ weights + bias

  with ThreadPoolExecutor(cores()) as pool:
    done = pool.map(decide, tasks)
    list(progress.bar(done, desc="leaving out", unit="machine", total=len(tasks), leave=False))
  return decided


def _machine(
  features: Float[np.ndarray, "n d"], label: Int[np.ndarray, " n"], first: int, second: int
) -> tuple[Float[np.ndarray, " d"], float]:
  """Weights and bias on features as they are: positive for the first."""
  own = (label == first) | (label == second)
  made = svm.fit(features[own], (label[own] == second).astype(int), ["first", "second"], C, standardised=True)
  weights = made.weights[0] / made.scale
  return weights, float(made.bias[0] - weights @ made.mean)


def among(whole: Svms, kept: Int[np.ndarray, " j"], decided: Float[np.ndarray, "p q"]) -> Float[np.ndarray, "p k"]:
  """Ballots of patches for those cameras alone, -inf for all others."""
  place = np.full(len(whole.classes), -1)
  place[kept] = np.arange(len(kept))
  columns = (place[whole.pairs] >= 0).all(1)
  own = whole._replace(classes=[whole.classes[c] for c in kept], pairs=place[whole.pairs[columns]])
  ballots = np.full((len(decided), len(whole.classes)), -np.inf)
  ballots[:, kept] = votes.majority(svm.scores(own, decided[:, columns]))
  return ballots


def given(known: Known, whole: Svms, decided: Float[np.ndarray, "p q"]) -> Int[np.ndarray, "q 2"]:
  """Of both cameras of each pair, the number of photographs that their duel alone gives to the right one."""
  m = len(known.camera)
  cast = votes.count(np.sign(decided) + votes.TIE * np.clip(decided, -1, 1), known.image, m)
  found = np.empty((len(whole.pairs), 2), int)
  for column, (first, second) in enumerate(whole.pairs):
    found[column] = (cast[known.camera == first, column] > 0).sum(), (cast[known.camera == second, column] < 0).sum()
  return found
