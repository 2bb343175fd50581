"""Names the camera model of photographs, or says that it is none of those that a run has learned.

python -m fsim.identify IMAGE... --run=DIR [--json]
python -m fsim.identify IMAGE --run=DIR --map=OUT.png          block by block, also as OUT.json
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from fsim import cpu
from fsim.data.photographs import read_all
from fsim.evaluate import namer
from fsim.evaluate.namer import LEAST, NONE, SILENT, Namer, Verdict
from fsim.report import naming_figures


def sentence(verdict: Verdict) -> str:
  """For people: the answer, the votes behind it, and how sure it is not."""
  if verdict.answer == SILENT:
    return f"{SILENT}: {verdict.patches} usable patches, and at least {LEAST} are needed"
  first, *others = [f"{model} {count}" for model, count in verdict.votes.items()]
  cast = f"{first} of {verdict.patches} votes" + (f", then {', '.join(others[:2])}" if others else "")
  side = "below" if verdict.answer == NONE else "not below"
  score = f"score {verdict.score:.3g} {side} the threshold {verdict.threshold:.3g}"
  return f"{verdict.answer} ({cast}; margin {verdict.margin:.2f}; {score})"


def mapped(target: Path, file: Path, image: UInt8[np.ndarray, "h w 3"], known: Namer) -> str:
  """Writes the picture, and beside it (same name, .json) the model of every block, null where there is no statement.

  Returns why it could not, or "".
  """
  blocks = namer.blocks(known, image)
  picture = naming_figures.blocks(image, blocks, known.svms.classes, known.choice)
  named = [[known.svms.classes[k] if k >= 0 else None for k in row] for row in blocks.tolist()]
  facts = {"file": str(file), "size": known.choice.size, "stride": known.choice.stride, "blocks": named}
  try:
    target.write_bytes(picture)
    target.with_suffix(".json").write_text(json.dumps(facts, indent=1))
  except OSError as error:
    return f"its map {error.filename or target}: {error.strerror}"  # A full disk names no file.
  return ""


def main(arguments: Sequence[str]) -> int:
  parser = argparse.ArgumentParser(
    prog="python -m fsim.identify", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE")
  parser.add_argument("--run", required=True, type=Path, help="a finished run of configs/patch.py")
  parser.add_argument("--json", action="store_true", help="print a list of JSON objects instead of lines")
  parser.add_argument("--map", type=Path, metavar="OUT.png", help="write a map of the one image's blocks")
  chosen = parser.parse_args(arguments)
  if chosen.map and (len(chosen.images) > 1 or chosen.map.suffix.lower() != ".png"):
    parser.error("--map takes one image, and the name of a .png file")
  try:
    known = namer.load(chosen.run / "namer")
  except FileNotFoundError as error:
    print(f"fsim: {chosen.run} is not a finished run of the system patch: {error.filename} is missing", file=sys.stderr)
    return 1
  rows, failed = [], False
  for file, _, _, image, _, problem in read_all(chosen.images):
    if chosen.map and not problem:
      problem = mapped(chosen.map, file, image, known)
    if problem:
      print(f"fsim: {file}: {problem}", file=sys.stderr)
      rows.append({"file": str(file), "error": problem})
      failed = True
      continue
    verdict = namer.name(known, image)
    rows.append({"file": str(file)} | verdict._asdict())
    if not chosen.json:
      print(f"{file}: {sentence(verdict)}")
  if chosen.json:
    print(json.dumps(rows, indent=1))
  return int(failed)


if __name__ == "__main__":
  cpu.keep_memory()
  sys.exit(main(sys.argv[1:]))
