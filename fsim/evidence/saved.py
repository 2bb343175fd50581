"""A calibration as one JSON file, bound by its own SHA-256 and read strictly. Fields: docs/compare.md.

The SHA-256 is that of the file's JSON without the field `sha256`, keys sorted, no spaces.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from fsim.boundary import console, fields, inputs
from fsim.boundary.errors import UserError
from fsim.boundary.fields import TEXT, Rule
from fsim.boundary.inputs import Unreadable
from fsim.boundary.text import shown
from fsim.evidence.calibration import HYPOTHESES, Calibration, Line
from fsim.evidence.expected import Predictor, Spread, Tail
from fsim.evidence.quality import NAMES
from fsim.metrics.scores import OTHER_MODEL

FORMAT = 2  # Goes up with what an older fsim cannot read.
MAX_BYTES = 1 << 22
RATIOS = 2000  # Most ratios of left-out devices that are kept of a hypothesis.
LARGEST = 1e6  # Of a parameter.


def _numbers(least: int, most: int, low: int | float = -LARGEST, high: int | float = LARGEST) -> Rule:
  one = fields.number(low, high)
  size = f"{least}" if least == most else f"{least} to {most}"
  words = f"a list of {size} numbers from {low:g} to {high:g}"

  def allows(value: Any) -> bool:
    return isinstance(value, list) and least <= len(value) <= most and all(map(one.allows, value))

  return Rule(allows, words)


_OPTIONAL = Rule(lambda value: value is None or isinstance(value, dict), "an object or null")
_TEXTS = Rule(lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value), "a list of texts")
_COUNT = fields.whole(0, 1 << 40)
_FEATURES = _numbers(len(NAMES), len(NAMES))
TOP = {
  "format": fields.whole(FORMAT, FORMAT),
  "card": fields.OBJECT,
  "predictor": fields.OBJECT,
  "spread": fields.OBJECT,
  "unrelated": fields.OBJECT,
  "lines": fields.OBJECT,
  "fused": _OPTIONAL,
  "sha256": TEXT,
}
CARD = {
  "name": TEXT,
  "command": TEXT,
  "fsim": TEXT,  # Its version.
  "data": _TEXTS,  # What was learned from, in words.
  "counts": fields.OBJECT,  # What -> how many.
  "figures": fields.OBJECT,  # What, of devices left out -> value.
  "limits": _TEXTS,
  "similarity": TEXT,  # SHA-256 of the weights whose log-odds were learned; "" without.
  "left_out": fields.OBJECT,  # Hypothesis -> same, different: ratios (log10) of devices left out, sorted.
}
PREDICTOR = {
  "features": Rule(lambda value: value == list(NAMES), f"the list {', '.join(NAMES)}"),
  "offset": fields.number(-100, 100),
  "single": fields.number(-10, 10),
  "slopes": _FEATURES,
  "centre": _FEATURES,
  "scale": _numbers(len(NAMES), len(NAMES), 1e-9, LARGEST),
  "low": _FEATURES,
  "high": _FEATURES,
  "pixels": _numbers(2, 2, 1.0, 1e12),
}
_SHARE = fields.number(1e-9, 1 - 1e-9)
SPREAD = {"camera": fields.number(1e-3, 10), "photograph": fields.number(0, 10), "gone": _SHARE, "lost": _SHARE}
TAIL = {"deviation": fields.number(0.1, 100), "far": fields.number(1e-12, 1 - 1e-9), "wide": fields.number(0.1, 1000)}
LINE = {
  "slope": fields.number(1e-3, 1000),
  "offset": fields.number(-1000, 1000),
  "low": fields.number(-100, 0),
  "high": fields.number(0, 100),
  "devices": _COUNT,
  "pairs": _COUNT,
  "similarity": fields.number(0, 1000),
}
SIDES = {"same": _numbers(0, RATIOS, -50, 50), "different": _numbers(0, RATIOS, -50, 50)}


def to_bytes(made: Calibration) -> bytes:
  """Raises ValueError for numbers that JSON does not have."""
  predictor = {name: _plain(value) for name, value in made.predictor._asdict().items()}
  found = {
    "format": FORMAT,
    "card": dict(made.card),
    "predictor": {"features": list(NAMES)} | predictor,
    "spread": _plain(made.spread._asdict()),
    "unrelated": {name: _plain(tail._asdict()) for name, tail in made.unrelated.items()},
    "lines": {name: _plain(line._asdict()) for name, line in made.lines.items()},
    "fused": None if made.fused is None else _plain(made.fused._asdict()),
  }
  return console.to_json(found | {"sha256": _digest(found)}).encode() + b"\n"


def load(path: Path) -> Calibration:
  """Raises Unreadable for what `to_bytes` does not write, UserError for one of a newer fsim."""
  found = inputs.read_json(path, "format", "sha256", limit=MAX_BYTES)
  if type(found["format"]) is int and found["format"] > FORMAT:
    raise UserError(f"{shown(path)}: of a newer fsim (format {found['format']}): install that one")
  fields.require(path, found, TOP)
  if found["sha256"] != _digest({name: value for name, value in found.items() if name != "sha256"}):
    raise Unreadable(path, "its SHA-256 is not that of what it holds: it was changed")
  for name, rules in (("card", CARD), ("predictor", PREDICTOR), ("spread", SPREAD)):
    fields.require(path, found[name], rules, f"{name}.")
  _require_hypotheses(path, found)
  predictor = {name: _array(value) for name, value in found["predictor"].items() if name != "features"}
  made = Predictor(**predictor | {"pixels": tuple(found["predictor"]["pixels"])})
  if (made.low > made.high).any() or made.pixels[0] > made.pixels[1]:
    raise Unreadable(path, "a range of its predictor ends before it begins")
  return Calibration(
    made,
    Spread(**found["spread"]),
    {name: Tail(**tail) for name, tail in found["unrelated"].items()},
    {name: Line(**line) for name, line in found["lines"].items()},
    None if found["fused"] is None else Line(**found["fused"]),
    found["card"],
  )


def _require_hypotheses(path: Path, found: dict[str, Any]) -> None:
  """One tail and one line for each, and that of another model is there."""
  kept = found["card"]["left_out"]
  for inside, rules in (("unrelated", TAIL), ("lines", LINE)):
    for name, value in found[inside].items():
      _require_object(path, value, rules, f"{inside}.{name}.")
  for name, value in kept.items():
    _require_object(path, value, SIDES, f"card.left_out.{name}.")
  if found["fused"] is not None:
    fields.require(path, found["fused"], LINE, "fused.")
  names = set(found["lines"])
  if names != set(found["unrelated"]) or not names <= set(HYPOTHESES) or OTHER_MODEL not in names:
    raise Unreadable(path, f"hypotheses must be {' and '.join(HYPOTHESES)}, and are {', '.join(sorted(names))}")


def _require_object(path: Path, value: Any, rules: dict[str, Rule], inside: str) -> None:
  if not isinstance(value, dict):
    raise Unreadable(path, f"the field {inside[:-1]!r} must be an object")
  fields.require(path, value, rules, inside)


def _digest(found: dict[str, Any]) -> str:
  text = json.dumps(found, sort_keys=True, separators=(",", ":"), allow_nan=False)
  return hashlib.sha256(text.encode()).hexdigest()


def _array(value: Any) -> Any:
  return np.array(value, np.float64) if isinstance(value, list) else value


def _plain(value: Any) -> Any:
  """Arrays and NumPy's numbers as JSON has them."""
  if isinstance(value, dict):
    return {name: _plain(one) for name, one in value.items()}
  if isinstance(value, tuple | np.ndarray):
    return [_plain(one) for one in value]
  return value if isinstance(value, int | str) else float(value)
