"""The results of phones and their cameras named from patches, as sections of the page."""

from pathlib import Path

import pandas as pd

from fsim.metrics import classification
from fsim.report import classification as classifications
from fsim.report import classification_figures
from fsim.report.parts import Section, figure

PATCH_COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)  # Numbers of voting patches in the table.
CONFUSED = ("images, mean softmax", "patches")  # Shown as confusion matrices.


def sections(workdir: Path, config: dict) -> tuple[str, list[Section]]:
  """A summary, and the sections. Raises FileNotFoundError before the evaluation."""
  answers = classification.load(workdir)
  curve = pd.read_csv(workdir / "voting.csv")
  resamples, seed = config["evaluate"]["resamples"], config["seed"]
  folder = workdir / "report"
  drawn = [
    figure(folder, "accuracy by class", classification_figures.by_class(answers)),
    figure(folder, "voting curve", classification_figures.voting(curve)),
  ]
  tables = [classifications.table(answers, resamples, seed), classifications.voting(curve, PATCH_COUNTS)]
  whole = Section("Results", answers[0].note, tables, drawn)
  confused = [classifications.section(a, workdir) for a in answers if a.name in CONFUSED]
  return classifications.summary(answers[0], resamples, seed), [whole, *confused]


def numbers(workdir: Path) -> dict[str, float]:
  """Accuracies of images and patches, of each class, and by numbers of votes."""
  found = {}
  for answers in classification.load(workdir):
    found[answers.name] = classification.top(answers, 1)
    if answers.name in CONFUSED:
      shares = zip(answers.classes, classification.per_class(answers), strict=True)
      found |= {f"{answers.name}: {name}": float(share) for name, share in shares}
  curve = pd.read_csv(workdir / "voting.csv")
  some = curve.loc[curve["patches"].isin(PATCH_COUNTS), ["rule", "patches", "mean"]]
  return found | {f"{rule}, {k} voting": mean for rule, k, mean in some.itertuples(index=False)}
