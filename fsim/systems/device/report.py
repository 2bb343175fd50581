"""The results of a matcher on pairs of images, as sections of its page."""

import base64
import math
from pathlib import Path

import numpy as np
from PIL import Image

from fsim.metrics.rates import RATES, Rates, better_than
from fsim.metrics.scores import SAME_DEVICE, worst_errors
from fsim.report import figures
from fsim.report.parts import Section, Table, figure
from fsim.systems.device import result
from fsim.systems.device.result import Evaluation

THUMBNAIL = 240  # Pixels of the longer side.
HEAD = [
  "devices",
  "same device (pairs)",
  "different (pairs)",
  "AUC",
  "EER",
  "true positives at 1 % false",
  "true positives at 0.1 % false",
]
GUESSING = 0.5  # AUC.
BY = {  # Part of what is combined -> what its table is about.
  "network": "the published network alone",
  "noise": "noise of the two photographs alone",
  "fingerprints": "learned fingerprints alone",
}
NOTE = (
  "AUC, EER and true positives are shares, from 0 to 1; an AUC of .5 is guessing. In brackets: 95 % intervals, "
  "bootstrapped over devices. A false positive rate below 1 / (number of different pairs) cannot be resolved by these "
  "data."
)
COMBINED = (
  "All together: a logistic regression that was fitted to pairs of validation images. The fingerprints are means of "
  "the training photographs of each device, so they answer about devices that were learned, and about no other."
)


def sections(workdir: Path, config: dict) -> tuple[str, list[Section]]:
  """A summary, and a section a set of test images. Raises FileNotFoundError before the evaluation."""
  evaluations = result.load(workdir)
  return f"{finding(evaluations[0].rates)}\n{_summary(evaluations[0])}", [
    _section(e, workdir, config["evaluate"]["errors"]) for e in evaluations
  ]


def numbers(workdir: Path) -> dict[str, float]:
  """AUC and EER of every set and kind of pairs, and the overall accuracy."""
  found = {}
  for evaluation in result.load(workdir):
    found[f"{evaluation.name}: overall accuracy"] = evaluation.matrix.accuracy()
    for part, lines in {"": evaluation.rates, **evaluation.alone}.items():
      for line in lines:
        place = f"{evaluation.name}, {line.subset}" + (f", {part} alone" if part else "")
        found |= {f"{place}: {name}": line.values[name] for name in ("auc", "eer")}
  return found


def save_thumbnail(folder: Path, row: int, pixels: np.ndarray) -> None:
  """A small JPEG of an image, so that the page can be rebuilt without the data."""
  folder.mkdir(parents=True, exist_ok=True)
  image = Image.fromarray(pixels)
  image.thumbnail((THUMBNAIL, THUMBNAIL))
  image.save(folder / f"{row}.jpg", quality=85)


def finding(rates: list[Rates]) -> str:
  """What the rates say in plain words: whether models, and devices of one model, are told apart at all."""
  told = {line.subset: _told_apart(line) for line in rates}
  kinds = {"different models": "models", "same model": "devices of one model"}
  known = {name: told.get(subset) for subset, name in kinds.items()}
  apart, not_apart, unclear = ([name for name, is_told in known.items() if is_told is x] for x in (True, False, None))
  said = []
  if apart:
    said.append(f"It tells {' and '.join(apart)} apart" + (f", not {' or '.join(not_apart)}" if not_apart else ""))
  elif not_apart:
    said.append(f"It is not seen to tell {' or '.join(not_apart)} apart: it may be guessing")
  if unclear:
    said.append(f"{'these data' if said else 'These data'} do not say whether it tells {' or '.join(unclear)} apart")
  return f"{'; '.join(said)}."


def _told_apart(line: Rates) -> bool | None:
  """None where no interval is known."""
  low, _ = line.intervals["auc"]
  return None if math.isnan(low) else better_than(GUESSING, line.values["auc"], low, line.devices)


def _summary(evaluation: Evaluation) -> str:
  line, matrix = evaluation.rates[0], evaluation.matrix
  low, high = line.intervals["auc"]
  return (
    f"AUC {line.values['auc']:.3f} (95 % interval over devices {low:.3f} to {high:.3f}) on "
    f"{line.same + line.different:,} pairs of images from {line.devices} devices; overall accuracy of the similarity "
    f"matrix {matrix.accuracy():.3f}, balanced {matrix.balanced_accuracy():.3f}, at threshold "
    f"{evaluation.threshold:.3f}.{_of_one_model(evaluation)}"
  )


def _of_one_model(evaluation: Evaluation) -> str:
  """How well devices of one model are told apart, with sensor noise and without, where that was asked."""
  both = (evaluation.rates, evaluation.alone.get("network", []))
  found = [line.values["auc"] for lines in both for line in lines if line.subset == "same model"]
  if len(found) < 2:
    return ""
  return f" Devices of one model: AUC {found[0]:.3f}, by the published network alone {found[1]:.3f}."


def _section(evaluation: Evaluation, workdir: Path, errors: int) -> Section:
  name = evaluation.name
  drawn = {
    "similarity matrix": figures.matrix(evaluation.matrix, evaluation.models),
    "ROC and DET": figures.roc_and_det(evaluation.rates),
    "scores": figures.histograms(evaluation.pairs, evaluation.threshold),
  }
  return Section(
    title=f"Results: {name}",
    note=f"{evaluation.note} {_summary(evaluation)}",
    tables=_tables(evaluation),
    figures=[figure(workdir / "report", f"{title}, {name}", image) for title, image in drawn.items()],
    pairs=_errors(evaluation, workdir, errors),
  )


def _tables(evaluation: Evaluation) -> list[Table]:
  """Of what is combined first, then of each part."""
  what, note = ("all together", f"{COMBINED} {NOTE}") if evaluation.alone else ("pairs", NOTE)
  told = [(what, evaluation.rates, note)] + [(BY[part], lines, "") for part, lines in evaluation.alone.items()]
  return [Table([what, *HEAD], [_line(line) for line in lines], note) for what, lines, note in told]


def _line(line: Rates) -> list[str]:
  cells = [f"{line.values[r]:.3f} [{line.intervals[r][0]:.3f}, {line.intervals[r][1]:.3f}]" for r in RATES]
  return [line.subset, str(line.devices), f"{line.same:,}", f"{line.different:,}", *cells]


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
