"""Photographs of unknown cameras, made ready for all their pairs: a pattern on disk and what each can show at best.

Of large photographs the middle is looked at, so that time and disk are bounded. What is kept is named by the SHA-256 of
the files, and an interrupted call does not decode them again.

Shapes: h w pixels.
"""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

from fsim.boundary import fields
from fsim.boundary.shares import ALONE, Share
from fsim.data.photographs import Photograph
from fsim.evidence import changing, quality
from fsim.evidence.quality import Quality
from fsim.prnu import AnyArray, preparing, probe
from fsim.prnu.leaving import Report
from fsim.prnu.preparing import Refused
from fsim.prnu.probe import Filtered
from fsim.prnu.tiles import Tiles

SIDE = 2048  # Pixels of the middle that is looked at, of small photographs less.
QUALITY = dict.fromkeys(Quality._fields, fields.number()) | {"pixels": fields.whole(1, 1 << 40)}
FACTS = {"quality": fields.object_of(QUALITY)}  # What lies beside a pattern.


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


def gather(paths: Sequence[Path], tiles: Tiles, report: Report, share: Share = ALONE) -> Album:
  """A photograph that cannot be used is reported with its cause; of copies (the same pixels) one counts.

  Which of the copies depends on their SHA-256 alone.
  """
  found: dict[str, list[Member]] = {}
  known, measured = (functools.partial(step, tiles=tiles) for step in (_kept, _measured))
  for one in preparing.each(paths, share, known, _measures, measured, _middle):
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


def _middle(pixels: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "i j 3"]:
  return changing.middle(pixels, SIDE)


def _measures(found: Filtered) -> tuple[AnyArray, AnyArray]:
  return quality.measures(found), probe.for_image(found)


def _measured(
  photograph: Photograph, found: tuple[Float[np.ndarray, "6"], Float[np.ndarray, "h w"]], tiles: Tiles
) -> Member | Refused:
  """What is kept of a photograph, of which `_measures` were found."""
  size = photograph.pixels.shape[:2]
  measures, pattern = found
  _, deviation, _, _, saturated, dark = (float(x) for x in measures)
  if objection := probe.Quality(saturated, dark, deviation).objection():
    return photograph.path, objection
  made = quality.of(pattern.shape, measures, photograph.compression)
  preparing.keep(tiles, photograph, pattern, {"quality": made._asdict()})
  return Member(photograph.path, photograph.sha256, photograph.content, size, made)


def _kept(path: Path, sha256: str, tiles: Tiles) -> Member | None:
  """What is known of a file from before; None if it is not, or if it is damaged."""
  said = preparing.kept(tiles, sha256, FACTS)
  if said is None:
    return None
  known = Member(path, sha256, said["content"], tuple(said["size"]), Quality(**said["quality"]))
  return known if tiles.has(sha256, known.shape) else None
