"""The results of camera models named from patches, as sections of the page."""

import json
from pathlib import Path

import pandas as pd

from fsim.metrics import classification
from fsim.report import classification as classifications
from fsim.report import classification_figures
from fsim.report.parts import Figure, Section, Table, figure

PATCH_COUNTS = (1, 2, 4, 8, 16, 32)  # Numbers of voting patches in the table.
CONFUSED = ("images, majority of SVMs", "patches, SVMs")  # Shown as confusion matrices.


def sections(workdir: Path, config: dict) -> tuple[str, list[Section]]:
  """A summary, and the sections. Raises FileNotFoundError before the evaluation."""
  answers = classification.load(workdir)
  resamples, seed = config["evaluate"]["resamples"], config["seed"]
  accuracies = classifications.table(answers, resamples, seed)
  by_votes = classifications.voting(pd.read_csv(workdir / "voting.csv"), PATCH_COUNTS)
  note = f"{answers[0].note} {_setting(workdir)}"
  whole = Section("Results", note, [accuracies, by_votes], [_votes(workdir)])
  confused = [classifications.section(a, workdir) for a in answers if a.name in CONFUSED]
  later = [*_transfer(workdir), *_unknown(workdir)]
  return classifications.summary(answers[0], resamples, seed), [whole, *confused, *later]


def numbers(workdir: Path) -> dict[str, float]:
  """Accuracies of images and patches, by numbers of votes and on models met later, and the rates of none of these."""
  found = {a.name: classification.top(a, 1) for a in classification.load(workdir)}
  curve = pd.read_csv(workdir / "voting.csv")
  some = curve[curve["patches"].isin(PATCH_COUNTS)]
  found |= {f"{rule}, {k} voting": mean for rule, k, mean in some[["rule", "patches", "mean"]].itertuples(index=False)}
  draws = pd.read_csv(workdir / "transfer.csv")
  for size, rows in draws.groupby("images"):
    for name, label in classification_figures.TRANSFERRED.items():
      found[f"new models, {size} images: {label}"] = rows[name].mean()
  facts = json.loads((workdir / "unknown.json").read_text())
  if facts:
    found["none of these: AUC"] = facts["auc"][facts["score"]]
    found |= {f"none of these: {kind} rejected": facts[f"{kind}_rejected"] for kind in ("known", "unknown")}
  return found


def _setting(workdir: Path) -> str:
  chosen = json.loads((workdir / "svm.json").read_text())
  kind = "standardised" if chosen["standardised"] else "unchanged"
  return f"Validation patches chose SVMs with C = {chosen['c']:g} on {kind} features."


def _votes(workdir: Path) -> Figure:
  return figure(workdir / "report", "voting curve", classification_figures.voting(pd.read_csv(workdir / "voting.csv")))


def _transfer(workdir: Path) -> list[Section]:
  """Empty where there was nothing to transfer to."""
  draws = pd.read_csv(workdir / "transfer.csv")
  if draws.empty:
    return []
  means, spreads = (
    draws.groupby("images")[list(classification_figures.TRANSFERRED)].agg(how) for how in ("mean", "std")
  )
  lines = [
    [str(size), *(f"{means.loc[size, name]:.3f} ± {spreads.loc[size, name]:.3f}" for name in means.columns)]
    for size in means.index
  ]
  head = ["images a model", "accuracy of patches", "accuracy of images"]
  table = Table(head, lines, "Mean and standard deviation over random choices of the images to learn from.")
  note = (
    "The network stays as it is; only SVMs are trained, on images of models that it never saw. They are tested on "
    "other scenes, in which the network was not trained either."
  )
  drawn = figure(workdir / "report", "models not seen in training", classification_figures.transfer(draws))
  return [Section("Results: models that come later", note, [table], [drawn])]


def _unknown(workdir: Path) -> list[Section]:
  """Empty where there were no models that the network did not learn."""
  facts = json.loads((workdir / "unknown.json").read_text())
  if not facts:
    return []
  lines = [[name, f"{facts['auc_validation'][name]:.3f}", f"{auc:.3f}"] for name, auc in facts["auc"].items()]
  against = (
    f"{facts['validation_unknowns']} other models never learned"
    if facts["validation_unknowns"]
    else "each model left out in turn"
  )
  head = ["score", f"AUC on validation images, {against}", "AUC on models never learned"]
  reading = f"Validation images chose {facts['score']}, and its threshold; the last column had no part in that."
  note = (
    f"Of {facts['unknown_images']:,} images of {facts['unknown_models']} models never learned, "
    f"{100 * facts['unknown_rejected']:.1f} % are called none of these, and of {facts['known_images']:,} test images "
    f"of learned models {100 * facts['known_rejected']:.1f} %. Without that answer they would all be given a model, "
    f"with a mean softmax of {facts['confidence_unknown']:.2f} (learned models: {facts['confidence_known']:.2f})."
  )
  drawn = figure(workdir / "report", "none of these", classification_figures.unknown(facts))
  return [Section("Results: none of these", note, [Table(head, lines, reading)], [drawn])]
