"""The results of cameras named by a network and by the classical matcher, side by side, as sections of the page."""

from pathlib import Path

import pandas as pd

from fsim.metrics import classification, rates
from fsim.metrics.classification import Classification
from fsim.metrics.scores import OTHER_MODEL, SAME_DEVICE, SAME_MODEL
from fsim.prnu import matching
from fsim.report import classification as classifications
from fsim.report.parts import Section, Table, figure
from fsim.systems.prnu import figures as prnu_figures
from fsim.systems.prnu import within_model
from fsim.systems.prnu.within_model import Within

KINDS = (SAME_DEVICE, SAME_MODEL, OTHER_MODEL)
NOTE = (
  "The network and the classical matcher learn from the same training images and are asked about the same test images. "
  "On the same patterns they see the same pixels. The matcher knows that positions on the sensor correspond. Where all "
  "images are right, a bootstrap interval has no width, which does not mean that errors are impossible."
)


def sections(workdir: Path, config: dict) -> tuple[str, list[Section]]:
  """A summary, and the sections. Raises FileNotFoundError before the evaluation."""
  answers = classification.load(workdir)
  pces = pd.read_parquet(workdir / "pce.parquet")
  settings, seed = config["evaluate"], config["seed"]
  threshold = matching.threshold(settings["alpha"], n_hypotheses=1)
  tables = [
    classifications.table(answers, settings["resamples"], seed),
    _within(answers, settings["resamples"], seed),
    *by_subset(answers),
    _matched(pces, threshold, settings["alpha"]),
  ]
  drawn = figure(workdir / "report", "PCE of test images", prnu_figures.pces(pces, threshold))
  confused = [classifications.section(a, workdir) for a in answers]
  found = [within_model.within(own, settings["resamples"], seed) for own in answers]
  return f"{finding(answers, found)}\n{_summary(answers)}", [Section("Results", NOTE, tables, [drawn]), *confused]


def numbers(workdir: Path) -> dict[str, float]:
  """Accuracies by network and matcher: of cameras, of models, and of devices among those of a model."""
  found = {}
  for answers in classification.load(workdir):
    found |= {f"{answers.name}: top {k}": classification.top(answers, k) for k in (1, 5)}
    found[f"{answers.name}: mean over cameras"] = classification.balanced(answers)
    found[f"{answers.name}: model"] = within_model.models(answers)
    found[f"{answers.name}: device of a model"] = within_model.within(answers, resamples=1, seed=0).right
  return found


def finding(answers: list[Classification], found: list[Within]) -> str:
  """Who tells devices of one model apart, in plain words."""
  if not any(one.images for one in found):
    return "There are no two devices of one model, so nothing shows whether the sensor's own noise tells devices apart."
  told, not_told = (
    [f'"{a.name}"' for a, one in zip(answers, found, strict=True) if one.images and _told_apart(one) is x]
    for x in (True, False)
  )
  if not told:
    return f"These data do not show that devices of one model are told apart, by {' or '.join(not_told)}."
  rest = f"; of {' and '.join(not_told)} these data do not show it" if not_told else ""
  return f"Devices of one model are told apart by {' and '.join(told)}{rest}."


def _told_apart(one: Within) -> bool:
  return rates.better_than(one.chance, one.right, one.low, one.devices)


def _summary(answers: list[Classification]) -> str:
  shares = "; ".join(f"{a.name} {100 * classification.top(a, 1):.1f} %" for a in answers)
  return (
    f"Of {len(answers[0].answers):,} images, classified correctly among {len(answers[0].classes)} cameras: {shares}."
  )


def _within(answers: list[Classification], resamples: int, seed: int) -> Table:
  lines = []
  for own in answers:
    found = within_model.within(own, resamples, seed)
    share = f"{found.right:.3f} [{found.low:.3f}, {found.high:.3f}]" if found.images else "no such images"
    chance = f"{found.chance:.3f}" if found.images else ""
    lines.append([own.name, f"{within_model.models(own):.3f}", str(found.images), str(found.devices), share, chance])
  head = ["among devices of one model", "accuracy of models", "images", "devices", "right device", "chance"]
  note = (
    "Right device: of the images whose model was classified correctly and of which there are several devices. This is "
    "what only the sensor's own noise can tell."
  )
  return Table(head, lines, note)


def by_subset(answers: list[Classification]) -> list[Table]:
  """Empty where all images are of one subset."""
  subsets = sorted(answers[0].answers["subset"].unique(), reverse=True)
  if len(subsets) < 2:
    return []
  head = ["top 1 by subset", *(f"{name} ({(answers[0].answers['subset'] == name).sum():,} images)" for name in subsets)]
  lines = []
  for own in answers:
    right = (own.answers["rank"] == 1).groupby(own.answers["subset"]).mean()
    lines.append([own.name, *(f"{right[subset]:.3f}" for subset in subsets)])
  return [Table(head, lines, "Evenly lit images show the sensor's noise better than photographs do.")]


def _matched(pces: pd.DataFrame, threshold: float, alpha: float) -> Table:
  lines = []
  for name, rows in pces.groupby("classification", sort=False):
    cells = []
    for kind in KINDS:
      own = rows.loc[rows["truth"] == kind, "pce"]
      cells.append(f"{(own > threshold).mean():.4f} of {len(own):,}" if len(own) else "none")
    lines.append([name, *cells])
  note = (
    f"Share of the comparisons of an image with a fingerprint whose PCE is above {threshold:.1f}, which unrelated "
    f"white noise exceeds with probability {alpha:g}."
  )
  return Table(["matches", *KINDS], lines, note)
