"""Photographs of known devices -> comparisons with their scores, from which a calibration is learned.

Of each device some photographs are references, the first 1, 2, 5 and 10 of them, and some of other scenes are asked
about: whole, cut and compressed again. All are compared with the references of their own device and of the others of
their group, aligned, and then, if one is asked, by the similarity of camera models. Shapes: q patterns asked about,
d fingerprints, h w pixels.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
import pandas as pd
from jaxtyping import Float16, UInt8
from tqdm import tqdm

from fsim.boundary import inputs, progress
from fsim.data.photographs import Photograph, read_all
from fsim.evidence import quality, selecting
from fsim.evidence.changing import changed, middle
from fsim.evidence.copies import Copies
from fsim.evidence.quality import Quality
from fsim.evidence.selecting import CHANGED, COUNTS, WHOLE, Device, Labelled, Variant
from fsim.evidence.similarity import Similarity, embedded, log_odds_of
from fsim.prnu import AnyArray, building, fingerprints, matching, membership, probe
from fsim.prnu.probe import Filtered
from fsim.prnu.residuals import DEFAULT

SIDE = 1024  # Pixels of the square in the middle that is looked at, of small photographs less.


class Scores(NamedTuple):
  """Tables.

  Attributes:
    photographs: a row each: path, device, model, variant, and the fields of Quality; the index is what the others name.
    candidates: fingerprints: device, model, references (rows of `photographs`), and how they agree with each other:
      `agreement` as of `Agreement.z`, `square` pixels, NaN of one alone.
    comparisons: questioned (row of `photographs`), candidate (row of `candidates`), pixels, z, and perhaps
      similarity: log-odds of one camera model over the candidate's references, NaN where nothing can be said.
  """

  photographs: pd.DataFrame
  candidates: pd.DataFrame
  comparisons: pd.DataFrame


class _Gathering(NamedTuple):
  """What grows: rows of the three tables, (file, cause) of what is left out, what copies are told by, and features of
  the photographs' patches by row, where a similarity is asked.
  """

  photographs: list[dict]
  candidates: list[dict]
  comparisons: list[dict]
  left_out: list[tuple[Path, str]]
  copies: Copies
  sizes: dict[str, tuple[int, int] | None]  # Of most of a device: of others the middle is another part of the sensor.
  similarity: Similarity | None
  embeddings: dict[int, np.ndarray]


def collect(
  files: Sequence[Labelled],
  variants: Sequence[Variant] = CHANGED,
  similarity: Similarity | None = None,
  copies: Copies | None = None,
) -> tuple[Scores, list[tuple[Path, str]]]:
  """The tables, and the files that are left out with their causes; of each device as many as are needed are read, once.

  similarity: whose log-odds the comparisons have, NaN where it says nothing. copies: takes what is read, and has what
  was read before. Raises UserError for a picture of two devices.
  """
  devices = selecting.divided(files)
  sizes = {name: _size(of) for name, of in devices.items()}
  made = _Gathering([], [], [], [], Copies() if copies is None else copies, sizes, similarity, {})
  with progress.bar(total=sum(len(d.references) + len(d.queries) for d in devices.values()), desc="scores") as bar:
    for names in selecting.groups({name: device.references[0].model for name, device in devices.items()}):
      _compare([devices[name] for name in names], variants, made, bar)
      made.copies.references.clear()  # Their pictures, of which nothing is asked any more.
  scores = Scores(*(pd.DataFrame(rows) for rows in made[:3]))
  if similarity is not None and len(scores.comparisons):
    scores = with_log_odds(scores, similarity, made.embeddings)
  return scores, made.left_out


def with_log_odds(scores: Scores, similarity: Similarity, embeddings: Mapping[int, np.ndarray]) -> Scores:
  """embeddings: of rows of `photographs`; NaN where one is missing."""
  questioned, candidate = (scores.comparisons[name].tolist() for name in ("questioned", "candidate"))
  references = [scores.candidates["references"][k] for k in candidate]
  found = log_odds_of(similarity, questioned, references, embeddings)
  return scores._replace(comparisons=scores.comparisons.assign(similarity=found))


def _size(device: Device) -> tuple[int, int] | None:
  """Of most of its photographs; None where none can be read, so that each is named when its turn comes."""
  seen = building.survey([label.path for part in device for label in part])
  return building.commonest_size(file.size for file in seen.values())


def _compare(devices: list[Device], variants: Sequence[Variant], made: _Gathering, bar: tqdm) -> None:
  """All comparisons of a group; those of two sizes are left out."""
  prints: dict[tuple, list[tuple[int, np.ndarray]]] = {}
  for device in devices:
    for single, row, pattern in _candidates(device, made, bar):
      prints.setdefault((pattern.shape, single), []).append((row, pattern))
  asked: dict[tuple, list[tuple[int, np.ndarray]]] = {}
  for number, query, photograph in _numbered(devices, made, bar):
    changed = [WHOLE, variants[number % len(variants)]] if variants else [WHOLE]
    size = photograph.pixels.shape[:2]
    for row, variant, patterns in _questioned(query, photograph, changed, made):
      for single, pattern in zip((False, True), patterns, strict=True):
        asked.setdefault((size, single, variant.side), []).append((row, pattern))
  for (size, single, side), queries in asked.items():
    if (size, single) in prints:
      _score(queries, prints[size, single], side, made.comparisons)


def _score(queries: list, prints: list, side: int | None, comparisons: list[dict]) -> None:
  patterns = np.stack([pattern for _, pattern in queries]).astype(np.float32)
  marks = np.stack([middle(pattern, side) for _, pattern in prints]).astype(np.float32)
  pce = matching.aligned_pce(patterns, marks)
  z = np.sign(pce) * np.sqrt(np.abs(pce))
  pixels = patterns.shape[1] * patterns.shape[2]
  for i, (asked, _) in enumerate(queries):
    for j, (candidate, _) in enumerate(prints):
      comparisons.append({"questioned": asked, "candidate": candidate, "pixels": pixels, "z": float(z[i, j])})


def _candidates(device: Device, made: _Gathering, bar: tqdm) -> Iterator[tuple[bool, int, np.ndarray]]:
  """(whether it is one photograph, row, pattern) for each of COUNTS that there are references for."""
  rows, patterns, sums = [], [], None
  for photograph, label, found in _usable(device.references, made, bar):
    pixels = photograph.pixels
    sums = sums or fingerprints.nothing(pixels.shape[:2])
    made.copies.add(label, pixels)
    measured, _, single = _looked_at(found)
    rows.append(_row(label, WHOLE, pixels, quality.of(pixels.shape, measured, photograph.compression), made))
    patterns.append(membership.pattern_of(found, membership.side_for(max(COUNTS))))
    sums = fingerprints.add_filtered(sums, found)
    if len(rows) in COUNTS:
      candidate = {"device": label.device, "model": label.model, "references": tuple(rows)} | _agreement(patterns)
      made.candidates.append(candidate)
      pattern = single if len(rows) == 1 else fingerprints.estimate(sums, label.device, ("",), DEFAULT).pattern()
      yield len(rows) == 1, len(made.candidates) - 1, _kept(pattern)


def _agreement(patterns: list[np.ndarray]) -> dict[str, int | float]:
  if len(patterns) < 2:
    return {"agreement": float("nan"), "square": 0}
  return {"agreement": agreement(patterns), "square": len(patterns[0])}


def agreement(patterns: Sequence[np.ndarray]) -> float:
  """Correlations of all pairs of references as one number, of variance 1 if they have nothing in common.

  patterns: two or more, of `membership.pattern_of`.
  """
  pairs = membership.gram(patterns)[np.triu_indices(len(patterns), 1)]
  return float(pairs.sum() * np.sqrt(len(patterns[0]) / len(pairs)))


def _numbered(devices: list[Device], made: _Gathering, bar: tqdm) -> Iterator[tuple[int, Labelled, Photograph]]:
  number = 0
  for device in devices:
    for photograph, label, _ in _usable(device.queries, made, bar):
      if same := made.copies.of_reference(label, photograph.pixels):
        made.left_out.append((label.path, same))
        continue
      yield number, label, photograph
      number += 1


def _questioned(
  label: Labelled, photograph: Photograph, variants: Iterable[Variant], made: _Gathering
) -> Iterator[tuple[int, Variant, list[np.ndarray]]]:
  """(row, variant, the pattern against fingerprints and that against an image)."""
  for variant in variants:
    pixels, compression = changed(photograph.pixels, variant)
    if (found := probe.examined(pixels)[0]) is None:
      continue
    measured, *patterns = _looked_at(found)
    described = quality.of(pixels.shape, measured, compression or photograph.compression)
    yield _row(label, variant, pixels, described, made), variant, [_kept(pattern) for pattern in patterns]


def _usable(labels: list[Labelled], made: _Gathering, bar: tqdm) -> Iterator[tuple[Photograph, Labelled, Filtered]]:
  """Of the device's size, cut to SIDE; those that can tell something."""
  for photograph, label in zip(read_all([label.path for label in labels]), labels, strict=True):
    bar.update()
    found, cause = None, _objection(photograph, label, made)
    if not cause:
      photograph = photograph._replace(pixels=middle(photograph.pixels, SIDE))
      found, cause = probe.examined(photograph.pixels)
    if found is None:
      made.left_out.append((label.path, cause))
    else:
      yield photograph, label, found


