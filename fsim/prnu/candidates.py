"""What images are matched against: fingerprint files and JPEGs, in batches that fit into memory.

Shapes: h w pixels.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from fsim.boundary import arrays, inputs
from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.data import jpeg
from fsim.data.photographs import Photograph, read
from fsim.data.walk import SUFFIXES, Entry, walk
from fsim.prnu import fingerprints, pictures, probe
from fsim.prnu.fingerprints import Fingerprint
from fsim.prnu.pictures import Picture
from fsim.prnu.residuals import DEFAULT, Settings
from fsim.prnu.transforms import Found

BATCH = 32  # Fingerprints in memory at a time, of large ones fewer.
MEMORY = 1 << 26  # Bytes of their patterns; to compare them takes some ten times as many.
ARCHIVE = b"PK"  # A fingerprint file begins so,
SUFFIX = ".npz"  # and is called so in a folder.


class Candidate(NamedTuple):
  """What images are held against: the pattern, and hashes of the files and of the pixels it was made of.

  picture: what the one image shows; None of a fingerprint.
  """

  path: Path
  pattern: Float[np.ndarray, "h w"]
  settings: Settings
  single: bool  # Whether it is one image.
  images: frozenset[str]
  contents: frozenset[str]
  picture: Picture | None = None

  def holds(self, photograph: Photograph) -> str:
    """Why this photograph says nothing about the candidate: it is in it. Else nothing."""
    if photograph.sha256 in self.images:
      return "the same file" if self.single else "this very file is one of those the fingerprint was made of"
    if photograph.content in self.contents:
      same = "the same picture, in a file with other metadata"
      return same if self.single else "this very picture is one of those the fingerprint was made of"
    return ""

  def silence(self, photograph: Photograph, found: Found | str, least: float) -> str:
    """As `holds`; and where a PCE of `least` or more was found, why that says nothing: both show the same."""
    held = self.holds(photograph)
    if held or self.picture is None or isinstance(found, str) or not found.pce >= least:
      return held
    share = pictures.share_at(pictures.transformed(photograph.pixels, found.transform), self.picture, found.shift)
    return pictures.reason("the other photograph", share)


class Given(NamedTuple):
  """Candidates, and (file, cause) of all other files in the folders that were given."""

  paths: list[Path]
  passed_over: list[tuple[Path, str]]


class Batch(NamedTuple):
  """Candidates of one size and kind, to be matched together; `last` if no usable one follows."""

  candidates: list[Candidate]
  last: bool


def candidates(places: Sequence[Path], own: Path | None = None) -> Given:
  """Files as they are given, and in the place of a folder the fingerprints (.npz) below it, through links too.

  A folder without any, or below one that cannot be entered, stays among them, to be named as what cannot be used.
  own: a folder of the command's, which may lie in the others, and of which nothing is said.
  """
  paths: list[Path] = []
  passed_over: list[tuple[Path, str]] = []
  hidden = own and inputs.resolved(own)
  for place in places:
    if not os.path.isdir(place):
      paths.append(place)
      continue
    entries = [entry for entry in walk(place) if not hidden or hidden not in inputs.resolved(entry.path).parents]
    inside = sorted(entry.path for entry in entries if _is_named_so(entry.path))
    closed = [entry.path for entry in entries if entry.status is None and os.path.isdir(entry.path) and entry.is_image]
    paths += [*inside, *closed] or [place]
    passed_over += [(entry.path, _cause(entry)) for entry in entries]
  used = dict.fromkeys(paths)
  return Given(list(used), [(path, cause) for path, cause in dict(passed_over).items() if path not in used])


def _is_named_so(path: Path) -> bool:
  return path.suffix.lower() == SUFFIX and path.name[0] != "."


def _cause(entry: Entry) -> str:
  if entry.status is None:
    return entry.cause
  what = "a photograph" if entry.kind == "jpeg" else f"its name does not end in {SUFFIX}"
  return f"{what}, and of a folder only fingerprints ({SUFFIX}) are taken"


def batches(paths: Sequence[Path], broken: dict[Path, UserError], settings: Settings) -> Iterator[Batch]:
  """Candidates in their order, as many at a time as have one size and kind, up to BATCH; `broken` takes the others.

  settings: of the patterns of photographs; a fingerprint has its own.
  """
  pending: list[Candidate] = []
  for path in paths:
    try:
      one = candidate(path, settings)
    except UserError as error:
      broken[path] = error
      continue
    if pending and (len(pending) >= _at_once(one) or _kind(one) != _kind(pending[0])):
      yield Batch(pending, last=False)
      pending = []
    pending.append(one)
  if pending:
    yield Batch(pending, last=True)


def _at_once(one: Candidate) -> int:
  return min(max(MEMORY // one.pattern.nbytes, 1), BATCH)


def _kind(one: Candidate) -> tuple:
  return one.pattern.shape, one.settings, one.single


def candidate(path: Path, settings: Settings = DEFAULT) -> Candidate:
  """A JPEG or a fingerprint, told by its first bytes. settings: of the pattern of a JPEG.

  Raises Unreadable naming the file if it is neither, and UserError for a photograph that can tell nothing.
  """
  if os.path.isdir(path):
    try:
      os.listdir(path)
    except OSError as error:
      raise inputs.Unreadable(path, f"folder cannot be read: {error.strerror}") from error
    raise inputs.Unreadable(path, "no fingerprint (.npz) in this folder")
  begins = inputs.read_bytes(path, arrays.LIMIT)[:16]
  is_named_so = path.suffix.lower() in SUFFIXES and not begins.startswith(ARCHIVE)
  if not begins.startswith(jpeg.BEGINNING) and not is_named_so:
    try:
      made = fingerprints.load(path)
    except inputs.Unreadable:
      raise
    except UserError as error:
      raise inputs.Unreadable(path, f"not a fingerprint ({error})") from error
    return of_fingerprint(made, path)
  photograph = read(path)
  if photograph.problem:
    raise inputs.Unreadable(path, photograph.problem)
  objection, pattern = probe.look(photograph.pixels, probe.for_image, settings)
  if pattern is None:
    raise UserError(f"{shown(path)}: {objection}")
  return of_photograph(photograph, pattern, settings)


def of_photograph(photograph: Photograph, pattern: Float[np.ndarray, "h w"], settings: Settings = DEFAULT) -> Candidate:
  hashes = frozenset([photograph.sha256]), frozenset([photograph.content])
  return Candidate(photograph.path, pattern, settings, True, *hashes, pictures.picture(photograph.pixels))


def of_fingerprint(made: Fingerprint, path: Path) -> Candidate:
  """Raises UserError if nothing is left of it after cleaning."""
  return Candidate(path, made.pattern(), made.settings, False, frozenset(made.images), frozenset(made.contents))
