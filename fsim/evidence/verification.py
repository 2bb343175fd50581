"""Whether a case holds: its chain, its files, the photographs it is about, the weights; and the same computed again.

Read is what lies in the folder, without following links there, and what case.json names as inputs, nothing else. What
it says is compared, never run: `again` is given the function that repeats.
"""

import contextlib
import json
import math
import os
import reprlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from fsim import run, weights
from fsim.boundary import fields, inputs
from fsim.boundary.errors import UserError
from fsim.boundary.inputs import Unreadable
from fsim.boundary.text import shown
from fsim.evidence import audit, case, shipped, signing
from fsim.evidence.audit import AUDIT, Chain
from fsim.evidence.case import CASE

RELATIVE, ABSOLUTE = 1e-4, 1e-9  # By which numbers may differ on another machine, which sums in another order.
GONE = "not there any more, not checked"
MAX_NAMED = 3  # Files in a line about several.


class Finding(NamedTuple):
  """What does not hold, or, where `checked` is False, what could not be checked. file: or another thing's name."""

  file: str
  cause: str
  checked: bool = True

  def __str__(self) -> str:
    return f"{shown(self.file)}: {shown(self.cause)[: inputs.LONGEST]}"


class Verification(NamedTuple):
  """said: case.json, {} where that cannot be read. remarks: lines about what is no fault."""

  said: dict[str, Any]
  findings: list[Finding]
  remarks: list[str]


Repetition = Callable[[dict[str, Any], Path], Any]  # (case.json, a folder to write in) -> the result, anew.


def verify(place: Path, public: Any = None) -> Verification:
  """Never raises for what lies in the folder. public: of `signing.read_public`, from outside the case."""
  try:
    said, broken = case.read(place), []
  except Unreadable as error:
    said, broken = {}, [Finding(str(error.path), error.cause)]
  findings = broken + _chain(place, said)
  if not said:
    return Verification({}, findings, [])
  findings += _outputs(place, said) + _inputs(said) + _held(said)
  if public is not None and (cause := signing.fault(public, said["head"], said["signature"])):
    findings.append(Finding(str(place / CASE), cause))
  return Verification(said, findings, _remarks(place, said))


def again(said: dict[str, Any], repeat: Repetition) -> list[Finding]:
  """The computation repeated, from where the command was given if that is still there, and its result compared."""
  there = said["directory"] if os.path.isdir(said["directory"]) else os.getcwd()
  try:
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(there):
      found = json.loads(audit.canonical(repeat(said, Path(folder))))
  except UserError as error:
    return [Finding(said["verb"], f"could not be computed again: {error}", checked=False)]
  differs = difference(said["result"], found)
  return [Finding(CASE, f"computed again, it differs: {differs}")] if differs else []


