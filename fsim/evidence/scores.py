"""One questioned photograph against references of one camera -> scores, or the reason why there is none.

Two references or more of one size make a fingerprint, whose members are checked; a single one is compared as an image.
What was done to the questioned file (turned, mirrored, cut, resized) is searched for in stages, and all looks are paid
for: a stage has a fixed share of the false-alarm probability (`Stage.share`), and its looks have equal parts of that.
So an aligned photograph pays for two looks, not for the millions of a search that it did not need.

Shapes: h w pixels, p patches, d features.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from fsim.boundary.errors import UserError
from fsim.boundary.inputs import Changed
from fsim.boundary.text import shown
from fsim.data import given
from fsim.data.given import Image
from fsim.data.photographs import Photograph
from fsim.evidence import collecting, looks, quality
from fsim.evidence.quality import Quality
from fsim.evidence.similarity import Similarity, embedded
from fsim.evidence.stages import Stage, planned
from fsim.evidence.surface import Surface
from fsim.evidence.surface import of as surface_of
from fsim.prnu import candidates, comparing, face, membership, pictures, probe, transforms
from fsim.prnu.comparing import Candidate
from fsim.prnu.fingerprints import Fingerprint
from fsim.prnu.pictures import Picture
from fsim.prnu.probe import Filtered
from fsim.prnu.transforms import Found

ENOUGH = math.log(1e-8)  # Natural log of the false-alarm probability at which the search ends.


class Known(NamedTuple):
  """The camera that questioned photographs are held against.

  Attributes:
    candidate: the pattern, and hashes of what it was made of. fingerprint: None of a single photograph.
    qualities: of the references in it. agreement: how well they agree, of variance 1 if they have nothing in common;
      None of one alone. square: pixels in which that was looked at.
    left_out: (file, cause) of references that are not in it. checked: what is known of their being of one camera.
    embeddings: of each reference's patches, for the similarity; none where nobody was asked.
    pictures: what each reference shows.
  """

  candidate: Candidate
  fingerprint: Fingerprint | None
  qualities: tuple[Quality, ...]
  agreement: float | None
  square: int
  left_out: list[tuple[Path, str]]
  checked: str
  embeddings: list[np.ndarray]
  pictures: dict[Path, Picture]


class Score(NamedTuple):
  """Of one questioned photograph; without a statement there is a reason, and no numbers.

  Attributes:
    z: of the best look, the signed square root of its PCE. n_looks: how many it pays for, all stages counted.
    aligned: z of one look that would say as much (`looks.aligned`). false_alarm: natural logarithm of its probability.
    tried: names of the stages, in order. stage: of the best look. found: its transform, shift and PCE.
    pixels: that are compared. quality: of the photograph.
    similarity: mean log-odds of one camera model over references; None where nobody was asked, or either
      has too few usable patches, and `no_similarity` says why.
    surface: correlation around the peak.
  """

  file: str
  reason: str = ""
  z: float | None = None
  n_looks: float | None = None
  aligned: float | None = None
  false_alarm: float | None = None
  tried: tuple[str, ...] = ()
  stage: str = ""
  found: Found | None = None
  pixels: int | None = None
  quality: Quality | None = None
  similarity: float | None = None
  no_similarity: str = ""
  surface: Surface | None = None


def known(
  references: Sequence[Image],
  similarity: Similarity | None = None,
  trusted: bool = False,
  show: Callable[[Photograph], None] = lambda photograph: None,
) -> Known:
  """Raises UserError where no reference can be used, or, unless `trusted`, they are not seen to be of one camera; and
  Changed for one that is another file when it is read again.

  show: takes each that can be used while it is in memory, one at a time; some of them may be left out later.
  """
  left_out: list[tuple[Path, str]] = []

  def measure(photograph: Photograph, found: Filtered) -> tuple[Quality, np.ndarray | None, tuple[Path, Picture]]:
    show(photograph)
    embeddings = embedded(similarity, photograph.pixels)[0] if similarity else None
    return quality_of(photograph, found), embeddings, (photograph.path, pictures.picture(photograph.pixels))

  report = lambda path, why: left_out.append((path, why))  # noqa: E731
  try:
    made = face.gathered(list(references), report, trusted=trusted, measure=measure)
  except Changed:
    raise
  except UserError as error:
    causes = "".join(f"; {shown(path)}: {shown(why)}" for path, why in left_out)
    raise UserError(f"{error}{causes}") from error
  qualities = tuple(quality for quality, _, _ in made.measured)
  embeddings = [found for _, found, _ in made.measured if found is not None]
  shown_there = dict(there for _, _, there in made.measured)
  if len(made.places) == 1:
    photograph = given.read(references[made.places[0]], made.places[0])
    if photograph.content not in made.fingerprint.contents:
      raise Changed(photograph.path)
    candidate = _single(photograph)
    return Known(candidate, None, qualities, None, 0, left_out, membership.SINGLE, embeddings, shown_there)
  square = len(made.patterns[0])
  candidate = comparing.of_fingerprint(made.fingerprint, Path("references"))
  agreement = collecting.agreement(made.patterns)
  checked = made.fingerprint.checked
  return Known(candidate, made.fingerprint, qualities, agreement, square, left_out, checked, embeddings, shown_there)


def score(questioned: Image, camera: Known, similarity: Similarity | None = None, search: bool = True) -> Score:
  """`search`: whether to look further where an aligned photograph shows nothing. Never raises for what a file holds."""
  photograph = given.read(questioned)
  file = str(photograph.path)
  seen = _seen(photograph, camera.candidate)
  if isinstance(seen, str):
    return Score(file, seen)
  own, pattern = seen
  stages = planned(pattern.shape, camera.candidate.pattern.shape, search)
  if not stages:
    sizes = (f"{shape[1]}x{shape[0]}" for shape in (pattern.shape, camera.candidate.pattern.shape))
    return Score(
      file, "sizes differ: {} here, {} there; nothing that is looked for brings them together".format(*sizes)
    )
  best = _searched(pattern, camera.candidate.pattern, stages)
  if not math.isfinite(best.found.pce):
    return Score(file, "the correlation is no finite number")
  if reason := _shown_too(photograph, camera, best.found):
    return Score(file, reason)
  found = _described(best, photograph, own, pattern, camera)
  if similarity is None:
    return found
  return _with_similarity(found, photograph, camera, similarity)


def _seen(photograph: Photograph, candidate: Candidate) -> tuple[Quality, Float[np.ndarray, "h w"]] | str:
  """What a photograph can show, and its pattern; or why it can answer nothing."""
  if photograph.problem:
    return photograph.problem
  found, objection = probe.examined(photograph.pixels, candidate.settings)
  if reason := objection or candidate.holds(photograph):
    return reason
  make = probe.for_image if candidate.single else probe.for_fingerprint
  return quality_of(photograph, found), jax.device_get(make(found))[0]


class _Best(NamedTuple):
  """The look that is least likely by chance; log_p: natural logarithm, shares of stages counted."""

  found: Found
  stage: Stage
  log_p: float
  tried: tuple[str, ...]


def _searched(pattern: Float[np.ndarray, "h w"], reference: Float[np.ndarray, "i j"], stages: Sequence[Stage]) -> _Best:
  """Stage after stage, until one says enough."""
  best: _Best | None = None
  tried: tuple[str, ...] = ()
  for stage in stages:
    try:
      found = transforms.find(pattern, reference[None], stage.transforms, stage.reach)[0]
    except UserError:  # Nothing of this stage fits, which `planned` cannot know of every rounded size.
      continue
    tried += (stage.name,)
    n_looks = found.n_hypotheses / stage.share
    if not math.isfinite(found.pce):
      return _Best(found, stage, 0.0, tried)
    log_p = looks.log_false_alarm(looks.z_of(found.pce), n_looks)
    if best is None or log_p < best.log_p:
      best = _Best(found, stage, log_p, tried)
    if log_p <= ENOUGH:
      break
  assert best is not None, "the plan has a stage that fits"
  return best._replace(tried=tried)


def _shown_too(photograph: Photograph, camera: Known, found: Found) -> str:
  """Why nothing is said of a photograph that shows what a reference shows, where it was found to lie; else nothing."""
  seen = pictures.transformed(photograph.pixels, found.transform)
  said = {path: pictures.share_at(seen, there, found.shift) for path, there in camera.pictures.items()}
  path = max(said, key=said.__getitem__)
  return pictures.reason(str(path), said[path])


def _described(best: _Best, photograph: Photograph, own: Quality, pattern: np.ndarray, camera: Known) -> Score:
  reference = camera.candidate.pattern
  z, n_looks = looks.z_of(best.found.pce), best.found.n_hypotheses / best.stage.share
  seen = best.found.transform.size(*pattern.shape)
  pixels = min(seen[0] * seen[1], reference.size, photograph.pixels.shape[0] * photograph.pixels.shape[1])
  return Score(
    str(photograph.path),
    z=z,
    n_looks=n_looks,
    aligned=looks.aligned(z, n_looks),
    false_alarm=best.log_p,
    tried=best.tried,
    stage=best.stage.name,
    found=best.found,
    pixels=pixels,
    quality=own,
    surface=surface_of(np.asarray(best.found.transform.at(pattern)), reference, best.found.shift),
  )


def _with_similarity(found: Score, photograph: Photograph, camera: Known, similarity: Similarity) -> Score:
  own, why = embedded(similarity, photograph.pixels)
  if own is None:
    return found._replace(no_similarity=why)
  if not camera.embeddings:
    return found._replace(no_similarity="no reference has patches enough that are usable")
  odds = similarity.image_log_odds([own], camera.embeddings)
  return found._replace(similarity=float(odds.mean(dtype=np.float64)))


def _single(photograph: Photograph) -> Candidate:
  return candidates.of_photograph(photograph, np.asarray(probe.against_image(photograph.pixels[None]))[0])


def quality_of(photograph: Photograph, found: Filtered) -> Quality:
  """Of a photograph that was read and filtered; one that is an array of pixels counts as hardly compressed."""
  return quality.measured(found, photograph.compression)
