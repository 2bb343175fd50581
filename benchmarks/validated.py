"""The page of `fsim validate` from tables that `benchmarks.calibrated_scores` wrote, without a photograph.

  python -m benchmarks.validated SCORES/realcams --out=DIR
  python -m benchmarks.validated SCORES/similarity --never --out=DIR

With --never only the virtual models from which no calibration was learned (`benchmarks.calibrated`).
"""

import argparse
from pathlib import Path

import numpy as np

from benchmarks.calibrated import NEVER
from benchmarks.calibrated_scores import load
from fsim.boundary import console, outputs
from fsim.commands.work import validate
from fsim.evidence import criteria, learning, shipped
from fsim.evidence.collecting import Scores
from fsim.evidence.validation_report import Source


def never_learned(scores: Scores) -> Scores:
  """Comparisons in which both devices are of models of which none was learned from."""
  data = learning.data_of(scores)
  never = data.models % NEVER == 0
  chosen = never[data.truths.questioned] & never[data.truths.candidate]
  return scores._replace(comparisons=scores.comparisons[np.asarray(chosen)].reset_index(drop=True))


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("scores", type=Path)
  parser.add_argument("--never", action="store_true")
  parser.add_argument("--calibration", type=Path)
  parser.add_argument("--criteria", type=Path)
  parser.add_argument("--out", type=Path, required=True)
  chosen = parser.parse_args()
  scores = load(chosen.scores)
  if chosen.never:
    scores = never_learned(scores)
  name = chosen.scores.name + (", models never used" if chosen.never else "")
  source = Source(name, "tables of scores that were kept", "")
  report = validate.measured(scores, source, shipped.chosen(chosen.calibration), criteria.load(chosen.criteria), [])
  folder = outputs.Folder(chosen.out)
  command = f"python -m benchmarks.validated SCORES/{chosen.scores.name}{' --never' if chosen.never else ''} --out=DIR"
  validate.write(report, folder, command.split())
  for line in validate.lines(report, folder):
    console.say(line)


if __name__ == "__main__":
  main()
