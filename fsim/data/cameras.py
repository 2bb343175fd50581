"""A folder of photographs of known cameras, as users keep them: a subfolder a camera, or file names that say it."""

from pathlib import Path, PurePosixPath
from typing import NamedTuple

from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.data.dresden import manifest, pattern
from fsim.data.dresden.listing import Listing, listing
from fsim.data.dresden.manifest import Manifest
from fsim.data.dresden.names import REPAIRED, BadName, Repairs
from fsim.data.dresden.pattern import Pattern
from fsim.data.dresden.subsets import NATURAL, subset_of_folders

SUBFOLDERS = Pattern(r"(?P<model>[^/]+)/(?:(?P<scene>[^/]+(?:/[^/]+)*)/)?[^/]+")
TOLD = {REPAIRED: "file names (Brand_Model_Instance_Shot)", SUBFOLDERS: "a subfolder a camera"}


class Known(NamedTuple):
  """A photograph and its camera; scene: what it has in common with others, "" if that is not known.

  device: one of the cameras of this name, where the folder tells them apart.
  """

  path: Path
  camera: str
  scene: str
  device: str


class Cameras(NamedTuple):
  """What a folder of known cameras holds.

  Attributes:
    rule: how the cameras were read from it, in words.
    left_out: (file, cause) of everything else.
    lost: those of them that are, or may hold, photographs of a camera.
  """

  photographs: list[Known]
  rule: str
  left_out: list[tuple[Path, str]]
  lost: frozenset[Path]


def read(folder: Path, expression: str | None) -> Cameras:
  """Nothing is decoded. Raises UserError for a folder that is missing or has no JPEG, and for a wrong expression.

  Where most names are Dresden's, a camera is Brand_Model, and devices of a model are one; else a camera is a folder in
  `folder`, and a folder in that is a scene. `expression` (see data/dresden/pattern.py) goes before both. Tables with
  Dresden's columns tell scenes too. Only natural photographs are taken, and originals.
  """
  found = listing(folder)
  files = [file.file for file in found.jpegs]
  if not files:
    raise UserError(f"{shown(folder)}: no JPEG files in this folder")
  rules = _rules(files, expression)
  known, unnamed, aside = _labelled(found, rules, manifest.read(folder, [file.file for file in found.metadata]))
  lost = [(folder / name, cause) for name, cause in [*found.left_out, *unnamed]]
  others = [(folder / name, cause) for name, cause in [*aside, *found.other_tables, *found.others]]
  told = TOLD.get(rules, f"the pattern {expression}")
  return Cameras(known, told, lost + others, frozenset(path for path, _ in lost))


def _labelled(
  found: Listing, rules: Repairs | Pattern, metadata: Manifest
) -> tuple[list[Known], list[tuple[str, str]], list[tuple[str, str]]]:
  """The photographs, those without a camera, and those that are none of a camera's natural originals."""
  known, unnamed, aside = [], [], []
  for name in (file.file for file in found.jpegs):
    try:
      said = pattern.read(name, rules)
    except BadName as error:
      unnamed.append((name, "lies in no camera's subfolder" if rules == SUBFOLDERS else str(error)))
      continue
    entry = metadata.find(name)
    subset = (entry and entry.subset) or said.subset or _subset_of_folders(name, rules)
    if subset != NATURAL:
      aside.append((name, f"a {subset} photograph, and natural ones are wanted"))
    elif said.platform:
      aside.append((name, f"a copy from {said.platform}, and originals are wanted"))
    else:
      scene = (entry and entry.scene) or said.scene
      known.append(Known(found.folder / name, said.name.model, scene, said.name.device))
  return known, unnamed, aside


def _subset_of_folders(name: str, rules: Repairs | Pattern) -> str:
  """A subfolder that is a camera says nothing about its photographs, whatever the camera is called."""
  folders = PurePosixPath(name).parts[:-1]
  return subset_of_folders(folders[1:] if rules == SUBFOLDERS else folders)


def _rules(files: list[str], expression: str | None) -> Repairs | Pattern:
  if expression is not None:
    return pattern.of_expression(expression)
  named = 0
  for file in files:
    try:
      pattern.read(file, REPAIRED)
      named += 1
    except BadName:
      continue
  return REPAIRED if 2 * named > len(files) else SUBFOLDERS
