"""Known cameras that no network has learned, told apart by features of their photographs (Bondi et al. 2017, figure 4).

Every two cameras have a linear support vector machine, every patch a vote. All rates come from photographs that were
left out: each scene in turn (each photograph of a camera without two scenes), for "none of these" also each camera.
Shapes: p patches, n patches of one photograph, m photographs, k cameras, j of them, q pairs of cameras, d features.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.stats import binom

from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.metrics import votes
from fsim.systems import duels, nearness, svm
from fsim.systems.duels import Known
from fsim.systems.nearness import Shape
from fsim.systems.svm import Svms

MIN_PATCHES = 4  # Without so many a photograph is not spoken about, nor learned from.
MIN_PHOTOGRAPHS = 5  # Of a camera: fewer would not show whether it can be told from another.
TOLD_APART = 0.75  # Share of the photographs of each of two cameras that their duel must give to it, each left out;
CHANCE = 0.05  # and a duel that tosses a coin must do as well no more often than this.
REJECTED = 0.05  # Share of the cameras' own photographs that "none of these" may cost.
NONE, SILENT = "none of these", "no statement"


class LeftOut(NamedTuple):
  """What is said of the enrolled photographs when they are left out.

  Attributes:
    camera: the place of the camera that is said of each, -1 for "none of these".
    accepted: of each camera, how many of its photographs would get another answer than "none of these" if neither it
      nor any that it cannot be told from were enrolled; -1 where fewer than two others are left to try it with.
    given: see `duels.given`.
  """

  camera: Int[np.ndarray, " m"]
  accepted: Int[np.ndarray, " k"]
  given: Int[np.ndarray, "q 2"]


class Enrolment(NamedTuple):
  """What names a photograph: machines, distributions, and the threshold of "none of these".

  alike: which cameras cannot be told apart. An answer names a camera with all that are like it.
  """

  svms: Svms
  shape: Shape
  alike: Bool[np.ndarray, "k k"]
  threshold: float
  left_out: LeftOut


class Verdict(NamedTuple):
  """What is said of a photograph.

  answer: a camera, several with "or" between them, NONE or SILENT. nearest: the likeliest enrolled camera, whatever
  the answer; "" if silent. votes: number of patches for each camera that has any, most first. margin: share of the
  votes for the first less that for the second. score, threshold: below the threshold the answer is NONE; None if
  silent.
  """

  answer: str
  nearest: str
  patches: int
  votes: dict[str, int]
  margin: float
  score: float | None
  threshold: float


def enrol(known: Known) -> Enrolment:
  """Raises UserError if no two cameras can be told apart."""
  svms = duels.fit(known)
  decided = duels.left_out(known, svms)
  given = duels.given(known, svms, decided)
  alike = _alike(known, svms, given)
  if alike.all():
    cause = "left out in turn, their photographs go to the wrong one too often"
    raise UserError(f"these cameras cannot be told apart: {', '.join(map(shown, known.names))}; {cause}")
  every = np.arange(len(known.names))
  named, score = _tried(known, svms, decided, every)
  threshold = _threshold(score)
  said = np.where(score >= threshold, named, -1)
  found = LeftOut(said, _accepted(known, svms, decided, alike), given)
  shape = nearness.shape(nearness.sums(known.features, known.camera[known.image], len(every)), every)
  return Enrolment(svms, shape, alike, threshold, found)


def name(made: Enrolment, features: Float[np.ndarray, "n d"]) -> Verdict:
  """By the majority of its patches."""
  if len(features) < MIN_PATCHES:
    return Verdict(SILENT, "", len(features), {}, 0.0, None, made.threshold)
  names = made.svms.classes
  ballots = duels.among(made.svms, np.arange(len(names)), svm.decisions(made.svms, features))
  order = ballots.sum(0).argsort()[::-1]
  cast = np.bincount(ballots.argmax(1), minlength=len(names))
  score = nearness.score(made.shape, features, int(order[0]))
  return Verdict(
    answer=answer(made, int(order[0])) if score >= made.threshold else NONE,
    nearest=names[order[0]],
    patches=len(features),
    votes={names[c]: int(cast[c]) for c in order if cast[c]},
    margin=float(cast[order[0]] - cast[order[1]]) / len(features),
    score=score,
    threshold=made.threshold,
  )


def answer(made: Enrolment, camera: int) -> str:
  """The camera, and behind it those that it cannot be told from: "A or B"."""
  others = [name for c, name in enumerate(made.svms.classes) if made.alike[camera, c] and c != camera]
  return " or ".join([made.svms.classes[camera], *others])


def places(made: Enrolment, features: Float[np.ndarray, "p d"]) -> Int[np.ndarray, " p"]:
  """The camera of each patch alone."""
  every = np.arange(len(made.svms.classes))
  return duels.among(made.svms, every, svm.decisions(made.svms, features)).argmax(1)


def _alike(known: Known, svms: Svms, given: Int[np.ndarray, "q 2"]) -> Bool[np.ndarray, "k k"]:
  """Pairs of which either camera has too few photographs given to it: for use, or to be no chance."""
  photographs = np.bincount(known.camera)[svms.pairs]
  by_chance = binom.sf(given - 1, photographs, 0.5)
  found = np.eye(len(svms.classes), dtype=bool)
  found[tuple(svms.pairs.T)] = ((given < TOLD_APART * photographs) | (by_chance > CHANCE)).any(1)
  return found | found.T


def _tried(
  known: Known, svms: Svms, decided: Float[np.ndarray, "p q"], kept: Int[np.ndarray, " j"]
) -> tuple[Int[np.ndarray, " m"], Float[np.ndarray, " m"]]:
  """The camera, of those that are kept, that each photograph is given to when its unit is left out; and its score."""
  m, k, label = len(known.camera), len(known.names), known.camera[known.image]
  named = votes.count(duels.among(svms, kept, decided), known.image, m).argmax(1)
  whole, score = nearness.sums(known.features, label, k), np.empty(m)
  for left in np.unique(known.unit):
    out = known.unit[known.image] == left
    shape = nearness.shape(whole.less(nearness.sums(known.features[out], label[out], k)), kept)
    for place in np.flatnonzero(known.unit == left):
      score[place] = nearness.score(shape, known.features[known.image == place], int(named[place]))
  return named, score


def _threshold(score: Float[np.ndarray, " m"]) -> float:
  """Below lie as many of these photographs as REJECTED allows; of fewer than 1 / REJECTED none."""
  return float(np.sort(score)[int(REJECTED * len(score))])


def _accepted(
  known: Known, svms: Svms, decided: Float[np.ndarray, "p q"], alike: Bool[np.ndarray, "k k"]
) -> Int[np.ndarray, " k"]:
  """A camera and those like it are taken out, the threshold is found without them, and its photographs are judged."""
  found = np.full(len(alike), -1)
  for camera, like in enumerate(alike):
    if (~like).sum() < 2:
      continue
    _, score = _tried(known, svms, decided, np.flatnonzero(~like))
    threshold = _threshold(score[~like[known.camera]])
    found[camera] = (score[known.camera == camera] >= threshold).sum()
  return found
