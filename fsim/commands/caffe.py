"""A predictor from the network published with Bondi et al. 2017, whose Caffe files are not ours to ship.

fsim caffe best.caffemodel mean.binaryproto --classes=names.txt --out=DIR                  then fsim identify --run=DIR
fsim caffe ... --photographs=FOLDER                              then fsim cluster and fsim splice with --run=DIR too

names.txt has a line a class, in the order of the network's outputs. The photographs are of known camera models, best of
such that the network has not learned: they tell how far apart its answers are within a model and between models.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from fsim import cpu
from fsim.boundary import console, inputs, outputs
from fsim.boundary.errors import UserError
from fsim.boundary.inputs import Unreadable
from fsim.boundary.text import shown
from fsim.commands import options
from fsim.data.dresden import platforms
from fsim.data.sources import open_source
from fsim.models import caffe
from fsim.systems.model import fitted
from fsim.systems.model.fitted import FittedSimilarity
from fsim.systems.model.imported import comparer_of
from fsim.systems.patch import fitted
from fsim.systems.patch.fitted import FittedClassifier
from fsim.systems.patch.imported import namer_of

NAMER, COMPARER = "predictor", "predictor"  # Folders, as a run has them.
MANY = 1 << 20  # Bytes of a file of names.


def names(path: Path) -> list[str]:
  """One a line. Raises Unreadable for what is no text."""
  try:
    lines = inputs.read_bytes(path, MANY).decode().splitlines()
  except UnicodeDecodeError as error:
    raise Unreadable(path, "not text in UTF-8") from error
  return [line.strip() for line in lines if line.strip()]


def compared(known: FittedClassifier, source: str) -> FittedSimilarity:
  """What compares patches by the network's answers, its scale learned from the originals of a source."""
  images = open_source(source, data_dir=None, on_error="skip", merge_d70=True, repair_mju=True, pattern=None)
  table = images.table.assign(row=range(len(images.table)))
  table = table[table["subset"] == "natural"]
  table = table.drop(platforms.kept_out(table, platforms.ORIGINAL).index)
  try:
    return comparer_of(known.variables, known.front, len(known.svms.classes), table, images.records)
  except UserError as error:
    raise UserError(f"{shown(source)}: {error}") from error


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
  parser = options.parser("caffe", __doc__)
  parser.add_argument("model", type=console.path, metavar="CAFFEMODEL")
  parser.add_argument("mean", type=console.path, metavar="BINARYPROTO", help="the mean of its training patches")
  told = "text file, a camera model a line"
  parser.add_argument("--classes", type=console.path, metavar="TXT", required=True, help=told)
  told = "photographs of known camera models, as data.source of a configuration names them"
  parser.add_argument("--photographs", metavar="FOLDER", help=told)
  options.add_out(parser, "new folder, for the predictors")
  options.add_json(parser)
  return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
  chosen = parsed(arguments)
  cpu.keep_memory()
  outputs.Folder(chosen.out)
  for folder in (NAMER, COMPARER):
    if (chosen.out / folder).exists():
      raise UserError(f"{shown(chosen.out / folder)}: exists; name another place, or remove it")
  classes = names(chosen.classes)
  variables = caffe.load(chosen.model, chosen.mean)
  try:
    known = namer_of(variables, classes)
  except UserError as error:
    raise Unreadable(chosen.classes, str(error)) from error
  whole = compared(known, chosen.photographs) if chosen.photographs else None
  fitted.save(chosen.out / NAMER, known)
  if whole:
    fitted.save(chosen.out / COMPARER, whole)
  serves = ["identify", "cluster", "splice"] if whole else ["identify"]
  if chosen.json:
    console.say(console.to_json({"run": str(chosen.out), "classes": classes, "serves": serves}))
  else:
    console.say(f"{shown(chosen.out)}: {len(classes)} classes, for fsim {', '.join(serves)} --run={shown(chosen.out)}")
  return console.ANSWERED
