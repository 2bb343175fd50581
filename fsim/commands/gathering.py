"""Features of the photographs of a user's own known cameras, for `fsim identify --cameras`.

Nothing but pixels decides: EXIF is not looked at. Shapes: p patches, s pixels a side, d features, h w pixels.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

from fsim.boundary import inputs, progress
from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.commands import answering
from fsim.data import cameras, patches
from fsim.data.cameras import Cameras
from fsim.data.patches import Choice
from fsim.data.photographs import read_all
from fsim.run import CONFIG
from fsim.systems import duels
from fsim.systems.duels import Known
from fsim.systems.enrolment import MIN_PATCHES, MIN_PHOTOGRAPHS
from fsim.systems.model import fitted as fitted_similarity
from fsim.systems.model.predictor import choice_of
from fsim.systems.patch import fitted as fitted_classifier

PATCHES = 32  # Of a photograph at most.


class Source(NamedTuple):
  """Where features come from: which patches of a photograph are taken, and what makes features of them.

  field: which weights that came with fsim make them, for the answer in JSON; empty for a run that was named.
  """

  choice: Choice
  embed: Callable[[UInt8[np.ndarray, "p s s 3"]], Float[np.ndarray, "p d"]]
  field: dict[str, Any]


class Embedded(NamedTuple):
  """A photograph that is enrolled: its file, camera and scene, what holds its file and its pixels, and its features."""

  path: Path
  camera: str
  scene: str
  sha256: str
  content: str
  features: Float[np.ndarray, "p d"]


class Gathered(NamedTuple):
  """The photographs that are enrolled, and what is not.

  Attributes:
    rule: how the cameras were read from the folder, in words.
    left_out: (file, cause) of all others but those of refused cameras. lost: whose pixels a camera now lacks.
    refused: cameras that are not enrolled, and why.
  """

  enrolled: list[Embedded]
  rule: str
  left_out: list[tuple[Path, str]]
  lost: frozenset[Path]
  refused: dict[str, str]


def source(run: Path | None) -> Source:
  """Without a run, the weights that came with fsim.

  Raises UserError for what is no finished run of one of the two systems that have features of patches.
  """
  if run and (run / CONFIG).is_file() and inputs.read_json(run / CONFIG, "system")["system"] == "patch":
    classifier = fitted_classifier.of_run(run)
    return Source(
      classifier.choice._replace(count=PATCHES),
      lambda pixels: fitted_classifier.outputs_of(classifier, pixels).features,
      {},
    )
  known, field = answering.similarity(run)
  return Source(choice_of(known)._replace(count=PATCHES), partial(fitted_similarity.features, known), field)


def features_of(image: UInt8[np.ndarray, "h w 3"], seen: Source) -> Float[np.ndarray, "p d"]:
  """Of the photograph's chosen patches; without columns where they are too few to be asked about."""
  chosen = patches.choose(image, seen.choice)
  if len(chosen) < MIN_PATCHES:
    return np.zeros((len(chosen), 0), np.float32)
  return seen.embed(patches.cut(image, chosen, seen.choice.size))


def gather(folder: Path, expression: str | None, seen: Source) -> Gathered:
  """Raises UserError for one picture with two cameras, and where fewer than two cameras have photographs enough."""
  found = cameras.read(folder, expression)
  enrolled, left_out, lost = _embedded(found, seen)
  counts = dict.fromkeys(found.devices.values(), 0)
  for one in enrolled:
    counts[one.camera] += 1
  refused = {
    camera: f"{count} usable photograph{'s' * (count != 1)}, and at least {MIN_PHOTOGRAPHS} are needed"
    for camera, count in counts.items()
    if count < MIN_PHOTOGRAPHS
  }
  if len(counts) - len(refused) < 2:
    said = "; ".join(f"{shown(camera)} has {cause}" for camera, cause in refused.items())
    cause = f"two cameras are needed, and {len(counts) - len(refused)} can be enrolled (by {found.rule})"
    raise UserError(f"{shown(folder)}: {cause}" + (f": {said}" if said else ""))
  enrolled = [one for one in enrolled if one.camera not in refused]
  return Gathered(enrolled, found.rule, found.left_out + left_out, found.lost | lost, refused)


def _embedded(found: Cameras, seen: Source) -> tuple[list[Embedded], list[tuple[Path, str]], frozenset[Path]]:
  """The photographs with features, and the others with their causes; of copies the first counts."""
  enrolled: list[Embedded] = []
  left_out: list[tuple[Path, str]] = []
  lost: set[Path] = set()
  first: dict[str, cameras.Known] = {}
  paths = [known.path for known in found.photographs]
  pairs = zip(found.photographs, read_all(paths), strict=True)
  for known, photograph in progress.bar(pairs, total=len(paths), desc="enrolling", unit="image", leave=False):
    if photograph.problem:
      left_out.append((known.path, photograph.problem))
      lost.add(known.path)
      continue
    other = first.setdefault(photograph.content, known)
    if other.camera != known.camera:
      both = f"the same picture as {shown(other.path)}, and their cameras are {known.camera} and {other.camera}"
      raise UserError(f"{shown(known.path)}: {shown(both)}")
    if other is not known:
      left_out.append((known.path, f"a copy of {other.path}"))
      continue
    features = features_of(photograph.pixels, seen)
    if len(features) < MIN_PATCHES:
      cause = f"{len(features)} usable patches, and at least {MIN_PATCHES} are needed"
      left_out.append((known.path, cause))
      continue
    enrolled.append(Embedded(*known[:3], photograph.sha256, photograph.content, features))
  return enrolled, left_out, frozenset(lost)


def known_of(enrolled: Sequence[Embedded]) -> Known:
  names = sorted({one.camera for one in enrolled})
  camera = np.array([names.index(one.camera) for one in enrolled])
  image = np.repeat(np.arange(len(enrolled)), [len(one.features) for one in enrolled])
  features = np.concatenate([one.features for one in enrolled])
  return Known(features, image, camera, duels.units(camera, [one.scene for one in enrolled]), names)
