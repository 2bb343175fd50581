"""The criteria of a validation: a JSON file that a laboratory may replace (docs/validation.md), and decisions."""

import math
from pathlib import Path
from typing import Any, NamedTuple

from fsim.boundary import fields, inputs
from fsim.boundary.inputs import Unreadable
from fsim.evidence import strata
from fsim.evidence.calibration import HYPOTHESES
from fsim.evidence.validation import BEYOND_LEARNING, COUNT, METHODS, MISSED, RISE, Line, Measured
from fsim.metrics.likelihood_ratio_intervals import Estimate

DEFAULT = Path(__file__).parent / "validation_criteria.json"
FORMAT = 1
MAX_BYTES = 1 << 20
MOST_RULES = 200
ANY = "any"
CHARACTERISTICS = (
  "accuracy",
  "discriminating power",
  "calibration",
  "robustness",
  "coherence",
  "generalisation",
)
MEASURES = {  # With what people read.
  "cllr": "Cllr (bits)",
  "cllr_min": "Cllr_min (bits)",
  "cllr_cal": "Cllr_cal (bits)",
  "devpav": "devPAV (powers of ten)",
  "eer": "equal error rate",
  "different_above_1": "two devices with a ratio above 1 (share)",
  "different_above_10": "two devices with a ratio above 10 (share)",
  "different_above_100": "two devices with a ratio above 100 (share)",
  "same_below_1": "one device with a ratio below 1 (share)",
  "same_below_0.1": "one device with a ratio below 1/10 (share)",
  "same_below_0.01": "one device with a ratio below 1/100 (share)",
  COUNT: "two devices with a ratio above 100 (comparisons)",
  RISE: "largest rise of Cllr where there is more to see (bits)",
  BEYOND_LEARNING: "Cllr_cal beyond that of the calibration's own left-out devices (bits)",
  MISSED: "one device with a ratio of 1 or less, beyond what the answers told (share)",
}
PASS, FAIL, UNDECIDED = "pass", "fail", "not decided"
VALUE, INTERVAL = "value", "interval"

_RULES = fields.Rule(
  lambda x: isinstance(x, list) and 0 < len(x) <= MOST_RULES and all(isinstance(one, dict) for one in x),
  f"a list of 1 to {MOST_RULES} objects",
)
TOP = {
  "format": fields.whole(1, FORMAT),
  "name": fields.TEXT,
  "source": fields.TEXT,
  "min_devices": fields.whole(2, 1_000_000),
  "min_pairs": fields.whole(1, 1_000_000),
  "decide_by": fields.one_of((VALUE, INTERVAL)),
  "rules": _RULES,
}
RULE = {
  "characteristic": fields.one_of(CHARACTERISTICS),
  "measure": fields.one_of(MEASURES),
  "strata": fields.one_of(strata.GROUPS),
  "method": fields.one_of((ANY, *METHODS)),
  "against": fields.one_of((ANY, *HYPOTHESES)),
  "at_most": fields.number(-1e6, 1e6),
}


class Rule(NamedTuple):
  """What may be at most so much: in each stratum of a group, for a method (or any) against a hypothesis (or any)."""

  characteristic: str
  measure: str
  strata: str
  method: str
  against: str
  at_most: float

  def concerns(self, line: Line) -> bool:
    return self.method in (ANY, line.method) and self.against in (ANY, line.against)


class Criteria(NamedTuple):
  """min_devices, min_pairs: of devices and of pairs of two devices; with fewer there is no decision.

  decide_by: the value, or the whole of its interval. sha256: of the file.
  """

  name: str
  source: str
  min_devices: int
  min_pairs: int
  decide_by: str
  rules: list[Rule]
  sha256: str


class Row(NamedTuple):
  """A line of the validation matrix.

  stratum: the worst of those that could be decided, else of all; None where nothing was measured. beyond: whether the
  interval reaches over the criterion. undecided: how many strata had too few data. cause: of no decision.
  """

  rule: Rule
  stratum: Measured | None
  estimate: Estimate | None
  decision: str
  beyond: bool
  undecided: int
  cause: str


def load(own: Path | None) -> Criteria:
  """The file given, else that of fsim. Raises Unreadable for one that says something else than docs/validation.md."""
  path = DEFAULT if own is None else own
  found = inputs.read_json(path, *TOP, limit=MAX_BYTES)
  fields.require(path, found, TOP)
  for place, rule in enumerate(found["rules"]):
    fields.require(path, rule, RULE, f"rules[{place}].")
    if rule["measure"] == RISE and rule["strata"] not in strata.ORDERED:
      raise Unreadable(path, f"rules[{place}]: {RISE} is of the strata {' or '.join(strata.ORDERED)}")
    if rule["measure"] == BEYOND_LEARNING and rule["strata"] != strata.ALL:
      raise Unreadable(path, f"rules[{place}]: {BEYOND_LEARNING} is of the strata {strata.ALL}")
  plain: dict[str, Any] = {name: found[name] for name in Criteria._fields if name in TOP and name != "rules"}
  return Criteria(
    **plain,
    rules=[Rule(**rule | {"at_most": float(rule["at_most"])}) for rule in found["rules"]],
    sha256=inputs.sha256(path, MAX_BYTES)[0],
  )


def judge(criteria: Criteria, line: Line) -> list[Row]:
  """Of every rule that concerns the line; none of one that is not measured."""
  return [] if line.reason else [_judged(criteria, line, rule) for rule in criteria.rules if rule.concerns(line)]


def _judged(criteria: Criteria, line: Line, rule: Rule) -> Row:
  told = _told(line, rule)
  if not told:
    return Row(rule, None, None, UNDECIDED, False, 0, "this cannot be measured here")
  enough = [(m, e) for m, e in told if _enough(criteria, rule, m, e)]
  decisions = [_decision(criteria, e, rule.at_most) for _, e in enough]
  decision = next((d for d in (FAIL, UNDECIDED, PASS) if d in decisions), UNDECIDED)
  deciding = [one for one, own in zip(enough, decisions, strict=True) if own == decision]
  worst, estimate = max(deciding or told, key=lambda one: one[1].value)
  beyond = estimate.low <= rule.at_most < estimate.high
  cause = "the interval crosses the criterion" if decision == UNDECIDED else ""
  if not enough:
    cause = f"{worst.devices} devices, {worst.pairs} pairs of two: too few"
  return Row(rule, worst, estimate, decision, beyond, len(told) - len(enough), cause)


def _enough(criteria: Criteria, rule: Rule, measured: Measured, estimate: Estimate) -> bool:
  """What was counted and is too much stays so, however few the data."""
  counted = rule.measure == COUNT and estimate.value > rule.at_most
  return counted or (measured.devices >= criteria.min_devices and measured.pairs >= criteria.min_pairs)


def _told(line: Line, rule: Rule) -> list[tuple[Measured, Estimate]]:
  """The strata that have the measure, with its values."""
  if rule.measure == RISE:
    return [line.rises[rule.strata]] if rule.strata in line.rises else []
  found = [(m, m.estimates.get(rule.measure)) for m in line.strata if m.group == rule.strata]
  return [(m, e) for m, e in found if e is not None and not math.isnan(e.value)]


def _decision(criteria: Criteria, estimate: Estimate, at_most: float) -> str:
  if criteria.decide_by == VALUE:
    return PASS if estimate.value <= at_most else FAIL
  if math.isnan(estimate.high):
    return UNDECIDED
  return PASS if estimate.high <= at_most else FAIL if estimate.low > at_most else UNDECIDED
