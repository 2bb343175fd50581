"""A folder of photographs of known cameras, as users keep them: a subfolder a camera, or file names that say it."""

import contextlib
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.data.dresden import manifest, pattern
from fsim.data.dresden.listing import Listing, listing, path_of
from fsim.data.dresden.names import REPAIRED, BadName, Repairs
from fsim.data.dresden.pattern import Labels, Pattern
from fsim.data.dresden.subsets import NATURAL, subset_of_folders, subset_of_scenes

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
    devices: of all its images, be they used or not, with their cameras.
    rule: how the cameras were read from it, in words.
    left_out: (file, cause) of everything else.
    lost: those of them that are, or may hold, photographs of a camera.
  """

  folder: Path
  photographs: list[Known]
  devices: dict[str, str]
  rule: str
  left_out: list[tuple[Path, str]]
  lost: frozenset[Path]

  def unused(self, used: Collection[str]) -> list[tuple[Path, str]]:
    """(folder, cause) for each device that is not `used`."""
    return [(self.folder, f"no photograph of {device} is used") for device in self.devices if device not in used]


def read(folder: Path, expression: str | None) -> Cameras:
  """Nothing is decoded. Raises UserError for a folder that is missing or has no JPEG, and for a wrong expression.

  Where most names are Dresden's, a camera is Brand_Model, and devices of a model are one; else a camera is a folder in
  `folder`, and a folder in that is a scene. `expression` (see data/dresden/pattern.py) goes before both. Tables with
  Dresden's columns tell scenes too. Only natural photographs are taken, and originals: see data/dresden/subsets.py.
  """
  found = listing(folder)
  files = [file.file for file in found.jpegs]
  if not files:
    raise UserError(f"{shown(folder)}: no JPEG files in this folder")
  rules = _rules(files, expression)
  labels, unnamed = _labels(found, rules)
  known, aside = _divided(found, labels, rules)
  devices = {said.name.device: said.name.model for said in labels.values()}
  lost = [(path_of(folder, name), cause) for name, cause in [*found.left_out, *unnamed]]
  others = [(path_of(folder, name), cause) for name, cause in [*aside, *found.other_tables, *found.others]]
  told = TOLD.get(rules, f"the pattern {expression}")
  return Cameras(folder, known, devices, told, lost + others, frozenset(path for path, _ in lost))


def _labels(found: Listing, rules: Repairs | Pattern) -> tuple[dict[str, Labels], list[tuple[str, str]]]:
  """Of all images, of no use as they may be; and the JPEGs that are no camera's, with the cause."""
  labels, unnamed = {}, []
  for name in (file.file for file in found.jpegs):
    try:
      labels[name] = pattern.read(name, rules)
    except BadName as error:
      unnamed.append((name, "lies in no camera's subfolder" if rules == SUBFOLDERS else str(error)))
  for name, _ in found.left_out:
    with contextlib.suppress(BadName):
      labels[name] = pattern.read(name, rules)
  return labels, unnamed


def _divided(
  found: Listing, labels: Mapping[str, Labels], rules: Repairs | Pattern
) -> tuple[list[Known], list[tuple[str, str]]]:
  """The photographs, and the JPEGs that are none of a camera's natural originals."""
  metadata = manifest.read(found.folder, [file.file for file in found.metadata])
  known, aside = [], []
  for name, said in ((file.file, labels[file.file]) for file in found.jpegs if file.file in labels):
    entry = metadata.find(name)
    told = (entry and entry.subset) or said.subset
    subset = told or _subset_of_folders(name, rules)
    if subset != NATURAL:
      by = "" if told else " by its folder"
      aside.append((name, f"a {subset} photograph{by}, and natural ones are wanted"))
    elif said.platform:
      aside.append((name, f"a copy from {said.platform}, and originals are wanted"))
    else:
      scene = (entry and entry.scene) or said.scene
      known.append(Known(path_of(found.folder, name), said.name.model, scene, said.name.device))
  return known, aside


def _subset_of_folders(name: str, rules: Repairs | Pattern) -> str:
  """A camera's own folder says nothing, whatever it is called, and those in it only by names that no scene has."""
  folders = PurePosixPath(name).parts[:-1]
  return subset_of_scenes(folders[1:]) if rules == SUBFOLDERS else subset_of_folders(folders)


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
