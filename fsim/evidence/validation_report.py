"""The report of a validation as data: who was compared, what was measured and decided. Fields: docs/validation.md."""

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import fsim
from fsim.boundary.text import shown
from fsim.evidence import criteria, verbal
from fsim.evidence.compared import Compared
from fsim.evidence.criteria import FAIL, PASS, UNDECIDED, Criteria, Row
from fsim.evidence.shipped import Chosen
from fsim.evidence.validation import DRAWS, Line, Measured
from fsim.metrics.likelihood_ratio_intervals import Estimate

FORMAT = 1


class Source(NamedTuple):
  """name: of the folder or preset. rule: how the cameras were read from it. digest: of what was compared."""

  name: str
  rule: str
  digest: str


class Report(NamedTuple):
  """devices, models, photographs: in the comparisons. rows: the validation matrix of each line."""

  source: Source
  devices: int
  models: int
  photographs: int
  chosen: Chosen
  criteria: Criteria
  lines: list[Line]
  rows: list[list[Row]]
  left_out: list[tuple[Path, str]]


def of(
  source: Source,
  found: Compared,
  chosen: Chosen,
  by: Criteria,
  lines: list[Line],
  left_out: Sequence[tuple[Path, str]],
) -> Report:
  pairs = found.pairs
  devices, models = (len(set(pairs[f"{what}_a"]) | set(pairs[f"{what}_b"])) for what in ("device", "model"))
  rows = [criteria.judge(by, line) for line in lines]
  return Report(source, devices, models, found.photographs, chosen, by, lines, rows, list(left_out))


def counts(rows: Sequence[Row]) -> dict[str, int]:
  """How many are decided how."""
  return {decision: sum(row.decision == decision for row in rows) for decision in (PASS, FAIL, UNDECIDED)}


def sentence(report: Report) -> str:
  """What was found, over all."""
  number = counts([row for rows in report.rows for row in rows])
  total = sum(number.values())
  if not number[PASS] and not number[FAIL]:
    return f"None of {total} criteria could be decided (the matrix says why)."
  told = [
    f"{number[PASS]} of {total} criteria are met",
    f"{number[FAIL]} {'is' if number[FAIL] == 1 else 'are'} not" if number[FAIL] else "none is failed",
  ]
  if number[UNDECIDED]:
    told.append(f"{number[UNDECIDED]} could not be decided (the matrix says why)")
  return ", ".join(told).capitalize() + "."


def told(line: Line, rows: Sequence[Row]) -> str:
  """What was found of one method against one hypothesis, in a few sentences."""
  if line.reason:
    return f"no statement: {line.reason}."
  whole = line.strata[0]
  cost, best = whole.estimates["cllr"], whole.estimates["cllr_min"]
  strong, number = int(whole.estimates[criteria.COUNT].value), counts(rows)
  said = [
    f"Cllr {cost.value:.3f} of 1 bit, at best {best.value:.3f}; of {whole.different:,} comparisons of two devices "
    f"{strong or 'none'} {'have' if strong > 1 else 'has'} a ratio above 100 (the largest is "
    f"{verbal.number(whole.largest)})."
  ]
  if number[PASS] or number[FAIL]:
    said.append(f"Criteria: {number[PASS]} met, {number[FAIL]} not, {number[UNDECIDED]} not decided.")
  else:
    said.append(f"None of {len(rows)} criteria could be decided.")
  failed = [_named(row) for row in rows if row.decision == FAIL]
  return " ".join(said + [f"Not met: {', '.join(failed)}."] * bool(failed))


def _named(row: Row) -> str:
  """A criterion in a sentence, without its unit."""
  assert row.stratum is not None, "what is failed was measured"
  return f"{criteria.MEASURES[row.rule.measure].split(' (')[0]} ({row.stratum.name})"


def to_dict(report: Report, command: Sequence[str]) -> dict[str, Any]:
  """For JSON; names as they are, numbers that JSON does not have are null."""
  rules = [rule._asdict() for rule in report.criteria.rules]
  return {
    "format": FORMAT,
    "fsim": fsim.__version__,
    "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    "command": list(command),
    "source": report.source._asdict(),
    "counts": {"devices": report.devices, "models": report.models, "photographs": report.photographs},
    "calibration": report.chosen.described._asdict(),
    "criteria": report.criteria._asdict() | {"rules": rules},
    "draws": DRAWS,
    "sentence": sentence(report),
    "lines": [_line(line, rows) for line, rows in zip(report.lines, report.rows, strict=True)],
    "left_out": [{"file": str(path), "cause": cause} for path, cause in report.left_out],
  }


def _line(line: Line, rows: Sequence[Row]) -> dict[str, Any]:
  return {
    "method": line.method,
    "against": line.against,
    "measured": not line.reason,
    "reason": line.reason,
    "sentence": shown(told(line, rows)),
    "matrix": [_row(row) for row in rows],
    "strata": [_stratum(measured) for measured in line.strata],
  }


def _row(row: Row) -> dict[str, Any]:
  stratum = row.stratum
  counted = () if stratum is None else ("devices", "pairs", "same", "different")
  return row.rule._asdict() | {
    "stratum": stratum.name if stratum else None,
    "data": {name: getattr(stratum, name) for name in counted},
    "result": None if row.estimate is None else _numbers(row.estimate),
    "decision": row.decision,
    "interval_reaches_over": row.beyond,
    "strata_not_decided": row.undecided,
    "cause": row.cause,
  }


def _stratum(measured: Measured) -> dict[str, Any]:
  plain = measured._asdict()
  estimates = {name: _numbers(estimate) for name, estimate in plain.pop("estimates").items()}
  return plain | {"measures": estimates}


def _numbers(estimate: Estimate) -> dict[str, float | None]:
  return {name: value if math.isfinite(value) else None for name, value in estimate._asdict().items()}
