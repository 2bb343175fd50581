"""Fingerprints in Python, as the commands make and match them: of arrays and of files, of one image or many.

Shapes: h w pixels, p pixels of the square in which members are checked.
"""

import math
import os
import warnings
from collections.abc import Callable, Container, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, overload

import numpy as np
from jaxtyping import Float, Float16, UInt8

from fsim.boundary import inputs, outputs
from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.data import exif, given
from fsim.data.given import Image, Images
from fsim.data.photographs import Photograph
from fsim.prnu import about, building, comparing, fingerprints, matching, membership, probe
from fsim.prnu.building import Gathered
from fsim.prnu.comparing import Answer, Candidate, Search
from fsim.prnu.fingerprints import Fingerprint
from fsim.prnu.leaving import COPY, Report
from fsim.prnu.membership import Reference
from fsim.prnu.pictures import Gallery
from fsim.prnu.probe import Filtered
from fsim.prnu.residuals import DEFAULT, Settings, residuals

ALIGNED = Search()  # What the command looks for unless it is told more.
Print = Fingerprint | str | os.PathLike[str]  # A fingerprint, or the path of its file.
Measure = Callable[[Photograph, Filtered], Any]  # What is asked of a photograph while it is in memory.


@overload
def residual(images: Image, settings: Settings = DEFAULT) -> Float[np.ndarray, "h w"]: ...
@overload
def residual(images: Images, settings: Settings = DEFAULT) -> list[Float[np.ndarray, "h w"]]: ...
def residual(images, settings=DEFAULT):
  """The clean noise residual of an image in grey levels, float32; of many, a list in their order.

  Wavelet Wiener filter (Lukas et al. 2006, appendix A), then zero means and a Wiener filter in the Fourier domain (Chen
  et al. 2008, section III-B). Raises UserError for an image that cannot be read, or below 64 pixels a side.
  """
  about.require(settings)
  found = [np.asarray(residuals(_pixels(photograph)[None], settings))[0] for photograph in given.read_all(images)]
  return found[0] if given.is_one(images) else found


def fingerprint(
  images: Image | Images, *, device: str = "", settings: Settings = DEFAULT, trusted: bool = False
) -> Fingerprint:
  """The fingerprint of the one camera that took these images (Chen et al. 2008, equation 6).

  The size is that of most images. An image that cannot be used, a copy, and one that is not linked with most others by
  sensor noise or EXIF is left out with a warning, as by the command; `trusted` takes all as of one camera. One at a
  time is in memory: where some are not linked, the others are read again. Raises UserError if none is left, or no
  camera has most.
  """
  many = [images] if given.is_one(images) else list(images)
  return gathered(many, _warn, device=device, settings=settings, trusted=trusted).fingerprint


class Made(NamedTuple):
  """A fingerprint and how it came about.

  Attributes:
    places: of the images that are in it.
    patterns: of the same ones, by which their membership is checked.
    measured: what `measure` said of the same ones.
  """

  fingerprint: Fingerprint
  places: list[int]
  patterns: list[Float16[np.ndarray, " p"]]
  measured: list[Any]


def gathered(
  many: Sequence[Image],
  report: Report,
  *,
  device: str = "",
  settings: Settings = DEFAULT,
  trusted: bool = False,
  measure: Measure = lambda photograph, found: None,
) -> Made:
  """As `fingerprint`; what is left out is reported, not warned of. measure: asked of each image that can be used."""
  about.require(settings)
  size = _commonest_size(many)
  if size is None:
    for photograph in given.read_all(many):
      report(photograph.path, photograph.problem)
    raise UserError(f"none of {len(many)} images can be used for a fingerprint")
  gallery = None if trusted else Gallery()
  summed, references, places, measured, objections = _all(many, size, settings, measure, gallery)
  for path, why in objections:
    report(path, why)
  if not references:
    raise UserError(f"no image is left for the fingerprint of {shown(device)}")
  if gallery is not None:
    gallery.require_most(len(references))
  verdict = membership.taken_as_given(references) if trusted else membership.check(references)
  for k, why in verdict.left_out.items():
    report(references[k].path, why)
  if verdict.left_out:
    kept = (given.read(many[places[k]], places[k]) for k in verdict.kept)
    summed = _summed(kept, set(summed.contents), size, settings)
  made = fingerprints.estimate(summed.sums, device, summed.images, settings)
  made = made._replace(contents=summed.contents, checked=verdict.said)
  own = ([several[k] for k in verdict.kept] for several in (places, [r.pattern for r in references], measured))
  return Made(made, *own)


def _all(
  many: Sequence[Image], size: tuple[int, int], settings: Settings, measure: Measure, gallery: Gallery | None
) -> tuple[Gathered, list[Reference], list[int], list[Any], list[tuple[Path, str]]]:
  """The sum over all images that can be used, what is known of each, its place and its measure; causes of the others.

  A function of its own, so that its last image is not in memory any more when some are read again. gallery: None where
  all are taken as given.
  """
  references, places, measured, objections, seen = [], [], [], [], {}
  summed = Gathered(fingerprints.nothing(size))
  side = membership.side_for(len(many))
  for place, photograph in enumerate(given.read_all(many)):
    objection = _objection(photograph, size, seen)
    if not objection:
      found, objection = probe.examined(photograph.pixels, settings)
    if not objection and gallery is not None:
      objection = gallery.objection(str(photograph.path), photograph.pixels)
    if objection:
      objections.append((photograph.path, objection))
      continue
    seen[photograph.content] = photograph.path
    places.append(place)
    measured.append(measure(photograph, found))
    pattern = membership.pattern_of(found, side)
    references.append(Reference(photograph.path, exif.camera(photograph.exif), pattern))
    summed = summed.add(photograph, found)
  return summed, references, places, measured, objections


