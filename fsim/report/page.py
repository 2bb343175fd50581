"""The HTML page of a run, rebuilt at any time from the run folder; self-contained, opens offline."""

import base64
import json
from pathlib import Path

import jinja2
import numpy as np
import pandas as pd
from PIL import Image

from fsim.evaluate import result
from fsim.evaluate.rates import RATES, Rates
from fsim.evaluate.result import Evaluation
from fsim.evaluate.scores import SAME_DEVICE, worst_errors
from fsim.report import figures
from fsim.run import flat
from fsim.train import metrics

THUMBNAIL = 240  # Pixels of the longer side.


def build(workdir: Path) -> Path:
  """Writes report/index.html (and each figure as a PNG beside it) from the run folder; returns the page's path.

  Raises FileNotFoundError if the run has not been evaluated yet.
  """
  config = json.loads((workdir / "config.json").read_text())
  environment = json.loads((workdir / "environment.json").read_text())
  diary = metrics.read(workdir)
  evaluations = result.load(workdir)
  problems = pd.read_csv(workdir / "problems.csv")
  folder = workdir / "report"
  folder.mkdir(exist_ok=True)
  page = _template().render(
    title=f"fsim {config['system']}: {workdir.name}",
    summary=_summary(evaluations[0]),
    sections=[_section(e, workdir, config) for e in evaluations],
    waiting=max(row["waiting"] for row in diary),
    training=[_figure(folder, f"training of the {p} network", figures.training(diary, p)) for p in _phases(diary)],
    data=list(environment.pop("data").items()),
    problems=problems.to_dict("records"),
    settings=list(flat(config).items()),
    environment=list(flat(environment).items()),
  )
  path = folder / "index.html"
  path.write_text(page)
  return path


def save_thumbnail(folder: Path, row: int, pixels: np.ndarray) -> None:
  """A small JPEG of an image, so that the page can be rebuilt without the data."""
  folder.mkdir(parents=True, exist_ok=True)
  image = Image.fromarray(pixels)
  image.thumbnail((THUMBNAIL, THUMBNAIL))
  image.save(folder / f"{row}.jpg", quality=85)


def _template() -> jinja2.Template:
  environment = jinja2.Environment(loader=jinja2.PackageLoader("fsim.report", "."), autoescape=True, trim_blocks=True)
  return environment.get_template("page.html")


def _phases(diary: list[dict]) -> list[str]:
  return list(dict.fromkeys(row["phase"] for row in diary))


def _summary(evaluation: Evaluation) -> str:
  line, matrix = evaluation.rates[0], evaluation.matrix
  low, high = line.intervals["auc"]
  return (
    f"AUC {line.values['auc']:.3f} (95 % interval over devices {low:.3f} to {high:.3f}) on "
    f"{line.same + line.different:,} pairs of images from {line.devices} devices; overall accuracy of the similarity "
    f"matrix {matrix.accuracy():.3f}, balanced {matrix.balanced_accuracy():.3f}, at threshold "
    f"{evaluation.threshold:.3f}."
  )


def _section(evaluation: Evaluation, workdir: Path, config: dict) -> dict:
  folder = workdir / "report"
  name = evaluation.name
  drawn = {
    "similarity matrix": figures.matrix(evaluation.matrix, evaluation.models),
    "ROC and DET": figures.roc_and_det(evaluation.rates),
    "scores": figures.histograms(evaluation.pairs, evaluation.threshold),
  }
  return {
    "title": f"Results: {name}",
    "note": f"{evaluation.note} {_summary(evaluation)}",
    "rates": [line._asdict() | {"cells": _cells(line)} for line in evaluation.rates],
    "figures": [_figure(folder, f"{title}, {name}", image) for title, image in drawn.items()],
    "errors": _errors(evaluation, workdir, config["evaluate"]["errors"]),
  }


def _cells(line: Rates) -> list[str]:
  return [f"{line.values[r]:.3f} [{line.intervals[r][0]:.3f}, {line.intervals[r][1]:.3f}]" for r in RATES]


def _figure(folder: Path, title: str, png: bytes) -> dict:
  name = "".join(c if c.isalnum() else "_" for c in title)
  (folder / f"{name}.png").write_bytes(png)
  return {"title": title[0].upper() + title[1:], "png": base64.b64encode(png).decode()}


def _errors(evaluation: Evaluation, workdir: Path, count: int) -> list[dict]:
  errors = worst_errors(evaluation.pairs, evaluation.threshold, count)
  folder = workdir / "thumbnails" / evaluation.name
  return [
    {
      "verdict": "Missed" if pair.truth == SAME_DEVICE else f"False match ({pair.truth})",
      "score": pair.score,
      "names": (pair.file_a, pair.file_b),
      "thumbnails": [
        base64.b64encode((folder / f"{row}.jpg").read_bytes()).decode() for row in (pair.row_a, pair.row_b)
      ],
    }
    for pair in errors.itertuples()
  ]
