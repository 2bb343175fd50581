"""Answers in words: what was found, how strongly it supports what, and what to do where it says little."""

import math

from fsim.evidence import verbal
from fsim.evidence.calibration import Ratio
from fsim.evidence.comparison import Answer
from fsim.evidence.scores import Known, Score
from fsim.metrics.scores import OTHER_MODEL, SAME_MODEL
from fsim.prnu import pictures

H1 = "H1"
NAMES = {"H2a": SAME_MODEL, "H2b": OTHER_MODEL}  # Of the hypotheses against H1, as the calibration calls them.
HYPOTHESES = {
  H1: "the device that took the references took the questioned photograph",
  "H2a": "another device of the same model took it",
  "H2b": "a device of another model took it",
}
OTHERS = {"H2a": "another device of the same model", "H2b": "a device of another model"}
FIRST = "H2b"  # Which is spoken of first: the largest data are about it.
NO_EXCLUSION = "Absence of a match is no exclusion"
ENOUGH = 5  # References.
SAME_FILE = ("the same file", "the same picture", "this very")  # How reasons of `Candidate.holds` begin.
SIZES = "sizes differ"  # And that of sizes.
FOUND = math.log(1e-4)  # Natural logarithm of the false-alarm probability from which on a peak is spoken of.
FEATURES = {  # Of `fsim.evidence.quality`, and the number of pixels.
  "information": "how much sensor noise the picture lets through",
  "deviation": "strength of the noise and of the texture left in it",
  "texture": "how much of the noise the filter lets through",
  "intensity": "brightness",
  "saturated": "saturated area",
  "dark": "dark area",
  "step": "strength of the JPEG compression",
  "pixels": "number of pixels",
}


def sentence(answer: Answer) -> str:
  """The answer in one sentence; where nothing matches a second one says what that is worth."""
  if answer.score.reason:
    return f"No statement: {answer.score.reason}."
  said = [_supported(name, ratio) for name, ratio in by_name(answer).items() if ratio is not None]
  found = "; ".join(said)
  found = f"{found[0].upper()}{found[1:]}."
  return found if matches(answer) else f"{found} {missed(answer)}"


def by_name(answer: Answer) -> dict[str, Ratio | None]:
  """H2b and H2a in the order in which they are spoken of."""
  return {name: answer.ratios[NAMES[name]] for name in sorted(NAMES, key=lambda name: name != FIRST)}


def matches(answer: Answer) -> bool:
  """Whether the findings support H1 against another model."""
  ratio = answer.ratios[NAMES[FIRST]]
  return ratio is not None and verbal.support(ratio.log10).favours > 0


def missed(answer: Answer) -> str:
  """What the absence of a match is worth."""
  return (
    f"{NO_EXCLUSION}: of a thousand photographs like these that one camera took, "
    f"{f'about {answer.missed}' if answer.missed else 'fewer than one'} would have no ratio above 1."
  )


def _supported(name: str, ratio: Ratio) -> str:
  support, other, times = verbal.support(ratio.log10), OTHERS[name], verbal.number(abs(ratio.log10))
  if not support.favours:
    return f"{support.words}, the device of the references or {other} (ratio {verbal.number(ratio.log10)})"
  edge = ", the most that the calibration's data bear out" if ratio.at_bound else ""
  if support.favours > 0:
    return (
      f"{support.words} for the device of the references rather than {other} "
      f"(the findings are {times} times likelier then{edge})"
    )
  return (
    f"{support.words} for {other} rather than the device of the references "
    f"(the findings are {times} times likelier then{edge})"
  )


def stands_out(score: Score) -> bool:
  """Whether the best look is no chance."""
  return score.false_alarm is not None and score.false_alarm <= FOUND


def what_was_done(score: Score) -> str:
  """How the questioned file lies against the references, if the best look is no chance."""
  assert score.found is not None
  if not stands_out(score):
    return "no peak stands out"
  transform, shift = score.found.transform, score.found.shift
  parts = ["mirrored"] if transform.mirrored else []
  parts += [f"turned by {90 * transform.turns} degrees"] if transform.turns else []
  parts += [f"resized by {transform.scale:.4g}"] if transform.scale != 1 else []
  parts += [f"shifted by {shift[0]} rows and {shift[1]} columns"] if any(shift) else []
  return ", ".join(parts) or "aligned"


def outside(answer: Answer) -> list[str]:
  """What is beyond the calibration's data."""
  return [FEATURES[name] for name in answer.outside]


def hint(answer: Answer, camera: Known) -> str:
  """What the examiner can do about an answer that says little; "" where there is nothing."""
  reason = answer.score.reason
  if reason.startswith(SIZES):
    height, width = camera.candidate.pattern.shape
    return f"give references of the questioned photograph's size, or a photograph that lies within {width}x{height}"
  if reason.startswith(SAME_FILE):
    return "leave it out of --with: a photograph is no evidence about itself"
  if pictures.SAME in reason:
    return "leave that one out of --with, or cut off on both sides what both show (in steps of 8 pixels)"
  if reason:
    return "give another photograph, of more light and texture, as the camera saved it"
  if matches(answer):
    return ""
  count = len(camera.qualities)
  if count < ENOUGH:
    return f"usable references: {count}; {ENOUGH} or more of one size show more"
  if answer.score.stage != "aligned":
    return "if the file was cut, turned or resized, ask for the original: every look of the search is paid for"
  return ""