def difference(one: Any, other: Any, place: str = "result") -> str | None:
  """The first place where two values differ, with both; None if they do not. Of numbers, whole ones must be equal."""
  if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
    return next(filter(None, (difference(one[name], other[name], f"{place}.{name}") for name in one)), None)
  if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
    rows = enumerate(zip(one, other, strict=True))
    return next(filter(None, (difference(*pair, f"{place}.{k}") for k, pair in rows)), None)
  if {type(one), type(other)} <= {int, float} and float in (type(one), type(other)):
    near = abs(one) <= fields.MAX and abs(other) <= fields.MAX  # No whole number that is too large for a float.
    same = near and math.isclose(one, other, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
  else:
    same = type(one) is type(other) and not isinstance(one, (dict, list)) and one == other
  return None if same else f"{place} was {reprlib.repr(one)} and is {reprlib.repr(other)}"


def environment_differences(said: dict[str, Any]) -> list[str]:
  """How what computes here differs from what the case was made with."""
  here, there = run.flat(run.environment()), run.flat(said["environment"])
  other = {name: reprlib.repr(there.get(name)) for name in here if here[name] != there.get(name)}
  return [f"{name} {told}, here {here[name]!r}" for name, told in other.items()]


def _chain(place: Path, said: dict[str, Any]) -> list[Finding]:
  path = place / AUDIT
  try:
    case.require_own(path)
    chain = audit.read(path)
  except Unreadable as error:
    return [Finding(str(path), error.cause)]
  return _head(place, said, chain) if said else []


def _head(place: Path, said: dict[str, Any], chain: Chain) -> list[Finding]:
  """Whether case.json is what the last record says, and names it as the last."""
  path, n, told = str(place / AUDIT), len(chain.digests), said["head"]["records"]
  if n < told:
    return [Finding(path, f"cut: its records are {n}, and {CASE} speaks of {told}")]
  if n > told:
    return [Finding(path, f"its records are {n}, and {CASE} speaks of {told}: added, or a command was killed")]
  if chain.head != said["head"]:
    return [Finding(path, f"its last record is not the one of which {CASE} speaks: one of the two was changed")]
  other = [name for name in ("time", *case.CONTENT) if _spelled(chain.last, name) != _spelled(said, name)]
  return [Finding(str(place / CASE), f"the field {name!r} is not what the last record says") for name in other]


def _spelled(record: dict[str, Any], name: str) -> bytes | None:
  return audit.canonical(record[name]) if name in record else None


def _outputs(place: Path, said: dict[str, Any]) -> list[Finding]:
  findings = []
  for row in said["outputs"]:
    path = place / row["file"]
    try:
      case.require_own(path)
      cause = _changed(path, row)
    except Unreadable as error:
      cause = error.cause if os.path.lexists(path) else "missing"
    if cause:
      findings.append(Finding(str(path), cause))
  return findings


def _inputs(said: dict[str, Any]) -> list[Finding]:
  findings = []
  for row in said["inputs"]:
    path = located(said, row["path"])
    try:
      if cause := _changed(path, row):
        findings.append(Finding(row["path"], cause))
    except Unreadable as error:
      cause = f"{error.cause}, not checked" if os.path.exists(path) else GONE
      findings.append(Finding(row["path"], cause, checked=False))
  return findings


def located(said: dict[str, Any], path: str) -> Path:
  """An input: from where the command was given, else from here."""
  first = Path(said["directory"], path)
  return first if os.path.exists(first) else Path(path)


def _changed(path: Path, row: dict[str, Any]) -> str | None:
  sha256, size = inputs.sha256(path, case.MAX_FILE)
  if size != row["bytes"]:
    return f"changed: {size:,} bytes, and {CASE} says {row['bytes']:,}"
  return None if sha256 == row["sha256"] else f"changed: its SHA-256 is not that of {CASE}"


def _held(said: dict[str, Any]) -> list[Finding]:
  """Weights and calibration of this fsim against those that answered."""
  findings = []
  own = {row["sha256"] for row in said["inputs"]}  # Of files that were given, which are compared as inputs.
  for kind, holds in HELD.items():
    told = said[kind]
    if told is None or told["sha256"] in own:
      continue
    try:
      here = holds(told["name"])
    except UserError as error:
      findings.append(Finding(f"{kind} {told['name']}", f"not checked: {error}", checked=False))
      continue
    if here != told["sha256"]:
      cause = f"other {kind}: SHA-256 {told['sha256'][:12]} answered, and this fsim has {here[:12]}"
      findings.append(Finding(f"{kind} {told['name']}", cause))
  return findings


HELD: dict[str, Callable[[str], str]] = {  # Kind -> the SHA-256 of what this fsim has by a name; UserError if nothing.
  "weights": lambda name: weights.open(name).description.sha256,
  "calibration": shipped.digest,
}


def _remarks(place: Path, said: dict[str, Any]) -> list[str]:
  own = {row["file"] for row in said["outputs"]} | {*case.OWN, "lock"}
  others = sorted(name for name in os.listdir(place) if name not in own and not name.startswith("."))
  links = [row["path"] for row in said["inputs"] if os.path.islink(located(said, row["path"]))]
  lines = [(others, f"no part of the case, not named in {CASE}"), (links, "a link, and what it leads to was read")]
  return [f"{_some(names)}: {told}" for names, told in lines if names]


def _some(names: list[str]) -> str:
  more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
  return ", ".join(map(shown, names[:MAX_NAMED])) + more
