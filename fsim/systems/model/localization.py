"""How well a map finds what was pasted. Larger values mean pasted; a map is taken as it is, never turned over.

Pixels without a statement (nan) count as not marked in F1 and MCC, so what is missed there is a miss; the AUC is over
the others. Shapes: h w pixels.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from sklearn.metrics import f1_score, matthews_corrcoef, precision_recall_curve, roc_auc_score


class Found(NamedTuple):
  """best_f1: at the threshold that is best for this very image, which nobody knows: a bound. f1, mcc: of the mask.

  auc: nan where the pixels with a statement are all pasted or all not. said: share of the pixels with a statement.
  """

  best_f1: float
  f1: float
  mcc: float
  auc: float
  said: float


def localise(heat: Float[np.ndarray, "h w"], mask: Bool[np.ndarray, "h w"], truth: Bool[np.ndarray, "h w"]) -> Found:
  """`mask` is what was marked; `truth` what was pasted, which must be some of the pixels and not all."""
  said = ~np.isnan(heat)
  precision, recall, _ = precision_recall_curve(truth.ravel(), np.where(said, heat, -1).ravel())
  best = np.max(2 * precision * recall / np.maximum(precision + recall, 1e-12))
  both = len(np.unique(truth[said])) == 2
  return Found(
    best_f1=float(best),
    f1=float(f1_score(truth.ravel(), mask.ravel(), zero_division=0)),
    mcc=float(matthews_corrcoef(truth.ravel(), mask.ravel())),
    auc=float(roc_auc_score(truth[said], heat[said])) if both else float("nan"),
    said=float(said.mean()),
  )