def _objection(photograph: Photograph, label: Labelled, made: _Gathering) -> str:
  if label.sha256 not in ("", photograph.sha256 or photograph.problem):
    return inputs.CHANGED
  if cause := photograph.problem or made.copies.of(photograph, label):
    return cause
  own, most = photograph.pixels.shape[:2], made.sizes[label.device]
  return f"{own[1]}x{own[0]} pixels, and most of its device {most[1]}x{most[0]}" if most not in (None, own) else ""


def _kept(pattern: AnyArray) -> Float16[np.ndarray, "h w"]:
  """Of unit deviation, on which no PCE depends: a group's patterns are all in memory."""
  found = np.asarray(pattern)
  return (found / max(float(found.std()), 1e-12)).astype(np.float16)


def _row(
  label: Labelled, variant: Variant, pixels: UInt8[np.ndarray, "h w 3"], described: Quality, made: _Gathering
) -> int:
  row = len(made.photographs)
  if made.similarity is not None and (found := embedded(made.similarity, pixels)[0]) is not None:
    made.embeddings[row] = found
  made.photographs.append(
    {"path": str(label.path), "file": label.path.name, "device": label.device, "model": label.model}
    | {"side": variant.side or 0, "quality": variant.quality or 0}
    | described._asdict()
  )
  return row


def _looked_at(found: Filtered) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Of one image: measures of quality, and the patterns against a fingerprint and against an image."""
  made = quality.measures(found), probe.for_fingerprint(found), probe.for_image(found)
  return tuple(x[0] for x in jax.device_get(made))
