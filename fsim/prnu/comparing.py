"""Images against fingerprints or other images: every pair gets a number and an answer.

Shapes: h w pixels, n prints of one size.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from fsim.boundary import arrays, inputs, progress
from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.data import jpeg
from fsim.data.photographs import Photograph, read, read_all
from fsim.data.walk import SUFFIXES
from fsim.prnu import fingerprints, matching, probe, transforms
from fsim.prnu.fingerprints import Fingerprint
from fsim.prnu.residuals import DEFAULT, Settings
from fsim.prnu.transforms import Found, Transform

BATCH = 32  # Fingerprints in memory at a time.
FALSE_ALARM_FLOOR = 1e-6  # No smaller probability is said: nobody's data have tested such tails.
ARCHIVE = b"PK"  # A fingerprint file begins so.
MATCH, NO_MATCH, NO_STATEMENT = "match", "no match found", "no statement"


class Search(NamedTuple):
  """What is looked for: transforms, shifts (`reach` as in `matching.search`), and the false-alarm probability."""

  transforms: Sequence[Transform] = (Transform(),)
  reach: int | None = 0
  alpha: float = 1e-4


class Answer(NamedTuple):
  """What one image says about one candidate. Without a statement there are a reason and no numbers.

  Attributes:
    n_hypotheses: shifts and transforms over all candidates, the k of `threshold`.
    false_alarm: probability of such a PCE or a larger one anywhere among them, if no candidate is the source; where it
      is FALSE_ALARM_FLOOR, it is that or less.
    usable: whether both files could be read; "no statement" about one that could is an answer too.
  """

  image: str
  candidate: str
  answer: str
  reason: str = ""
  pce: float | None = None
  threshold: float | None = None
  false_alarm: float | None = None
  n_hypotheses: int | None = None
  shift: tuple[int, int] | None = None
  turns: int | None = None
  mirrored: bool | None = None
  scale: float | None = None
  usable: bool = True


class Candidate(NamedTuple):
  """What images are held against: the pattern, and hashes of the files and of the pixels it was made of."""

  path: Path
  pattern: Float[np.ndarray, "h w"]
  settings: Settings
  single: bool  # Whether it is one image.
  images: frozenset[str]
  contents: frozenset[str]

  def holds(self, photograph: Photograph) -> str:
    """Why this photograph says nothing about the candidate: it is in it. Else nothing."""
    if photograph.sha256 in self.images:
      return "the same file" if self.single else "this very file is one of those the fingerprint was made of"
    if photograph.content in self.contents:
      same = "the same picture, in a file with other metadata"
      return same if self.single else "this very picture is one of those the fingerprint was made of"
    return ""


class Batch(NamedTuple):
  """Candidates of one size and kind, to be matched together; `last` if no usable one follows."""

  candidates: list[Candidate]
  last: bool


def compare(images: Sequence[Path], paths: Sequence[Path], search: Search) -> Iterator[list[Answer]]:
  """The answers of every image, one a candidate, in their order. Candidates are fingerprint files or JPEGs.

  Candidates are read in batches for all images, so that thousands of them fit; an image is answered as soon as it has
  met the last of them. An image or a candidate that cannot be used answers with the reason.
  """
  paths = list(dict.fromkeys(paths))
  broken: dict[Path, UserError] = {}  # Candidates.
  found: dict[tuple[Path, Path], Found | str] = {}
  met = False
  with progress.bar(total=len(images) * len(paths), desc="matching", unit="pair") as bar:
    for batch in batches(paths, broken):
      met = batch.last
      for photograph in read_all(images):
        found |= _matched(photograph, batch, search)
        bar.update(len(batch.candidates))
        if batch.last:
          yield _answers(photograph, {c: found.pop((photograph.path, c), "") for c in paths}, broken, search.alpha)
    if not met:
      for photograph in read_all(images):
        yield _answers(photograph, dict.fromkeys(paths, ""), broken, search.alpha)


def batches(paths: Sequence[Path], broken: dict[Path, UserError]) -> Iterator[Batch]:
  """Candidates in their order, as many at a time as have one size and kind, up to BATCH; `broken` takes the others."""
  pending: list[Candidate] = []
  for path in paths:
    try:
      one = candidate(path)
    except UserError as error:
      broken[path] = error
      continue
    if pending and (len(pending) == BATCH or _kind(one) != _kind(pending[0])):
      yield Batch(pending, last=False)
      pending = []
    pending.append(one)
  if pending:
    yield Batch(pending, last=True)


def _kind(one: Candidate) -> tuple:
  return one.pattern.shape, one.settings, one.single


def candidate(path: Path) -> Candidate:
  """A JPEG or a fingerprint, told by its first bytes.

  Raises Unreadable naming the file if it is neither, and UserError for a photograph that can tell nothing.
  """
  begins = inputs.read_bytes(path, arrays.LIMIT)[:16]
  is_named_so = path.suffix.lower() in SUFFIXES and not begins.startswith(ARCHIVE)
  if not begins.startswith(jpeg.BEGINNING) and not is_named_so:
    try:
      return of_fingerprint(fingerprints.load(path), path)
    except inputs.Unreadable:
      raise
    except UserError as error:
      raise inputs.Unreadable(path, f"not a fingerprint ({error})") from error
  photograph = read(path)
  if photograph.problem:
    raise inputs.Unreadable(path, photograph.problem)
  objection = probe.quality(photograph.pixels).objection()
  if objection:
    raise UserError(f"{shown(path)}: {objection}")
  pattern = np.asarray(probe.against_image(photograph.pixels[None]))[0]
  return Candidate(path, pattern, DEFAULT, True, frozenset([photograph.sha256]), frozenset([photograph.content]))


def of_fingerprint(made: Fingerprint, path: Path) -> Candidate:
  """Raises UserError if nothing is left of it after cleaning."""
  return Candidate(path, made.pattern(), made.settings, False, frozenset(made.images), frozenset(made.contents))


def answers(photograph: Photograph, candidates: Sequence[Candidate], search: Search) -> list[Answer]:
  """Of one photograph and a few candidates of different paths, in their order."""
  found = {}
  for one in candidates:
    found |= _matched(photograph, Batch([one], last=True), search)
  return _answers(photograph, {one.path: found[photograph.path, one.path] for one in candidates}, {}, search.alpha)


def _matched(photograph: Photograph, batch: Batch, search: Search) -> dict[tuple[Path, Path], Found | str]:
  first = batch.candidates[0]
  reason = photograph.problem or probe.quality(photograph.pixels, first.settings).objection()
  if reason:
    return {(photograph.path, c.path): reason for c in batch.candidates}
  ask = probe.against_image if first.single else probe.against_fingerprint
  pattern = np.asarray(ask(photograph.pixels[None], first.settings))[0]
  try:
    found = transforms.find(pattern, np.stack([c.pattern for c in batch.candidates]), search.transforms, search.reach)
  except UserError as error:
    found = [str(error)] * len(batch.candidates)
  return {
    (photograph.path, c.path): c.holds(photograph) or result for c, result in zip(batch.candidates, found, strict=True)
  }


def _answers(
  photograph: Photograph, results: dict[Path, Found | str], broken: dict[Path, UserError], alpha: float
) -> list[Answer]:
  """Where all candidates are broken there are no results, and the photograph's own problem counts first."""
  total = sum(r.n_hypotheses for r in results.values() if isinstance(r, Found))
  answers = []
  for path, result in results.items():
    reason = photograph.problem or str(broken.get(path, ""))
    answer = _answer(photograph.path, path, reason or result, total, alpha)
    unreadable = photograph.problem or isinstance(broken.get(path), inputs.Unreadable)
    answers.append(answer._replace(usable=not unreadable))
  return answers


def _answer(image: Path, path: Path, result: Found | str, total: int, alpha: float) -> Answer:
  if isinstance(result, str):
    return Answer(str(image), str(path), NO_STATEMENT, result)
  if not math.isfinite(result.pce):
    return Answer(str(image), str(path), NO_STATEMENT, "the correlation is no finite number")
  limit = matching.threshold(alpha, total)
  return Answer(
    str(image),
    str(path),
    MATCH if result.pce >= limit else NO_MATCH,
    pce=result.pce,
    threshold=limit,
    false_alarm=max(matching.false_alarm(result.pce, total), FALSE_ALARM_FLOOR),
    n_hypotheses=total,
    shift=result.shift,
    turns=result.transform.turns,
    mirrored=result.transform.mirrored,
    scale=result.transform.scale,
  )
