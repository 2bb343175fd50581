"""Figures of weights on photographs that anyone can make in seconds: the card holds them, and a test measures again.

They say whether the weights answer as they did when the card was written, not how good they are.
"""

import math
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from fsim.boundary import arrays
from fsim.data import given
from fsim.prnu import learned
from fsim.systems.model.predictor import MIN_PATCHES, SimilarityPredictor, chosen
from fsim.systems.noise import examples, learning
from fsim.virtual import PRESETS, write

MODELS, SCENES = 4, 3
PATCHES = 4  # Along the longer side of an image.
SEED = 7  # Of photographs that the network of sensor noise has not learned from.


def measure(predictor: SimilarityPredictor) -> dict[str, float]:
  """Of all pairs of images with patches enough: the mean log-odds of those of one model and of two, and the AUC."""
  several = PRESETS["virtual/several"]
  few = replace(several, models=several.models[:MODELS], devices=(1,) * MODELS, scenes=SCENES)
  models, features = [], []
  with tempfile.TemporaryDirectory() as folder:
    write(replace(few, side=PATCHES * predictor.fitted.size), Path(folder), workers=1, shard=(0, 1))
    for file in sorted(Path(folder).glob("natural/*.JPG")):
      patches = chosen(given.pixels(file), predictor.fitted)
      if len(patches) >= MIN_PATCHES:
        models.append(file.name.rsplit("_", 2)[0])
        features.append(predictor.embed_patches(patches))
  pair, named = np.triu_indices(len(models), 1), np.array(models)
  found = predictor.image_log_odds(features, features)[pair].astype(np.float64)
  same = named[pair[0]] == named[pair[1]]
  measured = {"within": found[same].mean(), "between": found[~same].mean(), "auc": roc_auc_score(same, found)}
  return {name: round(float(value), 4) for name, value in measured.items()}


def measure_noise(variables: dict[str, Any]) -> dict[str, float]:
  """Of squares of 16 photographs by models that were not learned: nats that true patterns gain, and those expected."""
  with tempfile.TemporaryDirectory() as folder:
    examples.write(Path(folder), 1, math.inf, workers=1, seed=SEED)
    tiles = examples.Tiles(**arrays.read_npz(Path(folder, "0.npz")))
  found = learning.measured(variables["params"], learning.seen(tiles), learned.NET)
  return {name: round(found[name], 3) for name in ("gained", "expected")}


MEASURES = {"model": measure, "noise": measure_noise}  # By system, what `weights.load` gives it.
