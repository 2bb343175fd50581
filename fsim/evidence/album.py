"""Photographs of unknown cameras, made ready for all their pairs: a pattern on disk and what each can show at best.

Of large photographs the middle is looked at, so that time and disk are bounded. What is kept is named by the SHA-256 of
the files, and an interrupted call does not decode them again.

Shapes: h w pixels.
"""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

from fsim.boundary import fields, inputs, outputs, progress
from fsim.boundary.inputs import Unreadable
from fsim.data.photographs import MAX_BYTES, Photograph, read_all
from fsim.evidence import collecting, quality
from fsim.evidence.quality import Quality
from fsim.prnu import AnyArray, intake, probe
from fsim.prnu.probe import Filtered
from fsim.prnu.tiles import Tiles

SIDE = 2048  # Pixels of the middle that is looked at, of small photographs less.
NUMBER = fields.number()
RULES = {"content": fields.TEXT, "size": fields.Rule(lambda value: _is_size(value), "height and width")} | {
  "quality": fields.OBJECT
}
QUALITY = dict.fromkeys(Quality._fields, NUMBER) | {"pixels": fields.whole(1, 1 << 40)}

Report = Callable[[Path, str], None]  # Takes a file and the cause why it is left out.


class Member(NamedTuple):
  """A photograph that can be compared. size: height and width of all of it. content: SHA-256 of its pixels."""

  path: Path
  sha256: str
  content: str
  size: tuple[int, int]
  quality: Quality

  @property
  def shape(self) -> tuple[int, int]:
    """Height and width of the pattern."""
    return (min(self.size[0], SIDE), min(self.size[1], SIDE))


class Album(NamedTuple):
  """members: by SHA-256, so that neither names nor order of files matter. copies: file -> what it is a copy of."""

  members: list[Member]
  copies: dict[Path, Path]


def gather(paths: Sequence[Path], tiles: Tiles, report: Report) -> Album:
  """A photograph that cannot be used is reported with its cause; of copies (the same pixels) one counts.

  Which of the copies depends on their SHA-256 alone.
  """
  found: dict[str, list[Member]] = {}
  with progress.bar(total=len(paths), desc="sensor noise", unit="image") as bar:
    for one in _looked_at(paths, tiles):
      bar.update()
      if isinstance(one, Member):
        found.setdefault(one.content, []).append(one)
      else:
        report(*one)
  copies = {}
  members = []
  for same in found.values():
    first, *others = sorted(same, key=lambda one: (one.sha256, str(one.path)))
    members.append(first)
    copies |= {other.path: first.path for other in others}
  return Album(sorted(members, key=lambda one: one.sha256), copies)


def _looked_at(paths: Sequence[Path], tiles: Tiles) -> Iterator[Member | tuple[Path, str]]:
  """First those that are known from before; what cannot be used comes with its cause."""
  unknown = []
  for path in paths:
    try:
      kept = _kept(path, inputs.sha256(path, MAX_BYTES)[0], tiles)
    except Unreadable as error:
      yield path, error.cause
      continue
    if kept is None:
      unknown.append(path)
    else:
      yield kept
  for (photograph, cause), found in intake.looked_at(_asked(unknown), _measures):
    yield (photograph.path, cause) if found is None else _measured(photograph, found, tiles)


def _asked(paths: Sequence[Path]) -> Iterator[tuple[tuple[Photograph, str], UInt8[np.ndarray, "h w 3"] | None]]:
  """Photographs and why they cannot be looked at, with what is looked at if they can."""
  for photograph in read_all(paths):
    cause = photograph.problem
    if not cause and (small := probe.too_small(photograph.pixels)):
      cause = small.objection()
    yield (photograph, cause), None if cause else collecting.middle(photograph.pixels, SIDE)


def _measures(found: Filtered) -> tuple[AnyArray, AnyArray]:
  return quality.measures(found), probe.for_image(found)


def _measured(
  photograph: Photograph, found: tuple[Float[np.ndarray, "6"], Float[np.ndarray, "h w"]], tiles: Tiles
) -> Member | tuple[Path, str]:
  """What is kept of a photograph, of which `_measures` were found."""
  try:
    compression = quality.compression_of(photograph.path)
    is_same = inputs.sha256(photograph.path, MAX_BYTES)[0] == photograph.sha256
  except Unreadable as error:  # It was there a moment ago.
    return photograph.path, error.cause
  if not is_same:
    return photograph.path, "it was replaced while it was read"
  size = photograph.pixels.shape[:2]
  measures, pattern = found
  _, deviation, _, _, saturated, dark = (float(x) for x in measures)
  if objection := probe.Quality(saturated, dark, deviation, min(size)).objection():
    return photograph.path, objection
  made = quality.of(pattern.shape, measures, compression)
  tiles.keep(photograph.sha256, pattern)
  said = {"content": photograph.content, "size": list(size), "quality": made._asdict()}
  outputs.replace(_file(tiles, photograph.sha256), json.dumps(said).encode())  # Last: then all of it is there.
  return Member(photograph.path, photograph.sha256, photograph.content, size, made)


def _kept(path: Path, sha256: str, tiles: Tiles) -> Member | None:
  """What is known of a file from before; None if it is not, or if it is damaged."""
  file = _file(tiles, sha256)
  try:
    said = inputs.read_json(file)
    fields.require(file, said, RULES)
    fields.require(file, said["quality"], QUALITY)
  except Unreadable:
    return None
  known = Member(path, sha256, said["content"], tuple(said["size"]), Quality(**said["quality"]))
  return known if tiles.has(sha256, known.shape) else None


def _file(tiles: Tiles, sha256: str) -> Path:
  return tiles.folder / f"{sha256}.json"


def _is_size(value: Any) -> bool:
  return isinstance(value, list) and len(value) == 2 and all(type(n) is int and 0 < n < math.inf for n in value)
