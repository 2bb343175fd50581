"""What `fsim validate` does, and how its answer reads."""

import argparse
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from fsim import weights
from fsim.boundary import console, lock, outputs, progress
from fsim.boundary.text import shown
from fsim.data import cameras, sources
from fsim.evidence import (
  asking,
  collecting,
  compared,
  copies,
  criteria,
  kept_scores,
  selecting,
  shipped,
  unlearned,
  validation,
  validation_page,
  validation_report,
)
from fsim.evidence.asking import Asked
from fsim.evidence.collecting import Scores
from fsim.evidence.selecting import Labelled
from fsim.evidence.validation_report import Report, Source
from fsim.metrics import lir_export

PAGE, ANSWER, SCORES = "index.html", "validation.json", "scores"
BEGUN = f"the same command begins anew with the {selecting.GROUP} devices that were under way"


def validate(chosen: argparse.Namespace, command: Sequence[str]) -> int:
  """command: as it was typed."""
  asked, by = shipped.chosen(chosen.calibration), criteria.load(chosen.criteria)
  folder = outputs.Folder(chosen.out) if chosen.out else None
  if folder is not None:
    folder.claim(PAGE, ANSWER)
  if chosen.export is not None:
    outputs.Folder(chosen.export.parent).claim(*_tables(chosen.export).values())
  with nullcontext() if folder is None else lock.only_one(folder.path, "validating ratios"):
    return _validated(chosen, command, asked, by, folder)


def _validated(
  chosen: argparse.Namespace,
  command: Sequence[str],
  asked: shipped.Chosen,
  by: criteria.Criteria,
  folder: outputs.Folder | None,
) -> int:
  similarity = asking.similarity_for(asked)
  own = weights.default("compare") if similarity.enters else None
  unlearned.require_source(chosen.source, own)
  found = cameras.read(sources.folder_of(chosen.source), chosen.pattern)
  unlearned.require([known.path for known in found.photographs], unlearned.learners(own, asked))
  files = [Labelled(k.path, k.device, k.camera, k.scene) for k in found.photographs]
  with _kept(folder, BEGUN):
    made = kept_scores.collect(files, folder and outputs.Folder(folder.path / SCORES), *collector(similarity))
  unused = found.unused(set(made.scores.photographs.get("device", ())))
  left_out = [*found.left_out, *made.left_out, *unused]
  for path, cause in left_out:
    console.note(f"left out {shown(path)}: {shown(cause)}")
  source = Source(chosen.source, found.rule, made.digest)
  with _kept(folder, console.GOES_ON):
    report = measured(made.scores, source, asked, by, left_out)
  answer = write(report, folder, command)
  if chosen.export is not None:
    _export(report, chosen.export)
  if chosen.json:
    console.say(console.to_json(answer))
  else:
    for line in lines(report, folder):
      console.say(line)
  return console.INCOMPLETE if found.lost or unused or copies.lost(made.left_out) else console.ANSWERED


def _kept(folder: outputs.Folder | None, said: str) -> AbstractContextManager[None]:
  return nullcontext() if folder is None else console.resumable(said)


def collector(asked: Asked) -> tuple[kept_scores.Collect, str]:
  """What gathers scores, and SHA-256 of the weights that it asks, which are those of `fsim compare`; "" if none."""
  if asked.similarity is None or asked.description is None:
    return collecting.collect, ""
  return partial(collecting.collect, similarity=asked.similarity), asked.description.sha256


def measured(
  scores: Scores,
  source: Source,
  asked: shipped.Chosen,
  by: criteria.Criteria,
  left_out: Sequence[tuple[Path, str]],
) -> Report:
  """Raises UserError where nothing can be compared."""
  found = compared.of(scores)
  with progress.bar(total=len(validation.METHODS_AGAINST), desc="measures") as bar:
    of = validation.lines(asked.calibration, found, bar.update)
  return validation_report.of(source, found, asked, by, of, left_out)


def write(report: Report, folder: outputs.Folder | None, command: Sequence[str]) -> dict[str, Any]:
  """The answer, which is made once: it says the time."""
  answer = validation_report.to_dict(report, command)
  if folder is not None:
    folder.write(PAGE, validation_page.build(report, command))
    folder.write(ANSWER, console.to_json(answer).encode() + b"\n")
  return answer


def lines(report: Report, folder: outputs.Folder | None) -> list[str]:
  """For people."""
  told = [f"{report.devices:,} devices, {report.models:,} models, {report.photographs:,} photographs"]
  for line, rows in zip(report.lines, report.rows, strict=True):
    told.append(f"{line.method}, against {line.against}: {validation_report.told(line, rows)}")
  told.append(validation_report.sentence(report))
  return [shown(line) for line in told + ([f"page: {folder.path / PAGE}"] if folder else [])]


def _tables(export: Path) -> dict[tuple[str, str], str]:
  """Names of the tables of each method and hypothesis."""
  short = {validation.NOISE: "noise", validation.SIMILARITY: "similarity", validation.BOTH: "both"}
  return {
    (method, against): f"{export.stem}_{short[method]}_{'H2b' if against == validation.OTHER_MODEL else 'H2a'}.csv"
    for method, against in validation.METHODS_AGAINST
  }


def _export(report: Report, export: Path) -> None:
  """Of a line that is not measured, a former table is taken away."""
  folder = outputs.Folder(export.parent)
  names = _tables(export)
  for line in report.lines:
    name = names[line.method, line.against]
    if line.pairs is None:
      folder.remove(name)
    else:
      folder.write(name, lir_export.csv(line.pairs))
