"""A predictor of weights that were trained elsewhere: they come without SVMs, so the network's own last layer decides.

Shapes: f features, c classes, p = c (c - 1) / 2 pairs of classes.
"""

from itertools import combinations
from typing import Any

import numpy as np

from fsim.boundary.errors import UserError
from fsim.data.patches import Choice
from fsim.models.extractors import PATCH_SIDE
from fsim.systems.patch.fitted import FittedClassifier
from fsim.systems.patch.openset import ClassGaussians, Rule
from fsim.systems.svm import MAX_CLASSES, Svms

CHOICE = Choice(PATCH_SIDE, PATCH_SIDE, count=32, rule="paper", saturated=0.0, entropy=0.0)  # As published.
NEVER = 0.0  # Threshold that no mean probability is below.


def classifier_of(variables: dict[str, Any], classes: list[str]) -> FittedClassifier:
  """Of a PatchNet that is shown RGB, and the names of its classes in the order of its outputs.

  The decision between two classes is the difference of their logits, so the likeliest class of a patch wins against all
  others. Nothing tells how unknown models look to the network: it never answers "none of these". Raises UserError if
  the names are not as many as the outputs, or not each a name of its own.
  """
  kernel, bias = (np.asarray(variables["params"]["classes"][part], np.float64) for part in ("kernel", "bias"))
  f, c = kernel.shape
  if len(classes) != c:
    raise UserError(f"the network has {c} classes, and {len(classes)} names are given")
  if not 2 <= len(set(classes)) == c <= MAX_CLASSES or not all(classes):
    raise UserError(f"2 to {MAX_CLASSES:,} classes are needed, each with a name of its own")
  pairs = np.array(list(combinations(range(c), 2)))
  weights, offsets = (kernel.T[pairs[:, 0]] - kernel.T[pairs[:, 1]]), bias[pairs[:, 0]] - bias[pairs[:, 1]]
  machines = Svms(classes, pairs, weights, offsets, np.zeros(f), np.ones(f), 1.0)
  rule = Rule("softmax", NEVER, ClassGaussians(np.zeros((c, f)), np.eye(f)), {})
  return FittedClassifier(CHOICE, "rgb", "float32", variables, machines, rule)
