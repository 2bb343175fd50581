"""What `fsim caffe` does."""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

from fsim.boundary import console, inputs, outputs
from fsim.boundary.errors import UserError
from fsim.boundary.inputs import Unreadable
from fsim.boundary.text import shown
from fsim.data import sources
from fsim.data.dresden import platforms
from fsim.models import caffe
from fsim.run import CONFIG
from fsim.systems.model import fitted as fitted_similarity
from fsim.systems.model.fitted import FittedSimilarity
from fsim.systems.model.imported import similarity_of
from fsim.systems.patch import fitted as fitted_classifier
from fsim.systems.patch.fitted import FittedClassifier
from fsim.systems.patch.imported import classifier_of

SYSTEMS = ("patch", "model")  # Whose predictors can be made; each has a folder, as a run has.
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
  images = sources.opened(source)
  table = images.table.assign(row=range(len(images.table)))
  table = table[table["subset"] == "natural"]
  table = table.drop(platforms.kept_out(table, platforms.ORIGINAL).index)
  try:
    return similarity_of(known.variables, known.front, len(known.svms.classes), table, images.records)
  except UserError as error:
    raise UserError(f"{shown(source)}: {error}") from error


def import_caffe(chosen: argparse.Namespace) -> int:
  outputs.Folder(chosen.out)
  patch, model = (chosen.out / system for system in SYSTEMS)
  for folder in (patch, model):
    if folder.exists():
      raise UserError(f"{shown(folder)}: exists; name another place, or remove it")
  classes = names(chosen.classes)
  variables = caffe.load(chosen.model, chosen.mean)
  try:
    known = classifier_of(variables, classes)
  except UserError as error:
    raise Unreadable(chosen.classes, str(error)) from error
  whole = compared(known, chosen.photographs) if chosen.photographs else None
  written(patch, partial(fitted_classifier.save, fitted=known))
  serves = [f"identify --run={shown(patch)}"]
  if whole:
    written(model, partial(fitted_similarity.save, fitted=whole))
    serves += [f"{verb} --run={shown(model)}" for verb in ("cluster", "splice")]
  if chosen.json:
    console.say(console.to_json({"out": str(chosen.out), "classes": classes, "serves": serves}))
  else:
    console.say("\n".join([f"{len(classes)} classes; for", *(f"  fsim {verb}" for verb in serves)]))
  return console.ANSWERED


def written(folder: Path, save: Callable[[Path], None]) -> None:
  """A folder that is taken for a run of the system that it is named after."""
  save(folder / "predictor")
  outputs.replace(folder / CONFIG, console.to_json({"system": folder.name, "imported": True}).encode())
