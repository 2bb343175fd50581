"""Do these photographs come from the camera that took those? What `fsim compare` asks, in Python.

camera = comparison.known(references)
for questioned in photographs:
  answer = comparison.compare(questioned, camera, calibration)
"""

import math
from typing import NamedTuple

import numpy as np

from fsim.data.given import Image
from fsim.evidence import calibration as calibrated
from fsim.evidence import scores
from fsim.evidence.calibration import HYPOTHESES, Calibration, Ratio, Trials
from fsim.evidence.expected import References
from fsim.evidence.scores import Known, Score
from fsim.evidence.scores import known as known
from fsim.evidence.similarity import Similarity


class Answer(NamedTuple):
  """Of one questioned photograph.

  Attributes:
    ratios: likelihood ratio of H1 (one camera) against each other hypothesis (fsim.metrics.scores); None where the
      calibration knows none, or nothing could be compared.
    expected: z that a camera of middle strength would show with these photographs, all looks paid for.
    missed: of a thousand photographs like these, of one camera, how many would have no ratio above 1 against another
      model.
    outside: what of these photographs is beyond the data of the calibration, and was held at their edge.
  """

  score: Score
  ratios: dict[str, Ratio | None]
  expected: float | None
  missed: int | None
  outside: list[str]


def compare(
  questioned: Image,
  camera: Known,
  calibration: Calibration,
  similarity: Similarity | None = None,
  search: bool = True,
) -> Answer:
  """Never raises for what the questioned file holds: `score.reason` says why there is no statement."""
  return answer(scores.score(questioned, camera, similarity, search), camera, calibration)


def answer(score: Score, camera: Known, calibration: Calibration) -> Answer:
  if score.reason:
    return Answer(score, dict.fromkeys(HYPOTHESES), None, None, [])
  trials = trials_of(score, camera)
  ratios = {name: calibrated.ratios(calibration, trials, name)[0] for name in HYPOTHESES}
  hypothesis = HYPOTHESES[1]
  missed = round(1000 * float(calibrated.missed(calibration, trials, hypothesis)[0]))
  outside = calibration.predictor.outside(score.quality.features(), score.pixels)
  return Answer(score, ratios, float(calibrated.expected_z(calibration, trials)[0]), missed, outside)


def trials_of(score: Score, camera: Known) -> Trials:
  """One trial. Raises ValueError without a statement."""
  if score.quality is None or score.aligned is None:
    raise ValueError(f"no statement: {score.reason}")
  references = References(np.stack([quality.features() for quality in camera.qualities]), camera.square)
  number = lambda value: np.array([math.nan if value is None else value], np.float64)  # noqa: E731
  return Trials(
    z=number(score.aligned),
    n_looks=number(score.n_looks),
    pixels=number(score.pixels),
    questioned=score.quality.features()[None],
    references=[references],
    which=np.zeros(1, int),
    agreement=number(camera.agreement),
    similarity=number(score.similarity),
  )
