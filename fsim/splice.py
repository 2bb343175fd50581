"""Maps where photographs hold something that another camera model took.

python -m fsim.splice IMAGE... --run=DIR --out=DIR [--stride=N] [--json]       every patch compared with every other
python -m fsim.splice IMAGE --run=DIR --out=DIR --reference=X,Y                all compared with the patch at a pixel

Of photo.jpg it leaves photo.png (map), photo.mask.png (white where marked) and photo.json in the folder.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from fsim import cpu
from fsim.boundary import progress
from fsim.data.photographs import Photograph, read_all
from fsim.evaluate import comparer, splicing
from fsim.evaluate.comparer import Comparer
from fsim.evaluate.splicing import NoStatement, Splicing
from fsim.report import splicing as report


def sentence(found: Splicing) -> str:
  """For people: what is marked, how clearly the image falls into two, and how much is not spoken about."""
  silent = round(100 * np.isnan(found.foreign).mean())
  score = "compared with the reference" if found.score is None else f"score {found.score:.2f} (0 one group, 1 two)"
  count = len(found.foreign)
  return f"{100 * found.mask.mean():.1f} % marked; {score}; nothing is said of {silent} % of {count:,} patches"


def process(known: Comparer, photograph: Photograph, target: Path, chosen: argparse.Namespace) -> Splicing:
  """Writes the three files of an image, whose names begin as `target`. Raises NoStatement or OSError."""
  file, image = photograph.path, photograph.pixels
  found = splicing.analyse(known, image, chosen.stride, chosen.reference)
  target.with_name(f"{target.name}.png").write_bytes(report.picture(image, found))
  target.with_name(f"{target.name}.mask.png").write_bytes(report.mask_image(found.mask))
  target.with_name(f"{target.name}.json").write_text(json.dumps(report.facts(file, found)))
  return found


def answer(known: Comparer, photograph: Photograph, target: Path, chosen: argparse.Namespace) -> tuple[str, dict]:
  """What is said of an image, for people and for JSON; the latter has "error" if it could not be done."""
  file, problem = photograph.path, photograph.problem
  try:
    if not problem:
      found = process(known, photograph, target, chosen)
      return sentence(found), report.summary(file, found)
  except NoStatement as error:
    return f"no statement: {error}", {"file": str(file), "no_statement": str(error)}
  except OSError as error:
    problem = f"{error.filename or target}: {error.strerror}"  # A full disk names no file.
  return problem, {"file": str(file), "error": problem}


def arguments_of(given: Sequence[str]) -> argparse.Namespace:
  parser = argparse.ArgumentParser(
    prog="python -m fsim.splice", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE")
  parser.add_argument("--run", required=True, type=Path, help="a finished run of configs/model.py")
  parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder for the maps")
  parser.add_argument("--reference", type=_pixel, metavar="X,Y", help="a pixel of the one image, of its own source")
  parser.add_argument("--stride", type=int, help="pixels between patches, a multiple of 8; by default half a patch")
  parser.add_argument("--json", action="store_true", help="print a list of JSON objects instead of lines")
  chosen = parser.parse_args(given)
  if chosen.reference and len(chosen.images) > 1:
    parser.error("--reference takes one image: a pixel of one says nothing of another")
  return chosen


def main(given: Sequence[str]) -> int:
  chosen = arguments_of(given)
  try:
    known = comparer.load(chosen.run / "comparer")
  except FileNotFoundError as error:
    print(f"fsim: {chosen.run} is not a finished run of the system model: {error.filename} is missing", file=sys.stderr)
    return 1
  if chosen.stride is not None and not splicing.fits(chosen.stride, known.size):
    wanted = f"a multiple of 8 up to the patch size {known.size}"
    print(f"fsim: --stride={chosen.stride}: the stride must be {wanted}", file=sys.stderr)
    return 1
  chosen.out.mkdir(parents=True, exist_ok=True)
  rows, taken, count = [], set(), len(chosen.images)
  for photograph in progress.bar(
    read_all(chosen.images), desc="splicing", unit="image", total=count, disable=count == 1
  ):
    file = photograph.path
    if file.stem in taken:
      problem = f"its files would take the place of another image's of the name {file.stem}"
      photograph = photograph._replace(problem=problem)
    taken.add(file.stem)
    said, row = answer(known, photograph, chosen.out / file.stem, chosen)
    rows.append(row)
    if "error" in row:
      tqdm.write(f"fsim: {file}: {said}", file=sys.stderr)
    elif not chosen.json:
      tqdm.write(f"{file}: {said}")
  if chosen.json:
    print(json.dumps(rows, indent=1))
  return int(any("error" in row for row in rows))


def _pixel(text: str) -> tuple[int, int]:
  x, _, y = text.partition(",")
  if not (x.isdigit() and y.isdigit()):
    raise argparse.ArgumentTypeError(f"{text!r} is not of the form X,Y in pixels from the top left corner")
  return int(x), int(y)


if __name__ == "__main__":
  cpu.keep_memory()
  sys.exit(main(sys.argv[1:]))
