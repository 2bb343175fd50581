"""The page of a validation: one file, without scripts, that opens offline."""

import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from fsim.boundary.text import shown
from fsim.evidence import criteria, strata, validation_report, verbal
from fsim.evidence.criteria import FAIL, MEASURES, PASS, Row, Rule
from fsim.evidence.validation import BOTH, COUNT, DRAWS, MOST, NOISE, SIMILARITY, Line, Measured
from fsim.evidence.validation_report import Report
from fsim.metrics.likelihood_ratio_intervals import Estimate
from fsim.metrics.scores import OTHER_MODEL, SAME_MODEL
from fsim.report import likelihood_ratio_figures as figures
from fsim.report.templates import made_by, page

LEFT_OUT = 200  # Files that are named; of more their number.
NAMES = {
  NOISE: "Sensor noise",
  SIMILARITY: "Similarity of camera models",
  BOTH: "Sensor noise and similarity",
}
AGAINST = {SAME_MODEL: "H2a, another device of the same model", OTHER_MODEL: "H2b, a device of another model"}
PICTURES = {
  "accuracy": ("ECE", "Tippett"),
  "discriminating power": ("DET", "ECE"),
  "calibration": ("PAV", "Tippett"),
  "robustness": ("strata",),
  "coherence": ("strata",),
  "generalisation": ("PAV", "strata"),
}
CLASSES = {PASS: "holds", FAIL: "fails"}
TELLS = {
  "accuracy": "how close the ratios are to the truth",
  "discriminating power": "how well they part one device from two, whatever their size",
  "calibration": "whether a ratio of 100 means a hundred",
  "robustness": "whether they hold on photographs that show little",
  "coherence": "whether more to see makes them better",
  "generalisation": "whether they hold as well here as on what they were learned from",
}


def build(report: Report, command: Sequence[str]) -> bytes:
  made = report.criteria
  return page(
    "validation.html",
    source={name: shown(text) for name, text in report.source._asdict().items()},
    report=report,
    sentence=validation_report.sentence(report),
    lines=[_line(k, *both) for k, both in enumerate(zip(report.lines, report.rows, strict=True), start=1)],
    tells=TELLS,
    calibration=report.chosen.described._asdict() | {"name": shown(report.chosen.described.name)},
    limits=[shown(limit) for limit in report.chosen.calibration.card["limits"]],
    criteria=made._asdict() | {"name": shown(made.name), "source": shown(made.source)},
    rules=[(rule, MEASURES[rule.measure], _limit(rule)) for rule in made.rules],
    left_out=[(shown(path), shown(cause)) for path, cause in report.left_out[:LEFT_OUT]],
    draws=DRAWS,
    most=f"{MOST:,}",
    **made_by(command),
  )


def _line(number: int, line: Line, rows: Sequence[Row]) -> dict[str, Any]:
  told = {
    "number": number,
    "name": NAMES[line.method],
    "against": AGAINST[line.against],
    "sentence": shown(validation_report.told(line, rows)),
    "measured": not line.reason,
  }
  if line.curves is None:
    return told
  return told | {
    "rows": [_row(row) for row in rows],
    "pictures": _pictures(line),
    "strata": [_stratum(measured) for measured in line.strata],
  }


def _row(row: Row) -> dict[str, Any]:
  rule = row.rule
  return {
    "characteristic": rule.characteristic,
    "measure": MEASURES[rule.measure],
    "pictures": PICTURES[rule.characteristic],
    "criterion": _limit(rule),
    "data": rule.strata if row.stratum is None else _data(rule.strata, row.stratum),
    "result": "none" if row.estimate is None else _estimate(rule.measure, row.estimate),
    "decision": row.decision,
    "class": CLASSES.get(row.decision, "open"),
    "notes": _notes(row),
  }


def _limit(rule: Rule) -> str:
  unit = _unit(rule.measure)
  return f"≤ {rule.at_most * (100 if unit else 1):g}{unit}"


def _notes(row: Row) -> list[str]:
  if row.cause:
    return [row.cause]
  notes = ["interval crosses it"] if row.beyond else []
  if row.undecided:
    notes.append(f"{row.undecided} part{'' if row.undecided == 1 else 's'} with too few data")
  return notes


def _data(group: str, stratum: Measured) -> str:
  worst = "" if len(strata.GROUPS[group]) == 1 else "at worst: "
  return (
    f"{worst}{stratum.name}; {stratum.devices:,} devices, {stratum.pairs:,} pairs; "
    f"{stratum.same:,} + {stratum.different:,}"
  )


def _estimate(measure: str, found: Estimate) -> str:
  if found.low == found.high or math.isnan(found.low):
    return _amount(measure, found.value)
  value, low, high = (_number(measure, x) for x in found)
  return f"{value} [{low} to {high}]{_unit(measure)}"


def _amount(measure: str, value: float) -> str:
  """With its unit where that is not in the name."""
  return _number(measure, value) + _unit(measure)


def _number(measure: str, value: float) -> str:
  if math.isnan(value):
    return "none"
  if measure == COUNT:
    return f"{value:,.0f}"
  text = f"{100 * value:.1f}" if _unit(measure) else f"{value:.3f}"
  return text.replace("-", "−")


def _unit(measure: str) -> str:
  """Shares are in percent."""
  return " %" if MEASURES[measure].endswith("(share)") or measure == "eer" else ""


def _stratum(measured: Measured) -> dict[str, Any]:
  estimates = measured.estimates
  shown_of = ("cllr", "cllr_min", "cllr_cal", "different_above_1", "same_below_1")
  return {
    "name": measured.name,
    "devices": f"{measured.devices:,} / {measured.pairs:,}",
    "comparisons": f"{measured.same:,} / {measured.different:,}",
    "measures": [_estimate(name, estimates[name]) for name in shown_of],
    "strong": f"{estimates[criteria.COUNT].value:.0f} ({verbal.number(measured.largest)})",
  }


def _pictures(line: Line) -> list[dict[str, Any]]:
  curves = line.curves
  assert curves is not None, "a line that is measured has curves"
  rows = [(one.name, one.estimates["cllr"], one.estimates["cllr_min"]) for one in line.strata]
  drawn = {
    "ECE": figures.ece(curves),
    "Tippett": figures.tippett(curves),
    "DET": figures.det(curves),
    "PAV": figures.pav(curves),
    "strata": figures.strata(rows),
  }
  captions = _captions(line.strata[0].estimates, curves.different)
  return [{"name": name, "svg": Markup(svg), "caption": captions[name]} for name, svg in drawn.items()]


def _captions(found: dict[str, Estimate], different: int) -> dict[str, str]:
  said = {name: _estimate(name, estimate) for name, estimate in found.items()}
  return {
    "ECE": "Empirical cross-entropy: what somebody who uses the ratios still does not know, by the odds before. At "
    f"even odds {said['cllr']} bits, at best {said['cllr_min']}.",
    "Tippett": "Tippett plot: how many comparisons have at least the ratio. What is orange right of 1 misleads, and "
    "what is missing of the green at 1.",
    "DET": f"Detection error tradeoff, from 1 false alarm in {different:,} on. Equal error rate {said['eer']}.",
    "PAV": "Pool adjacent violators: on the dashed line the ratios are calibrated. devPAV "
    f"{said['devpav']} powers of ten.",
    "strata": "Cllr of every part of the comparisons, with its interval, and its minimum.",
  }
