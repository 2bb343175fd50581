"""The likeliest of many candidates, by the signs of the middle of their patterns: one bit a pixel, kept on disk.

The signs alone have two thirds of a correlation, in a thirtieth of the bytes of a fingerprint's file. They only choose
whom to look at, and are no evidence: what is answered is computed from the candidates' files. A file is known again by
its path, size and times, since to hash all files takes as long as to read them. Of one whose bytes alone have changed,
as on a disk that decays, former signs are asked: it may be overlooked among many, and never matches wrongly.

Shapes: m n candidates, h w pixels, b bytes of signs, w words of them.
"""

import hashlib
import json
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8, UInt64

from fsim.boundary import arrays, outputs, progress
from fsim.boundary.arrays import Field
from fsim.boundary.errors import UserError
from fsim.boundary.inputs import Unreadable
from fsim.boundary.shares import ALONE, Share
from fsim.prnu import candidates
from fsim.prnu.about import settings_of
from fsim.prnu.candidates import Candidate
from fsim.prnu.settings import DEFAULT, Settings

FORMAT = 1  # Of the folder; one more with every change to what a pattern is.
SIDE = 768  # Pixels of the middle whose signs are kept.
WORD = 8  # Bytes that are counted together.
AT_ONCE = 32  # Candidates that are counted together: as many as stay near the processor.
FIELDS = {"signs": Field("u", 1), "about": Field("U", 0)}


class Kind(NamedTuple):
  """What candidates must have in common to be compared with one pattern of a photograph. size: height and width."""

  size: tuple[int, int]
  settings: Settings
  single: bool


class Index:
  """A folder of fsim's own, which is made. settings: of the patterns of photographs; a fingerprint has its own."""

  def __init__(self, folder: Path, settings: Settings = DEFAULT):
    self.settings = settings
    self.folder = outputs.Folder(folder).below(f"signs-{FORMAT}-{SIDE}")
    self.known: dict[Kind, tuple[list[Path], UInt8[np.ndarray, "n b"]]] = {}

  def add(self, paths: Sequence[Path], share: Share = ALONE) -> dict[Path, UserError]:
    """Makes what is missing, and holds what there is. Returns those that cannot be used, with the cause.

    Raises UserError where signs cannot be written: that is no fault of a candidate.
    """
    found, broken = {}, {}
    for path in progress.bar(share.order(paths), desc="signs", unit="candidate"):
      known = self._kept(path)
      if known is None:
        try:
          state, one = _state(path), candidates.candidate(path, self.settings)
        except UserError as error:
          broken[path] = error
          continue
        known = self._made(path, state, one)
      found[path] = known
    for kind in dict.fromkeys(entry[0] for entry in found.values()):
      own = [path for path in paths if path in found and found[path][0] == kind]
      self.known[kind] = own, np.stack([found.pop(path)[1] for path in own])
    return broken

  def likeliest(self, kind: Kind, pattern: Float[np.ndarray, "h w"], most: int) -> list[Path]:
    """So many candidates of this kind whose signs agree most with the pattern's, the likeliest first."""
    paths, theirs = self.known[kind]
    own = signs(pattern).view(np.uint64)
    differ = [np.bitwise_count(some ^ own).sum(1, dtype=np.int64) for some in _blocks(theirs.view(np.uint64))]
    return [paths[k] for k in np.argsort(np.concatenate(differ), kind="stable")[:most].tolist()]

  def _made(self, path: Path, state: list[int], one: Candidate) -> tuple[Kind, UInt8[np.ndarray, " b"]]:
    """state: of the file, before it was read."""
    made = signs(one.pattern)
    about = json.dumps({"state": state, "kind": kind_of(one)})
    outputs.replace(self._file(path), arrays.to_npz({"signs": made, "about": about}))
    return kind_of(one), made

  def _kept(self, path: Path) -> tuple[Kind, UInt8[np.ndarray, " b"]] | None:
    """None where it is absent, damaged, or of another state of the file."""
    try:
      found = arrays.read_npz(self._file(path), FIELDS)
      said = json.loads(str(found["about"]))
      size, settings, single = said["kind"]
      kind = Kind(tuple(size), settings_of(dict(zip(Settings._fields, settings, strict=True))), single)
      fits = found["signs"].dtype == np.uint8 and len(found["signs"]) == WORD * -(-math.prod(_middle(kind.size)) // 64)
      fits = fits and all(type(n) is int for n in size) and type(single) is bool
      fits = fits and (kind.settings == self.settings or not kind.single)
      return (kind, found["signs"]) if fits and said["state"] == _state(path) else None
    except (UserError, ValueError, KeyError, TypeError, RecursionError):
      return None

  def _file(self, path: Path) -> Path:
    return self.folder / f"{hashlib.sha256(os.fsencode(os.path.abspath(path))).hexdigest()}.npz"


def kind_of(one: Candidate) -> Kind:
  return Kind(one.pattern.shape, one.settings, one.single)


def signs(pattern: Float[np.ndarray, "h w"]) -> UInt8[np.ndarray, " b"]:
  """Of the middle, eight to a byte, zeros up to a multiple of 64."""
  height, width = _middle(pattern.shape)
  top, left = ((whole - part) // 2 for whole, part in zip(pattern.shape, (height, width), strict=True))
  bits = np.packbits(pattern[top : top + height, left : left + width] > 0)
  return np.pad(bits, (0, -len(bits) % WORD))


def _blocks(rows: UInt64[np.ndarray, "n w"]) -> Iterator[UInt64[np.ndarray, "m w"]]:
  """Some rows at a time, so that what is made of them stays small."""
  for first in range(0, len(rows), AT_ONCE):
    yield rows[first : first + AT_ONCE]


def _middle(size: tuple[int, int]) -> tuple[int, int]:
  return min(size[0], SIDE), min(size[1], SIDE)


def _state(path: Path) -> list[int]:
  """Raises Unreadable for a file that cannot be had."""
  try:
    found = os.stat(path)
  except OSError as error:
    raise Unreadable(path, error.strerror) from error
  return [found.st_size, found.st_mtime_ns, found.st_ctime_ns]  # The last changes with a copy that keeps the others.
