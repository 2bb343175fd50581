"""The results of forensic similarity, as sections of the page of a run."""

from pathlib import Path

import numpy as np
import pandas as pd

from fsim.metrics.rates import Rates, better_than
from fsim.metrics.scores import sigmoid
from fsim.report import figures
from fsim.report.parts import Section, Table, figure
from fsim.systems.model import figures as similarity_figures
from fsim.systems.model import model_pair_accuracy, similarity
from fsim.systems.model.model_pair_accuracy import Accuracy
from fsim.systems.model.similarity import Similarity

WORST = 10  # Pairs of models in the table of errors.
HEAD = ["models", "same model (pairs)", "right", "different models (pairs)", "right", "accuracy", "AUC", "EER"]
GUESSING = 0.5
NOTE = (
  "Right, accuracy, AUC and EER are shares, from 0 to 1. "
  "Known models trained the feature extractor, unknown ones trained nothing. Accuracy is the mean of the two shares "
  "that are right, at log-odds 0 (.5); of known-unknown, where all models differ, it is the one share. Every two "
  "models, and every model with itself, count equally. In brackets: 95 % intervals, bootstrapped over models, known "
  "and unknown apart; of few models they say little."
)
SELF = (
  "Pairs of one model: is the device recognised rather than the model? Two patches of one image are never paired. The "
  "share is the mean over models."
)


def sections(workdir: Path, config: dict) -> tuple[str, list[Section]]:
  """A summary, and a section a set of images. Raises FileNotFoundError before the evaluation."""
  found = similarity.load(workdir)
  settings = config["evaluate"]["resamples"], config["seed"]
  return _summary(found[0], *settings), [_section(each, workdir, *settings) for each in found]


def numbers(workdir: Path) -> dict[str, float]:
  """Accuracy and AUC of patches and images by group, images by number of patches, and the baseline's found pairs."""
  values = {}
  for found in similarity.load(workdir):
    for unit, pairs in (("patches", found.pairs), ("images", found.images)):
      lines = model_pair_accuracy.accuracies(model_pair_accuracy.of_pairs(pairs), 1, 0)
      values |= {f"{found.name}, {unit}, {line.group}: accuracy": line.value for line in lines}
      values |= {
        f"{found.name}, {unit}, {r.subset}: AUC": r.values["auc"] for r in model_pair_accuracy.rates(pairs, 0, 0)
      }
    for row in found.curve.itertuples():
      values[f"{found.name}, {row.patches} patches an image, {row.group}: accuracy"] = row.accuracy
    for name in ("false_alarm", "found", "baseline_found") if found.baseline else ():
      values[f"{found.name}, baseline: {name}"] = found.baseline[name]
  return values


def _summary(found: Similarity, resamples: int, seed: int) -> str:
  lines = model_pair_accuracy.accuracies(model_pair_accuracy.of_pairs(found.pairs), resamples, seed)
  shares = "; ".join(f"{line.group} {_percent(line)}" for line in lines)
  numbers = f"Are two patches of one camera model? Accuracy in percent, 95 % intervals over models: {shares}."
  return f"{finding(lines)}\n{numbers}"


def finding(lines: list[Accuracy]) -> str:
  """What the accuracies say in plain words, of models never learned if there are such pairs."""
  named = {line.group: line for line in lines}
  line = named.get("unknown-unknown") or named.get("known-known") or lines[0]
  of = {"unknown-unknown": "camera models that it never learned", "known-known": "camera models that it learned"}
  models = of.get(line.group, f"camera models ({line.group})")
  right = f"right in {100 * line.value:.0f} of 100 pairs of patches, where guessing is in 50"
  if np.isnan(line.low):
    return f"Of {models} too few were seen to say whether it tells them apart: {right}."
  told = better_than(GUESSING, line.value, line.low, line.models)
  return f"It {'tells' if told else 'is not seen to tell'} {models} apart: {right}."


def _percent(line: Accuracy) -> str:
  between = "" if np.isnan(line.low) else f" [{100 * line.low:.1f}, {100 * line.high:.1f}]"
  return f"{100 * line.value:.1f}{between}"


