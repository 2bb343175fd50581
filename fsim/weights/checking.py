"""Figures of weights on photographs that anyone can make in seconds: the card holds them, and a test measures again.

They say whether the weights answer as they did when the card was written, not how good they are.
"""

import itertools
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from fsim.data import given
from fsim.systems.model.predictor import MIN_PATCHES, SimilarityPredictor, chosen
from fsim.virtual import PRESETS, write

MODELS, SCENES = 4, 3
PATCHES = 4  # Along the longer side of an image.


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
  pairs = list(itertools.combinations(range(len(models)), 2))
  found = np.array([predictor.patch_log_odds(features[i], features[j]).mean() for i, j in pairs], np.float64)
  same = np.array([models[i] == models[j] for i, j in pairs])
  measured = {"within": found[same].mean(), "between": found[~same].mean(), "auc": roc_auc_score(same, found)}
  return {name: round(float(value), 4) for name, value in measured.items()}
