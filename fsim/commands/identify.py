"""Names the camera model of photographs, or says that it is none of those that a run has learned.

fsim identify IMAGE_OR_FOLDER... --run=DIR
fsim identify IMAGE --run=DIR --map=OUT.png          block by block, also as OUT.json
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from fsim import cpu
from fsim.boundary import console
from fsim.boundary.errors import UserError
from fsim.boundary.outputs import Folder
from fsim.boundary.text import shown
from fsim.commands import options
from fsim.data.photographs import find, read_all
from fsim.report import classification_figures
from fsim.systems.patch import fitted
from fsim.systems.patch.fitted import MIN_PATCHES, NONE, SILENT, FittedClassifier, Verdict


def sentence(verdict: Verdict) -> str:
  """For people: the answer, the votes behind it, and how sure it is not."""
  if verdict.answer == SILENT:
    return f"{SILENT}: {verdict.patches} usable patches, and at least {MIN_PATCHES} are needed"
  first, *others = [f"{model} {count}" for model, count in verdict.votes.items()]
  cast = f"{first} of {verdict.patches} votes" + (f", then {', '.join(others[:2])}" if others else "")
  side = "below" if verdict.answer == NONE else "not below"
  score = f"score {verdict.score:.3g} {side} the threshold {verdict.threshold:.3g}"
  return f"{verdict.answer} ({cast}; margin {verdict.margin:.2f}; {score})"


def place_of_map(target: Path) -> Folder:
  """The folder of a map, in which the picture and its table (same name, .json) may be written; UserError if not."""
  folder = Folder(target.parent)
  folder.claim(target.name, target.with_suffix(".json").name)
  return folder


def write_map(
  folder: Folder, name: str, file: Path, image: UInt8[np.ndarray, "h w 3"], known: FittedClassifier
) -> None:
  """The picture, and the model of every block, null where there is no statement."""
  blocks = fitted.blocks(known, image)
  named = [[known.svms.classes[k] if k >= 0 else None for k in row] for row in blocks.tolist()]
  facts = {"file": str(file), "size": known.choice.size, "stride": known.choice.stride, "blocks": named}
  folder.write(name, classification_figures.blocks(image, blocks, known.svms.classes, known.choice))
  folder.write(Path(name).with_suffix(".json").name, console.to_json(facts).encode())


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
  parser = options.parser("identify", __doc__)
  options.add_photographs(parser)
  options.add_run(parser, "configs/patch.py")
  parser.add_argument("--map", type=console.path, metavar="OUT.png", help="write a map of the one image's blocks")
  options.add_json(parser)
  chosen = parser.parse_args(arguments)
  if chosen.map and (len(chosen.places) > 1 or chosen.map.suffix.lower() != ".png"):
    parser.error("--map takes one image, and the name of a .png file")
  return chosen


def main(arguments: Sequence[str]) -> int:
  chosen = parsed(arguments)
  cpu.keep_memory()
  known = fitted.of_run(chosen.run)
  found = find(chosen.places)
  if chosen.map and len(found.paths) > 1:
    raise UserError(f"--map takes one image, and {shown(chosen.places[0])} has {len(found.paths):,}")
  folder = place_of_map(chosen.map) if chosen.map else None
  rows: list[dict[str, Any]] = [{"file": str(path), "passed_over": cause} for path, cause in found.passed_over]
  for path, cause in found.passed_over:
    console.note(f"{shown(path)}: left out, {cause}")
  for photograph in read_all(found.paths):
    row = {"file": str(photograph.path)}
    rows.append(row)
    if photograph.problem:
      console.note(f"{shown(photograph.path)}: {photograph.problem}")
      row["error"] = photograph.problem
      continue
    verdict = fitted.name(known, photograph.pixels)
    row |= verdict._asdict()
    if not chosen.json:
      console.say(shown(f"{photograph.path}: {sentence(verdict)}"))
    if folder:
      write_map(folder, chosen.map.name, photograph.path, photograph.pixels, known)
  if chosen.json:
    console.say(console.to_json(rows))
  return console.INCOMPLETE if found.lost or any("error" in row for row in rows) else console.ANSWERED