@overload
def match(images: Image, against: Print, search: Search = ALIGNED) -> Answer: ...
@overload
def match(images: Image, against: Sequence[Print], search: Search = ALIGNED) -> list[Answer]: ...
@overload
def match(images: Images, against: Print, search: Search = ALIGNED) -> list[Answer]: ...
@overload
def match(images: Images, against: Sequence[Print], search: Search = ALIGNED) -> list[list[Answer]]: ...
def match(images, against, search=ALIGNED):
  """Whether a fingerprint's camera took an image: PCE (Goljan et al. 2009, section 3), threshold and answer.

  Of many images a list; of each against several fingerprints a list again, whose shifts, transforms and candidates all
  raise the threshold. A fingerprint may be a file, and a JPEG may stand in its place. An image that cannot be used, or
  that the fingerprint was made of, has the answer "no statement" with the reason. "No match found" excludes nothing.
  Raises UserError for a fingerprint that cannot be used, for an array that is no image, and for an impossible search.
  """
  _require_search(search)
  alone = isinstance(against, Fingerprint | str | os.PathLike)
  prints = [_candidate(one, k, search.settings) for k, one in enumerate([against] if alone else against)]
  found = []
  for photograph in given.read_all(images):
    own = comparing.answers(photograph, [candidate for candidate, _ in prints], search)
    own = [answer._replace(candidate=name) for answer, (_, name) in zip(own, prints, strict=True)]
    found.append(own[0] if alone else own)
  return found[0] if given.is_one(images) else found


def load(path: str | os.PathLike[str]) -> Fingerprint:
  """A fingerprint file. Raises Unreadable if it is none, or one that cannot be true."""
  return fingerprints.load(inputs.expanded(os.fspath(path)))


def save(path: str | os.PathLike[str], made: Fingerprint) -> None:
  """A file that `load` and the commands read, 16 bits a number. Raises UserError over what fsim did not write."""
  place = inputs.expanded(os.fspath(path))
  outputs.file(place).write(place.name, fingerprints.to_bytes(made))


def _require_search(search: Search) -> None:
  matching.threshold(search.alpha, 1)
  reach = search.reach is None or (isinstance(search.reach, int | np.integer) and search.reach >= 0)
  if not search.transforms or not reach or not all(0 < transform.scale < math.inf for transform in search.transforms):
    said = "at least one transform, of a scale above 0, and a reach from 0 in whole pixels (or None: all shifts)"
    raise UserError(f"a search needs {said}")
  about.require(search.settings)


def _pixels(photograph: Photograph) -> UInt8[np.ndarray, "h w 3"]:
  if photograph.pixels is None:
    raise inputs.Unreadable(photograph.path, photograph.problem)
  return photograph.pixels


def _commonest_size(images: Sequence[Image]) -> tuple[int, int] | None:
  """As `building.commonest_size`, of files, photographs and arrays."""
  paths = [inputs.expanded(os.fspath(one)) for one in images if isinstance(one, str | os.PathLike)]
  pixels = [one.pixels if isinstance(one, Photograph) else one for one in images]
  sizes = [one.shape[:2] for one in pixels if isinstance(one, np.ndarray) and one.ndim == 3]
  return building.commonest_size(sizes + [file.size for file in building.survey(paths).values()])


def _objection(photograph: Photograph, size: tuple[int, int], seen: dict[str, Path]) -> str:
  """Why it cannot be a reference, or nothing; its noise is not looked at."""
  if photograph.problem:
    return photograph.problem
  height, width = photograph.pixels.shape[:2]
  if (height, width) != size:
    return f"{width}x{height} pixels, but the fingerprint is of {size[1]}x{size[0]}"
  if photograph.content in seen:
    return f"{COPY} {shown(seen[photograph.content])}"
  return ""


def _summed(kept: Iterable[Photograph], seen: Container[str], size: tuple[int, int], settings: Settings) -> Gathered:
  """The sum once more, without the others: to take images off it would leave rounding errors."""
  summed = Gathered(fingerprints.nothing(size))
  for photograph in kept:
    if photograph.content not in seen:
      raise inputs.Changed(photograph.path)
    summed = summed.add(photograph, probe.filtered(photograph.pixels[None], settings))
  return summed


def _candidate(one: Print, number: int, settings: Settings) -> tuple[Candidate, str]:
  """Under its number, since names may repeat, and its name."""
  place = Path(str(number))
  if isinstance(one, Fingerprint):
    return comparing.of_fingerprint(one, place), one.device
  path = inputs.expanded(os.fspath(one))
  return comparing.candidate(path, settings)._replace(path=place), str(path)


def _warn(path: Path, why: str) -> None:
  warnings.warn(f"{shown(path)}: left out, {why}", stacklevel=4)
