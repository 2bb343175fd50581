"""Which class (model, camera) is it? Ranks, accuracies and the confusion matrix of one set of answers.

Shapes: n examples, c classes. An example is an image or a patch; a score is larger for a likelier class, of any scale.
"""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

LEVEL = 0.95  # Of the intervals.
COLUMNS = ("file", "device", "truth", "predicted", "rank")


class Classification(NamedTuple):
  """Answers about one set of examples.

  name, note: of the set, for the report. unit: what an example is, in the plural: "images", "patches".
  classes: in the order of the confusion matrix.
  answers: one row an example with file, device, truth, predicted (class names), and rank (of the truth, 1 is right).
  """

  name: str
  note: str
  unit: str
  classes: list[str]
  answers: pd.DataFrame


def answers(
  examples: pd.DataFrame, scores: Float[np.ndarray, "n c"], truth: Int[np.ndarray, " n"], classes: list[str]
) -> pd.DataFrame:
  """One row an example, which has the columns file and device. Probabilities, logits and votes all serve as scores.

  What has the same score as the truth is ranked before it, so that a tie is never counted as right.
  """
  if scores.shape != (len(examples), len(classes)) or len(truth) != len(examples):
    raise ValueError(f"{len(examples)} examples of {len(classes)} classes, but scores of shape {scores.shape}")
  own = scores[np.arange(len(scores)), truth]
  rank = (scores >= own[:, None]).sum(1)
  others = scores.copy()
  others[np.arange(len(scores)), truth] = -np.inf
  predicted = np.where(rank == 1, truth, others.argmax(1))
  names = np.array(classes, dtype=object)
  made = {"file": examples["file"].to_numpy(), "device": examples["device"].to_numpy()}
  return pd.DataFrame(made | {"truth": names[truth], "predicted": names[predicted], "rank": rank})


def top(found: Classification, k: int) -> float:
  """Share of the examples whose true class is among the k likeliest."""
  return float((found.answers["rank"] <= k).mean())


def confusion(found: Classification) -> Int[np.ndarray, "c c"]:
  """Numbers of examples; rows are true classes, columns what was predicted."""
  truth, predicted = (pd.Categorical(found.answers[side], found.classes).codes for side in ("truth", "predicted"))
  c = len(found.classes)
  return np.bincount(truth.astype(int) * c + predicted, minlength=c * c).reshape(c, c)


def per_class(found: Classification) -> Float[np.ndarray, " c"]:
  """Share of each true class's examples that were classified correctly; NaN where there is none."""
  counts = confusion(found)
  with np.errstate(invalid="ignore"):
    return counts.diagonal() / counts.sum(1)


def balanced(found: Classification) -> float:
  """Mean of the classes' accuracies, over those that were tested."""
  return float(np.nanmean(per_class(found)))


def interval(found: Classification, k: int, resamples: int, seed: int) -> tuple[float, float]:
  """95 % bootstrap interval of `top`, resampling devices, because the images of one device are not independent."""
  right = (found.answers["rank"] <= k).groupby(found.answers["device"]).agg(["sum", "count"]).to_numpy()
  drawn = right[np.random.default_rng(seed).integers(len(right), size=(resamples, len(right)))].sum(1)
  low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
  return float(low), float(high)


def save(folder: Path, classifications: list[Classification]) -> None:
  """classification.json and answers.parquet."""
  tables = [n.answers.assign(classification=n.name) for n in classifications]
  pd.concat(tables, ignore_index=True).to_parquet(folder / "answers.parquet")
  plain = [
    {part: getattr(n, part) for part in ("name", "note", "unit", "classes")} | _figures(n) for n in classifications
  ]
  (folder / "classification.json").write_text(json.dumps(plain, indent=1))


def load(folder: Path) -> list[Classification]:
  """Raises FileNotFoundError if nothing was saved there."""
  plain = json.loads((folder / "classification.json").read_text())
  table = pd.read_parquet(folder / "answers.parquet")
  parts = {
    name: rows.drop(columns="classification").reset_index(drop=True) for name, rows in table.groupby("classification")
  }
  return [Classification(p["name"], p["note"], p["unit"], p["classes"], parts[p["name"]]) for p in plain]


def _figures(found: Classification) -> dict:
  """What other programs may want to read without computing it again."""
  return {
    "examples": len(found.answers),
    "devices": int(found.answers["device"].nunique()),
    "top_1": top(found, 1),
    "top_5": top(found, 5),
    "balanced": balanced(found),
    "per_class": dict(zip(found.classes, per_class(found).tolist(), strict=True)),
    "confusion": confusion(found).tolist(),
  }
