"""An outcome as JSON and as printed lines."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from fsim.boundary.text import shown
from fsim.evidence import verbal, words
from fsim.evidence.calibration import Ratio
from fsim.evidence.comparison import Answer
from fsim.evidence.exhibits import Exhibit
from fsim.evidence.scores import Score

if TYPE_CHECKING:
  from fsim.evidence.asking import Outcome


def result(outcome: "Outcome") -> dict[str, Any]:
  """What docs/compare.md says field by field."""
  camera, described = outcome.camera, outcome.chosen.described
  return {
    "hypotheses": dict(words.HYPOTHESES),
    "answers": [answer_facts(outcome, exhibit, answer) for exhibit, answer in outcome.answers],
    "references": {
      "used": [exhibit.context() for exhibit in outcome.references],
      "checked": camera.checked,
      "agreement": camera.agreement,
    },
    "left_out": outcome.left_out,
    "calibration": described._asdict(),
    "similarity": outcome.asked.told,
    "verbal_scale": verbal.scale()["name"],
  }


def answer_facts(outcome: "Outcome", exhibit: Exhibit, answer: Answer) -> dict[str, Any]:
  score = answer.score
  facts = {
    "questioned": str(exhibit.path),
    "statement": not score.reason,
    "sentence": words.sentence(answer),
    "hint": words.hint(answer, outcome.camera),
    "ratios": {name: ratio_facts(ratio) for name, ratio in words.by_name(answer).items()},
    "missed_of_1000": answer.missed,
    "outside_the_calibration": answer.outside,
    "context": exhibit.context(),
  }
  return facts if score.reason else facts | {"noise": noise_facts(answer)}


def ratio_facts(ratio: Ratio | None) -> dict[str, Any] | None:
  if ratio is None:
    return None
  support = verbal.support(ratio.log10)
  favours = {1: words.H1, -1: "the other", 0: "neither"}[support.favours]
  return ratio._asdict() | {"words": support.words, "favours": favours}


def noise_facts(answer: Answer) -> dict[str, Any]:
  score = answer.score
  assert score.found is not None
  assert score.quality is not None
  transform = score.found.transform
  return {
    "z": score.z,
    "pce": score.found.pce,
    "looks": score.n_looks,
    "aligned_z": score.aligned,
    "expected_z": answer.expected,
    "log10_false_alarm": score.false_alarm / math.log(10),
    "stages": list(score.tried),
    "stage": score.stage,
    "turns": transform.turns,
    "mirrored": transform.mirrored,
    "scale": transform.scale,
    "shift": list(score.found.shift),
    "pixels": score.pixels,
    "quality": score.quality._asdict(),
    "similarity": score.similarity,
    "no_similarity": score.no_similarity,
  }


def lines(outcome: "Outcome") -> Iterator[str]:
  """For people at a terminal."""
  for name, text in words.HYPOTHESES.items():
    yield f"{name}: {text}"
  yield f"references: {len(outcome.references)} ({outcome.camera.checked})"
  for exhibit, answer in outcome.answers:
    yield f"{shown(exhibit.path)}: {shown(words.sentence(answer))}"
    if not answer.score.reason:
      yield f"  {numbers(answer)}"
      yield f"  {found(answer.score)}, expected about {answer.expected:.1f}"
    if answer.outside:
      yield f"  beyond the calibration's data, and held at their edge: {', '.join(words.outside(answer))}"
    if hint := words.hint(answer, outcome.camera):
      yield f"  hint: {hint}"
  yield f"calibration: {shown(outcome.chosen.described.name)} (SHA-256 {outcome.chosen.described.sha256})"
  yield f"similarity: {outcome.asked.told}"


def numbers(answer: Answer) -> str:
  """The ratios with their bounds."""
  told = []
  for name, ratio in words.by_name(answer).items():
    if ratio is None:
      told.append(f"H1 against {name}: none, the calibration's data have no such pairs")
      continue
    low, high = verbal.number(ratio.low), verbal.number(ratio.high)
    told.append(f"H1 against {name}: ratio {verbal.number(ratio.log10)} (bounds {low} to {high})")
  return "; ".join(told)


def found(score: Score) -> str:
  return (
    f"{words.what_was_done(score)}: z {score.z:.1f}, paid for {score.n_looks:,.0f} looks {score.aligned:.1f} "
    f"(searched: {', '.join(score.tried)})"
  )
