"""What an evaluation leaves in the run folder, and how it is read back: one JSON file and one table of pairs."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from fsim.boundary.inputs import Unreadable
from fsim.metrics.matrix import SimilarityMatrix
from fsim.metrics.rates import Curve, Rates


class Evaluation(NamedTuple):
  """A matcher's results on one set of images. `note` says what the set is; `models` names each matrix row's model.

  alone: of each part of what is combined, by its name (noise.NAMES); nothing of a run of the networks alone.
  """

  name: str
  note: str
  threshold: float
  matrix: SimilarityMatrix
  models: list[str]
  rates: list[Rates]
  alone: dict[str, list[Rates]]
  pairs: pd.DataFrame


def save(folder: Path, evaluations: list[Evaluation]) -> None:
  tables = [e.pairs.assign(evaluation=e.name) for e in evaluations]
  pd.concat(tables, ignore_index=True).to_parquet(folder / "scores.parquet")
  (folder / "evaluation.json").write_text(json.dumps([_plain(e) for e in evaluations], indent=1))


def load(folder: Path) -> list[Evaluation]:
  """Raises Unreadable for what a former fsim wrote, which had the networks alone."""
  tables = pd.read_parquet(folder / "scores.parquet")
  plain = json.loads((folder / "evaluation.json").read_text())
  if any("alone" not in evaluation for evaluation in plain):
    raise Unreadable(folder / "evaluation.json", "of a former fsim, without sensor noise; train in another folder")
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
    "rates": _plain_lines(evaluation.rates),
    "alone": {part: _plain_lines(lines) for part, lines in evaluation.alone.items()},
  }


def _plain_lines(lines: list[Rates]) -> list[dict]:
  curves = ({"fpr": line.curve.fpr.tolist(), "tpr": line.curve.tpr.tolist()} for line in lines)
  return [line._replace(curve=curve)._asdict() for line, curve in zip(lines, curves, strict=True)]


def _rebuilt(plain: dict, pairs: pd.DataFrame) -> Evaluation:
  matrix = SimilarityMatrix(plain["devices"], np.array(plain["matrix"]))
  alone = {part: _lines(lines) for part, lines in plain["alone"].items()}
  told = plain["name"], plain["note"], plain["threshold"], matrix, plain["models"]
  return Evaluation(*told, _lines(plain["rates"]), alone, pairs)


def _lines(plain: list[dict]) -> list[Rates]:
  curves = (Curve(np.array(line["curve"]["fpr"]), np.array(line["curve"]["tpr"])) for line in plain)
  return [Rates(**(line | {"curve": curve})) for line, curve in zip(plain, curves, strict=True)]