def _section(found: Similarity, workdir: Path, resamples: int, seed: int) -> Section:
  cells = model_pair_accuracy.of_pairs(found.pairs)
  tables, drawn = [], {"right decisions": similarity_figures.model_pair_accuracy(cells)}
  for unit, pairs in (("patches", found.pairs), ("images", found.images)):
    lines, rates = _measured(pairs, resamples, seed)
    tables.append(_table(unit, lines, rates))
    if rates:
      drawn[f"ROC and DET, pairs of {unit}"] = figures.roc_and_det(rates)
  probable = found.pairs.assign(score=sigmoid(found.pairs["log_odds"].to_numpy()))
  drawn["scores of pairs of patches"] = figures.histograms(probable, 0.5)
  drawn["images against patches"] = similarity_figures.images(found.curve)
  tables += [_by_device(found.pairs), *_baseline(found.baseline), _worst(cells)]
  figured = [figure(workdir / "report", f"{title}, {found.name}", image) for title, image in drawn.items()]
  return Section(f"Results: {found.name}", found.note, tables, figured)


def _measured(pairs: pd.DataFrame, resamples: int, seed: int) -> tuple[list[Accuracy], list[Rates]]:
  return model_pair_accuracy.accuracies(
    model_pair_accuracy.of_pairs(pairs), resamples, seed
  ), model_pair_accuracy.rates(pairs, resamples, seed)


def _table(unit: str, lines: list[Accuracy], rates: list[Rates]) -> Table:
  rated = {line.subset: line for line in rates}
  rows = []
  for line in lines:
    kinds = ((line.same, line.same_right), (line.different, line.different_right))
    counts = [cell for count, right in kinds for cell in (f"{count:,}", f"{right:.3f}" if count else "")]
    cells = [_bracketed(line.value, (line.low, line.high))]
    of = rated.get(line.group)
    cells += [_bracketed(of.values[name], of.intervals[name]) if of else "" for name in ("auc", "eer")]
    rows.append([line.group, str(line.models), *counts, *cells])
  note = NOTE if unit == "patches" else "The log-odds of the means of two images' patches decide."
  return Table([f"pairs of {unit}", *HEAD], rows, note)


def _bracketed(value: float, interval: tuple[float, float]) -> str:
  low, high = interval
  return f"{value:.3f}" + ("" if np.isnan(low) else f" [{low:.3f}, {high:.3f}]")


def _by_device(pairs: pd.DataFrame) -> Table:
  rows = [
    [f"{line.side}, {line.truth}", str(line.models), f"{line.pairs:,}", f"{line.right:.3f}"]
    for line in model_pair_accuracy.by_device(pairs).itertuples()
  ]
  return Table(["patches of one model", "models", "pairs", "right"], rows, SELF)


def _baseline(facts: dict) -> list[Table]:
  """Empty without a baseline."""
  if not facts:
    return []
  counts = [str(facts["models"]), f"{facts['same']:,}", f"{facts['different']:,}"]
  rows = [
    [name, *counts, *(f"{facts[key]:.3f}" for key in keys)]
    for name, keys in (
      ("learned similarity", ("false_alarm", "found", "auc")),
      ("Bray-Curtis distance of softmax vectors", ("reached", "baseline_found", "baseline_auc")),
    )
  ]
  head = ["unknown models", "models", "same model", "different", "called same, though different", "found", "AUC"]
  note = (
    "The baseline's threshold is set on these very pairs, so that it calls no more different models the same than the "
    "learned similarity does. Found: share of the pairs of one model that are called so."
  )
  return [Table(head, rows, note)]


def _worst(cells: model_pair_accuracy.ModelPairAccuracy) -> Table:
  rows = [
    [line.model_a, "Self" if line.model_b == line.model_a else line.model_b, line.sides, *counted]
    for line in model_pair_accuracy.worst(cells, WORST).itertuples()
    for counted in [(f"{line.pairs:,}", f"{line.wrong:.3f}")]
  ]
  return Table(["wrong most often", "and", "sides", "pairs", "wrong"], rows, "The worst cells of the matrix.")
