"""What an evaluation leaves in the run folder, and how it is read back: one JSON file and one table of pairs."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from fsim.metrics.matrix import SimilarityMatrix
from fsim.metrics.rates import Curve, Rates


class Evaluation(NamedTuple):
  """A matcher's results on one set of images. `note` says what the set is; `models` names each matrix row's model."""

  name: str
  note: str
  threshold: float
  matrix: SimilarityMatrix
  models: list[str]
  rates: list[Rates]
  pairs: pd.DataFrame


def save(folder: Path, evaluations: list[Evaluation]) -> None:
  tables = [e.pairs.assign(evaluation=e.name) for e in evaluations]
  pd.concat(tables, ignore_index=True).to_parquet(folder / "scores.parquet")
  (folder / "evaluation.json").write_text(json.dumps([_plain(e) for e in evaluations], indent=1))


def load(folder: Path) -> list[Evaluation]:
  tables = pd.read_parquet(folder / "scores.parquet")
  plain = json.loads((folder / "evaluation.json").read_text())
  return [_rebuilt(e, tables[tables["evaluation"] == e["name"]].drop(columns="evaluation")) for e in plain]


def _plain(evaluation: Evaluation) -> dict:
  matrix = evaluation.matrix
  return {
    "name": evaluation.name,
    "note": evaluation.note,
    "threshold": evaluation.threshold,
    "accuracy": matrix.accuracy(),
    "balanced_accuracy": matrix.balanced_accuracy(),
    "devices": matrix.devices,
    "models": evaluation.models,
    "matrix": matrix.values.tolist(),
    "rates": [
      line._replace(curve={"fpr": line.curve.fpr.tolist(), "tpr": line.curve.tpr.tolist()})._asdict()
      for line in evaluation.rates
    ],
  }


def _rebuilt(plain: dict, pairs: pd.DataFrame) -> Evaluation:
  lines = [
    Rates(**(line | {"curve": Curve(np.array(line["curve"]["fpr"]), np.array(line["curve"]["tpr"]))}))
    for line in plain["rates"]
  ]
  matrix = SimilarityMatrix(plain["devices"], np.array(plain["matrix"]))
  return Evaluation(plain["name"], plain["note"], plain["threshold"], matrix, plain["models"], lines, pairs)
