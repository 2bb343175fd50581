"""A network that names camera models, trained elsewhere, as one that compares patches: by what it answers to tiles.

Its answers to two patches have a distance; how large the distances are within a model and between models is learned
from photographs of known models, best of such that the network has not learned. Shapes: p patches, c classes, d = c
features.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from sklearn.linear_model import LogisticRegression

from fsim.boundary import progress
from fsim.boundary.errors import UserError
from fsim.data import jpeg, pairs
from fsim.models.extractors import PATCH_SIDE
from fsim.systems.model import fitted, image_scores, splicing
from fsim.systems.model.fitted import FittedSimilarity
from fsim.systems.model.predictor import MIN_PATCHES, chosen

SEEN = {"size": 2 * PATCH_SIDE, "count": 32, "entropy": 4.0, "saturated": 0.1}  # As configs/model.py.
NO_EXTRACTOR = {
  "variables": {},
  "colours": "rgb",
  "truncation": 0.0,
  "last_pool": "max",
  "constrained": True,
  "block_shares": False,
}
NO_PAIR_NETWORK = {"kind": "distance", "hidden": 1, "width": 1, "product": False}
THRESHOLD = 0.5  # Of the probability that two patches are of one model.
DRAWN, SEED = 10_000, 0  # Pairs of patches that the scale is learned from.
MARKED = 0.01  # Of single patches of these photographs, by a splicing map.
C = 1e6  # Of the logistic regression, whose two numbers need no shrinking.


def similarity_of(
  variables: dict[str, Any], front: str, classes: int, table: pd.DataFrame, records: Sequence[bytes]
) -> FittedSimilarity:
  """Of a PatchNet, with photographs: the columns model and row of a table, the row's place among the records.

  Raises UserError where there are no two models with two usable photographs each, and where the network's answers are
  no nearer within models than between them.
  """
  start = FittedSimilarity(
    **SEEN,
    **NO_EXTRACTOR,
    **NO_PAIR_NETWORK,
    classes=classes,
    tile_front=front,
    tiles=variables,
    scorer=_scorer(1.0, 0.0),
    zero=0.0,
    scatter=0.0,
    threshold=THRESHOLD,
    limit=1 - THRESHOLD,
    dtype="float32",
  )
  features, image = _answers(start, table["row"].to_numpy(), records)
  models = pd.factorize(table["model"], sort=True)[0][image]
  drawn = pairs.balanced_batch(pairs.nest(models, image), DRAWN, SEED, 0)
  whole = start._replace(scorer=_scorer(*_scale(features, models, drawn)))
  splicing.require(image, MARKED)
  whole = whole._replace(scatter=image_scores.scatter_of(whole, features, image))
  return whole._replace(limit=splicing.limit_of(whole, features, image, MARKED))


def _answers(
  known: FittedSimilarity, rows: Int[np.ndarray, " m"], records: Sequence[bytes]
) -> tuple[Float[np.ndarray, "p d"], Int[np.ndarray, " p"]]:
  """Features of the usable patches, and whose they are; an image with fewer than MIN_PATCHES has none."""
  features, image = [np.zeros((0, known.classes), np.float32)], [np.zeros(0, int)]
  for place, row in enumerate(progress.bar(rows.tolist(), desc="features", unit="image", leave=False)):
    pixels = chosen(jpeg.decode(records[row]), known)
    if len(pixels) >= MIN_PATCHES:
      features.append(fitted.features(known, pixels))
      image.append(np.full(len(pixels), place))
  return np.concatenate(features), np.concatenate(image)


def _scale(
  features: Float[np.ndarray, "p d"], models: Int[np.ndarray, " p"], drawn: Int[np.ndarray, "n 2"]
) -> tuple[float, float]:
  """How fast the log-odds of one model fall with the mean squared difference of two patches, and where they begin."""
  first, second = drawn.T
  apart = np.square(features[first] - features[second]).mean(1, dtype=np.float64)
  line = LogisticRegression(C=C).fit(apart[:, None], models[first] == models[second])
  slope = -float(line.coef_[0, 0])
  if not slope > 0:
    raise UserError("the network's answers are no nearer within the models of these photographs than between them")
  return slope, float(line.intercept_[0])


def _scorer(slope: float, offset: float) -> dict[str, Any]:
  return {"params": {"log_slope": np.log([slope]).astype(np.float32), "offset": np.float32(offset)}}
