"""Images against fingerprints or other images: every pair gets a number and an answer.

Shapes: h w pixels, n prints of one size.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from fsim.boundary import inputs, progress
from fsim.boundary.errors import UserError
from fsim.data.photographs import Photograph, read_all
from fsim.prnu import AnyArray, intake, matching, probe, transforms
from fsim.prnu.candidates import Batch, Candidate, batches
from fsim.prnu.candidates import candidate as candidate
from fsim.prnu.candidates import candidates as candidates
from fsim.prnu.candidates import of_fingerprint as of_fingerprint
from fsim.prnu.index import Index, Kind
from fsim.prnu.probe import Filtered, Look
from fsim.prnu.settings import DEFAULT, Settings
from fsim.prnu.transforms import Found, Transform

MEMORY = 1 << 28  # Bytes of patterns of images in question that are kept from batch to batch.
SHORTLIST = 100  # Candidates of an index that are looked at; docs/scale.md has the recall.
FALSE_ALARM_FLOOR = 1e-6  # No smaller probability is said: nobody's data have tested such tails.
MATCH, NO_MATCH, NO_STATEMENT = "match", "no match found", "no statement"


class Search(NamedTuple):
  """What is looked for: transforms, shifts (`reach` as in `matching.search`), and the false-alarm probability.

  settings: of the patterns of two photographs; a fingerprint says itself how it is met.
  """

  transforms: Sequence[Transform] = (Transform(),)
  reach: int | None = 0
  alpha: float = 1e-4
  settings: Settings = DEFAULT


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


class Held(str):
  """A reason why there is no statement: the photograph, or what it shows, is in the candidate."""


class Asked(NamedTuple):
  """An image in question, and the pattern of it, or why there is none; with its pixels against photographs alone."""

  photograph: Photograph
  pattern: Float[np.ndarray, "h w"] | str

  @property
  def size(self) -> int:
    """In bytes."""
    return sum(x.nbytes for x in (self.pattern, self.photograph.pixels) if isinstance(x, np.ndarray))


class Met(NamedTuple):
  """What an image has met: the number of all hypotheses, and results with those candidates that count."""

  n_hypotheses: int = 0
  results: Mapping[Path, Found | str] = {}

  def add(self, results: Mapping[Path, Found | str], best: int | None) -> "Met":
    total = self.n_hypotheses + sum(r.n_hypotheses for r in results.values() if isinstance(r, Found))
    return Met(total, _best({**self.results, **results}, best))


def compare(
  images: Sequence[Path], paths: Sequence[Path], search: Search, best: int | None = None
) -> Iterator[list[Answer]]:
  """The answers of every image, one a candidate, in their order. Candidates are fingerprint files or JPEGs.

  With `best` only so many with the highest PCE, from the highest; all candidates that were looked at are paid for
  nevertheless. Those that hold the image, or cannot be read, are named in any case.
  Candidates are read in batches for all images, so that thousands of them fit; an image is answered as soon as it has
  met the last of them. An image or a candidate that cannot be used answers with the reason.
  """
  images, paths = list(dict.fromkeys(images)), list(dict.fromkeys(paths))
  broken: dict[Path, UserError] = {}  # Candidates.
  found: dict[Path, Met] = {}
  kept: dict[tuple, Asked] = {}
  met = False
  with progress.bar(total=len(images) * len(paths), desc="matching", unit="pair") as bar:
    for batch in batches(paths, broken, search.settings):
      met = batch.last
      for asked in _asked(images, batch, kept):
        path = asked.photograph.path
        found[path] = found.get(path, Met()).add(_matched(asked, batch, search), best)
        bar.update(len(batch.candidates))
        if batch.last:
          yield _answers(asked.photograph, found.pop(path), paths, broken, search.alpha, best)
    if not met:
      for photograph in read_all(images):
        yield _answers(photograph, found.pop(photograph.path, Met()), paths, broken, search.alpha, best)


def from_index(
  images: Sequence[Path], paths: Sequence[Path], search: Search, best: int, index: Index, broken: dict[Path, UserError]
) -> Iterator[list[Answer]]:
  """As `compare` with `best`, aligned; of what the index holds the SHORTLIST is looked at, and all are paid for.

  broken: candidates that the index could not use.
  """
  for photograph in progress.bar(read_all(images), total=len(images), desc="matching", unit="image"):
    met, total = Met(), 0
    for kind, (own, _) in index.known.items():
      asked, chosen = _of(photograph, kind), own[:1]  # Of another size one says it for all.
      if not isinstance(asked.pattern, str) and asked.pattern.shape == kind.size:
        chosen, total = index.likeliest(kind, asked.pattern, max(best, SHORTLIST)), total + len(own)
      for batch in batches(chosen, broken, search.settings):
        met = met.add(_matched(asked, batch, search), best)
    yield _answers(photograph, met._replace(n_hypotheses=total), paths, broken, search.alpha, best)


def answers(photograph: Photograph, candidates: Sequence[Candidate], search: Search) -> list[Answer]:
  """Of one photograph and a few candidates of different paths, in their order."""
  met = Met()
  for one in candidates:
    batch = Batch([one], last=True)
    met = met.add(_matched(_of(photograph, one), batch, search), None)
  return _answers(photograph, met, [one.path for one in candidates], {}, search.alpha)


def _asked(images: Sequence[Path], batch: Batch, kept: dict[tuple, Asked]) -> Iterator[Asked]:
  """Of all images in their order; as many as fit into MEMORY are `kept` for the batches that follow."""
  first = batch.candidates[0]
  key = lambda path: (path, first.single, first.settings)  # noqa: E731
  read = intake.looks(read_all([path for path in images if key(path) not in kept]), _make(first), first.settings)
  room = MEMORY - sum(one.size for one in kept.values())
  for path in images:
    if key(path) in kept:
      yield kept[key(path)]
      continue
    asked = _asked_of(*next(read), first)
    if not batch.last and asked.size <= room:
      kept[key(path)] = asked
      room -= asked.size
    yield asked


def _of(photograph: Photograph, first: Candidate | Kind) -> Asked:
  """For candidates like this one, or of this kind."""
  if photograph.problem:
    return Asked(photograph, photograph.problem)
  return _asked_of(photograph, probe.look(photograph.pixels, _make(first), first.settings), first)


def _asked_of(photograph: Photograph, look: Look, first: Candidate | Kind) -> Asked:
  kept = photograph if first.single else photograph._replace(pixels=None)
  return Asked(kept, look.objection if look.pattern is None else look.pattern)


def _make(first: Candidate | Kind) -> Callable[[Filtered], AnyArray]:
  return probe.for_image if first.single else probe.for_fingerprint


def _matched(asked: Asked, batch: Batch, search: Search) -> dict[Path, Found | str]:
  if isinstance(asked.pattern, str):
    return dict.fromkeys([one.path for one in batch.candidates], asked.pattern)
  patterns = np.stack([c.pattern for c in batch.candidates])
  try:
    found = transforms.find(asked.pattern, patterns, search.transforms, search.reach, in_step=True)
  except UserError as error:
    found = [str(error)] * len(batch.candidates)
  pairs = zip(batch.candidates, found, strict=True)
  least = matching.threshold(search.alpha, 1)  # Of a match: less needs no reason.
  return {one.path: Held(one.silence(asked.photograph, result, least)) or result for one, result in pairs}


def _best(results: dict[Path, Found | str], best: int | None) -> dict[Path, Found | str]:
  """Those with the highest PCE, from the highest, and those that hold the image; if there is none, one reason."""
  if best is None:
    return results
  numbers = {path: result for path, result in results.items() if isinstance(result, Found)}
  highest = sorted(numbers, key=lambda path: -np.nan_to_num(numbers[path].pce, nan=-np.inf))[:best]
  chosen = {path: numbers[path] for path in highest}
  chosen |= {path: result for path, result in results.items() if isinstance(result, Held)}
  return chosen or dict(list(results.items())[:1])


def _answers(
  photograph: Photograph,
  met: Met,
  paths: Sequence[Path],
  broken: dict[Path, UserError],
  alpha: float,
  best: int | None = None,
) -> list[Answer]:
  """Where all candidates are broken there are no results, and the photograph's own problem counts first."""
  listed = [path for path in paths if path in met.results or path in broken or best is None]
  if best is not None:
    listed = [*met.results, *(path for path in listed if path not in met.results)]
  answers = []
  for path in listed:
    reason = photograph.problem or str(broken.get(path, ""))
    answer = _answer(photograph.path, path, reason or met.results.get(path, ""), met.n_hypotheses, alpha)
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
