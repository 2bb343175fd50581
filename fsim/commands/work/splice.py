"""What `fsim splice` does, and how its answers read."""

import argparse
import hashlib
import os
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fsim.boundary import console, outputs, progress
from fsim.boundary.errors import UserError
from fsim.boundary.outputs import Folder
from fsim.boundary.text import shown
from fsim.commands import answering
from fsim.commands.answering import Answering
from fsim.data import photographs
from fsim.data.photographs import Photograph
from fsim.systems.model import patchmap, splicing
from fsim.systems.model import splicing_figures as report
from fsim.systems.model.fitted import FittedSimilarity
from fsim.systems.model.patchmap import NoStatement
from fsim.systems.model.splicing import Splicing, Undecided, percent

MAP, MASK, FACTS = ".map.png", ".mask.png", ".map.json"  # Behind the name of an image: no two names give one file.
LONGEST = 200  # Bytes of a name before those; most file systems allow 255 in all.
HINT = "--reference=X,Y compares all with a place that is known to be authentic"


def sentence(found: Splicing) -> str:
  """For people: what differs from what, how much is judged, and how clearly the image falls into two."""
  marked, judged = percent(found.mask.mean()), percent(found.judged)
  whose = "the reference patch"
  if found.chosen is None:
    whose = f"the reference patches, which cover {percent(found.reference_area.mean())} of the image"
  what = "differs from" if found.mask.any() else "nothing that is judged differs from"
  silent = "" if found.judged == 1 else f", nothing is said of the other {percent(1 - found.judged)}"
  score = "" if found.score is None else f"; score {found.score:.2f} (0 one group, 1 two)"
  return f"{marked} marked: {what} {whose}; {judged} judged{silent}{score}"


def names_of(paths: Sequence[Path]) -> list[str]:
  """How the files of each image begin: as its own name does; where such names repeat, with the folder, or a number."""
  stems = [_short(path.stem) for path in paths]
  counts = Counter(map(_folded, stems))
  repeated = [counts[_folded(stem)] > 1 for stem in stems]
  taken = {_folded(stem) for stem, again in zip(stems, repeated, strict=True) if not again}
  names = []
  for path, stem, again in zip(paths, stems, repeated, strict=True):
    first = name = _short(f"{path.absolute().parent.name}-{path.name}") if again else stem
    number = 1
    while again and _folded(name) in taken:
      number += 1
      name = f"{first}-{number}"
    taken.add(_folded(name))
    names.append(name)
  return names


def judge(known: FittedSimilarity, photograph: Photograph, chosen: argparse.Namespace) -> tuple[dict[str, Any], dict]:
  """The facts of an image, and its pictures by their endings. Raises UserError where the options do not suit it."""
  file, image = photograph.path, photograph.pixels
  try:
    found = splicing.analyse(known, image, chosen.stride, chosen.reference)
  except Undecided as error:
    cause = f"{error}; {HINT}"
    facts = report.facts(file, error.compared, cause, decided=False)
    return facts, {MAP: report.undecided(image, error.compared, f"no statement: {cause}")}
  except NoStatement as error:
    return {"file": str(file), "statement": None, "no_statement": str(error)}, {}
  said = sentence(found)
  pictures = {MAP: report.picture(image, found, said), MASK: report.mask_image(found.mask)}
  return report.facts(file, found, said, decided=True), pictures


def answer(
  known: Answering, photograph: Photograph, folder: Folder, name: str, chosen: argparse.Namespace
) -> dict[str, Any]:
  """Writes the files of an image, whose names begin so. What is said of it; "error" if it could not be done."""
  if photograph.problem:
    return {"file": str(photograph.path), "error": photograph.problem}
  try:
    facts, pictures = judge(known.fitted, photograph, chosen)
    facts |= known.field
    facts["files"] = [str(folder.path / f"{name}{ending}") for ending in (*pictures, FACTS)]
    for ending in {MAP, MASK} - pictures.keys():  # Of an earlier call, whose answer was another.
      folder.claim(name + ending)
      (folder.path / f"{name}{ending}").unlink(missing_ok=True)
    for ending, data in pictures.items():
      folder.write(name + ending, data)
    folder.write(name + FACTS, console.to_json(facts).encode())
  except UserError as error:
    return {"file": str(photograph.path), "error": str(error)}
  return {field: value for field, value in facts.items() if field != "patches"}


