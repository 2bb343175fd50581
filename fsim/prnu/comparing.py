"""Images against fingerprints or other images: every pair gets a number and an answer.

Shapes: h w pixels, n prints of one size.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from fsim.boundary import progress
from fsim.boundary.errors import UserError
from fsim.data.photographs import Photograph, read, read_all
from fsim.data.walk import SUFFIXES
from fsim.prnu import fingerprint, looks, matching, probe
from fsim.prnu.looks import Found, Look
from fsim.prnu.residual import DEFAULT, Settings

BATCH = 32  # Fingerprints in memory at a time.
MATCH, NO_MATCH, NO_STATEMENT = "match", "no match found", "no statement"


class Search(NamedTuple):
  """What is looked for: geometric looks, shifts (`reach` as in `matching.search`), and the false-alarm probability."""

  looks: Sequence[Look]
  reach: int | None
  alpha: float


class Answer(NamedTuple):
  """What one image says about one candidate. Without a statement there are a reason and no numbers.

  Attributes:
    looks: shifts and looks over all candidates, the k of `threshold`.
    false_alarm: probability of such a PCE or a larger one anywhere among them, if no candidate is the source.
  """

  image: str
  candidate: str
  answer: str
  reason: str = ""
  pce: float | None = None
  threshold: float | None = None
  false_alarm: float | None = None
  looks: int | None = None
  shift: tuple[int, int] | None = None
  turns: int | None = None
  mirrored: bool | None = None
  scale: float | None = None


class Prints(NamedTuple):
  """Candidates of one size and one kind, ready to be matched."""

  names: list[str]
  patterns: Float[np.ndarray, "n h w"]
  settings: Settings
  single: bool  # Whether each was made of one image.


def compare(images: Sequence[Path], candidates: Sequence[Path], search: Search) -> Iterator[list[Answer]]:
  """The answers of every image, one a candidate, in their order. Candidates are fingerprint files or JPEGs.

  Candidates are read in batches for all images, so that thousands of them fit. An image or a candidate that cannot be
  used answers with the reason. Raises UserError if no candidate can be used.
  """
  unusable: dict[Path, str] = {}
  broken: dict[Path, str] = {}
  found: dict[tuple[Path, str], Found | str] = {}
  with progress.bar(total=len(images) * len(candidates), desc="matching", unit="pair") as bar:
    for prints in batches(candidates, broken):
      for photograph in read_all(images):
        reason = photograph.problem or probe.quality(photograph.pixels, prints.settings).objection()
        if reason:
          unusable[photograph.path] = reason
        else:
          found |= _matched(photograph, prints, search)
        bar.update(len(prints.names))
  if len(broken) == len(candidates):
    raise UserError(next(iter(broken.values())))
  for path in images:
    results = {str(c): found.get((path, str(c))) or unusable.get(path) or broken[c] for c in candidates}
    yield _answers(path, results, search.alpha)


def batches(candidates: Sequence[Path], broken: dict[Path, str]) -> Iterator[Prints]:
  """Candidates in their order, as many at a time as have one size and kind, up to BATCH; `broken` takes the others."""
  pending: list[tuple[str, np.ndarray, Settings, bool]] = []
  for path in candidates:
    try:
      entry = _candidate(path)
    except ValueError as error:
      broken[path] = str(error)
      continue
    if pending and (len(pending) == BATCH or entry[1].shape != pending[0][1].shape or entry[2:] != pending[0][2:]):
      yield _stacked(pending)
      pending = []
    pending.append(entry)
  if pending:
    yield _stacked(pending)


def _stacked(pending: list[tuple[str, np.ndarray, Settings, bool]]) -> Prints:
  names, patterns, settings, single = zip(*pending, strict=True)
  return Prints(list(names), np.stack(patterns), settings[0], single[0])


def _candidate(path: Path) -> tuple[str, np.ndarray, Settings, bool]:
  if path.suffix.lower() not in SUFFIXES:
    loaded = fingerprint.load(path)
    return str(path), loaded.pattern(), loaded.settings, False
  photograph = read(path)
  reason = photograph.problem or probe.quality(photograph.pixels).objection()
  if reason:
    raise UserError(f"{path}: {reason}")
  return str(path), np.asarray(probe.against_image(photograph.pixels[None]))[0], DEFAULT, True


def _matched(photograph: Photograph, prints: Prints, search: Search) -> dict[tuple[Path, str], Found | str]:
  ask = probe.against_image if prints.single else probe.against_fingerprint
  pattern = np.asarray(ask(photograph.pixels[None], prints.settings))[0]
  try:
    found = looks.find(pattern, prints.patterns, search.looks, search.reach)
  except ValueError as error:
    found = [str(error)] * len(prints.names)
  return {(photograph.path, name): result for name, result in zip(prints.names, found, strict=True)}


def _answers(path: Path, results: dict[str, Found | str], alpha: float) -> list[Answer]:
  total = sum(r.looks for r in results.values() if isinstance(r, Found))
  return [_answer(str(path), name, result, total, alpha) for name, result in results.items()]


def _answer(image: str, candidate: str, result: Found | str, total: int, alpha: float) -> Answer:
  if isinstance(result, str):
    return Answer(image, candidate, NO_STATEMENT, result)
  limit = matching.threshold(alpha, total)
  return Answer(
    image,
    candidate,
    MATCH if result.pce >= limit else NO_MATCH,
    pce=result.pce,
    threshold=limit,
    false_alarm=matching.false_alarm(result.pce, total),
    looks=total,
    shift=result.shift,
    turns=result.look.turns,
    mirrored=result.look.mirrored,
    scale=result.look.scale,
  )
