"""The results of a system that names a class, as sections of its page."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from fsim.metrics import classification, rates
from fsim.metrics.classification import Classification
from fsim.report import classification_figures
from fsim.report.parts import Section, Table, figure

HEAD = ["set", "examples", "devices", "classes", "top 1", "top 5", "mean over classes"]
NOTE = (
  "Top 1, top 5 and the mean are shares that are right, from 0 to 1. In brackets: 95 % intervals, bootstrapped over "
  "devices. With c classes, guessing gives 1 / c (top 1)."
)


def summary(answers: Classification, resamples: int, seed: int) -> str:
  """A line in plain words and one in numbers."""
  low, high = classification.interval(answers, 1, resamples, seed)
  right, chance = classification.top(answers, 1), 1 / len(answers.classes)
  surely = rates.better_than(chance, right, low, answers.answers["device"].nunique())
  better = "Better than guessing" if surely else "Not shown to be better than guessing"
  told = f"{better}: the right answer of {len(answers.classes)} for {100 * right:.0f} of 100 {answers.unit}"
  return (
    f"{told}; guessing gives {100 * chance:.0f}.\n"
    f"{100 * classification.top(answers, 1):.1f} % (95 % interval over devices {100 * low:.1f} to {100 * high:.1f}) of "
    f"{len(answers.answers):,} {answers.unit} are classified correctly among {len(answers.classes)} classes."
  )


def table(classifications: list[Classification], resamples: int, seed: int) -> Table:
  """One line a set of examples."""
  return Table(HEAD, [_line(n, resamples, seed) for n in classifications], NOTE)


def voting(curve: pd.DataFrame, shown: Sequence[int]) -> Table:
  """Accuracy by the number of voting patches, for those numbers; `curve` as `votes.curve` gives it."""
  rows = curve[curve["patches"].isin(shown)].pivot(index="patches", columns="rule", values="mean")
  lines = [[str(k), *(f"{value:.3f}" for value in row)] for k, row in zip(rows.index, rows.to_numpy(), strict=True)]
  note = "Share of the images classified correctly when so many of an image's patches, taken at random, vote."
  return Table(["voting patches", *rows.columns], lines, note)


def section(answers: Classification, workdir: Path) -> Section:
  """Confusion matrix, and each class's accuracy with what it is mistaken for."""
  drawn = figure(workdir / "report", f"confusion matrix, {answers.name}", classification_figures.confusion(answers))
  return Section(f"Results: {answers.name}", answers.note, [_by_class(answers)], [drawn])


def _line(answers: Classification, resamples: int, seed: int) -> list[str]:
  cells = []
  for k in (1, 5):
    low, high = classification.interval(answers, k, resamples, seed)
    cells.append(f"{classification.top(answers, k):.3f} [{low:.3f}, {high:.3f}]" if k < len(answers.classes) else "")
  devices = str(answers.answers["device"].nunique())
  size = [f"{len(answers.answers):,} {answers.unit}", devices, str(len(answers.classes))]
  return [answers.name, *size, *cells, f"{classification.balanced(answers):.3f}"]


def _by_class(answers: Classification) -> Table:
  counts, shares = classification.confusion(answers), classification.per_class(answers)
  lines = []
  for k, name in enumerate(answers.classes):
    wrong = counts[k] - np.diag(counts.diagonal())[k]
    taken = f"{answers.classes[wrong.argmax()]} ({wrong.max() / counts[k].sum():.3f})" if wrong.any() else ""
    lines.append([name, f"{counts[k].sum():,}", f"{shares[k]:.3f}" if counts[k].any() else "", taken])
  return Table(["class", answers.unit, "accuracy", "most often mistaken for"], lines, "")
