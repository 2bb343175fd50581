"""The table of scored pairs, and what each pair says about the three hypotheses of an examiner."""

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from fsim.boundary.errors import UserError

SAME_DEVICE = "same device"
SAME_MODEL = "another device of the same model"
OTHER_MODEL = "another model"


def pair_table(images: pd.DataFrame, logits: Float[np.ndarray, "n n"]) -> pd.DataFrame:
  """One row an unordered pair: file, device and model of both, the true hypothesis, the logit and the score.

  The score is the network's sigmoid output in 0..1: it ranks pairs, it is not a probability of anything.
  """
  i, j = np.triu_indices(len(images), 1)
  table = pd.DataFrame({"row_a": i, "row_b": j})
  for column in ("file", "device", "model"):
    values = images[column].to_numpy()
    table[f"{column}_a"], table[f"{column}_b"] = values[i], values[j]
  same_device = table["device_a"] == table["device_b"]
  same_model = table["model_a"] == table["model_b"]
  table["truth"] = np.select([same_device, same_model], [SAME_DEVICE, SAME_MODEL], OTHER_MODEL)
  table["logit"] = logits[i, j].astype(np.float64)
  table["score"] = sigmoid(table["logit"].to_numpy())
  return table


def sigmoid(log_odds: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
  """Natural log-odds -> 0..1, in double precision."""
  with np.errstate(over="ignore"):  # Of what is as good as impossible: 0.
    return 1 / (1 + np.exp(-log_odds.astype(np.float64)))


def best_f1_threshold(same: Bool[np.ndarray, " p"], score: Float[np.ndarray, " p"]) -> float:
  """The threshold with the largest F1 of "same", halfway to the next lower score.

  Raises UserError if the pairs are all of one kind: then no threshold can be chosen.
  """
  if same.all() or not same.any():
    raise UserError("a threshold needs pairs of one device and pairs of two")
  order = np.argsort(-score, kind="stable")
  ranked, hits = score[order], np.cumsum(same[order])
  f1 = 2 * hits / (np.arange(1, len(score) + 1) + hits[-1])
  ends = np.append(ranked[1:] < ranked[:-1], True)  # A threshold cannot part equal scores.
  best = int(np.argmax(np.where(ends, f1, -1)))
  below = ranked[best + 1] if best + 1 < len(ranked) else ranked[best]
  return float((ranked[best] + below) / 2)


def worst_errors(pairs: pd.DataFrame, threshold: float, count: int) -> pd.DataFrame:
  """The wrong decisions that are wrong by most, at most `count` false matches and `count` misses."""
  same = pairs["truth"] == SAME_DEVICE
  called_same = pairs["score"] >= threshold
  false_matches = pairs[~same & called_same].nlargest(count, "logit")
  misses = pairs[same & ~called_same].nsmallest(count, "logit")
  return pd.concat([false_matches, misses], ignore_index=True)