def considered(places: Sequence[Path]) -> tuple[dict[Path, str], list[dict[str, Any]]]:
  """The images with their names of files, and a row for all else: lost pictures, and what was passed over."""
  found = photographs.find(places)
  lost = {path: "error" if path in found.lost else "passed_over" for path, _ in found.passed_over}
  others = [{"file": str(path), lost[path]: cause} for path, cause in found.passed_over]
  return dict(zip(found.paths, names_of(found.paths), strict=True)), others


def tell(row: dict[str, Any], name: str, quiet: bool) -> None:
  """Prints a row for people: errors and what was passed over beside the answers."""
  file = Path(row["file"])
  cause = row.get("error") or row.get("passed_over")
  if cause:
    console.note(f"{shown(file)}: {cause}")
  elif not quiet:
    said = row["statement"] or f"no statement: {row['no_statement']}"
    console.say(f"{shown(file)}: {said}" + ("" if name == file.stem else f"; files {shown(name)}.*"))


def summary(rows: Sequence[dict[str, Any]]) -> str:
  def count(field: str) -> int:
    return sum(bool(row.get(field)) for row in rows)

  answered = f"{count('statement')} with a map, {count('no_statement')} without a statement"
  return f"{len(rows)} considered: {answered}, {count('error')} not judged, {count('passed_over')} passed over"


def splice(chosen: argparse.Namespace) -> int:
  known = answering.similarity(chosen.run)
  if chosen.stride is not None and not patchmap.fits(chosen.stride, known.fitted.size):
    wanted = f"a multiple of 8 up to the patch size {known.fitted.size}"
    raise UserError(f"--stride={chosen.stride}: the stride must be {wanted}")
  names, rows = considered(chosen.places)
  if chosen.reference and len(names) > 1:
    raise UserError(f"--reference takes one image, and {shown(chosen.places[0])} has {len(names)}")
  folder = outputs.Folder(chosen.out)
  for row in rows:
    tell(row, "", chosen.json)
  done = run(known, names, folder, chosen)
  rows = done + rows
  if chosen.json:
    console.say(console.to_json(rows))
  if len(rows) > 1:
    console.note(summary(rows))
  return console.INCOMPLETE if any("error" in row for row in rows) else console.ANSWERED


def run(known: Answering, names: dict[Path, str], folder: Folder, chosen: argparse.Namespace) -> list[dict[str, Any]]:
  """A row for each image, in order. Where its files cannot be written is said before any work is done."""
  rows = {}
  for path, name in names.items():
    try:
      folder.claim(*(name + ending for ending in (MAP, MASK, FACTS)))
    except UserError as error:
      rows[path] = {"file": str(path), "error": str(error)}
      tell(rows[path], name, chosen.json)
  left = [path for path in names if path not in rows]
  with console.resumable("the maps made so far are kept"):
    images = photographs.read_all(left)
    for photograph in progress.bar(images, desc="splicing", unit="image", total=len(left), disable=len(left) < 2):
      path = photograph.path
      rows[path] = answer(known, photograph, folder, names[path], chosen)
      tell(rows[path], names[path], chosen.json)
  return [rows[path] for path in names]


def _folded(name: str) -> str:
  """The same for names that some file system takes for one: letter case, composed letters."""
  return unicodedata.normalize("NFC", name).casefold()


def _short(name: str) -> str:
  """A name that leaves room for endings; what is cut off is told apart by a digest."""
  data = os.fsencode(name)
  if len(data) <= LONGEST:
    return name
  return f"{data[: LONGEST - 20].decode(errors='ignore')}-{hashlib.sha256(data).hexdigest()[:8]}"
