"""Fields of JSON from anybody: which there are, of which type, and within which bounds."""

import reprlib
from collections.abc import Callable, Collection, Mapping
from math import inf, isfinite
from pathlib import Path
from typing import Any, NamedTuple

from fsim.boundary.inputs import Unreadable

MAX = 1e300  # Of a number: no setting is so large, and sums of such numbers stay finite.


class Rule(NamedTuple):
  """Whether a value is allowed, and the words for what is."""

  allows: Callable[[Any], bool]
  words: str


FLAG = Rule(lambda value: isinstance(value, bool), "true or false")
TEXT = Rule(lambda value: isinstance(value, str), "text")
OBJECT = Rule(lambda value: isinstance(value, dict), "an object")


def whole(least: int, most: int) -> Rule:
  """A whole number from `least` to `most`; true and false are none."""
  return Rule(lambda value: type(value) is int and least <= value <= most, f"a whole number from {least} to {most:,}")


def number(least: int | float = -inf, most: int | float = inf) -> Rule:
  """A finite number within these bounds; true and false are none."""

  def allows(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= MAX and least <= value <= most

  bounds = f" from {least:g} to {most:g}" if isfinite(least) and isfinite(most) else ""
  return Rule(allows, f"a finite number{bounds}")


def one_of(known: Collection[str]) -> Rule:
  return Rule(lambda value: isinstance(value, str) and value in known, f"one of {', '.join(known)}")


def object_of(rules: Mapping[str, Rule]) -> Rule:
  """An object that has these fields and no others, each as its rule says."""

  def allows(value: Any) -> bool:
    if not OBJECT.allows(value) or value.keys() != rules.keys():
      return False
    return all(rule.allows(value[name]) for name, rule in rules.items())

  return Rule(allows, f"an object of {', '.join(rules)}")


def require(path: Path, values: Mapping[str, Any], rules: Mapping[str, Rule], inside: str = "") -> None:
  """Raises Unreadable unless there are these fields and no others, each as its rule says. `inside`: their prefix."""
  for name, rule in rules.items():
    if name not in values:
      raise Unreadable(path, f"the field {inside + name!r} is missing")
    if not rule.allows(values[name]):
      raise Unreadable(path, f"the field {inside + name!r} must be {rule.words}, and is {reprlib.repr(values[name])}")
  if values.keys() - rules.keys():
    raise Unreadable(path, f"the field {inside + min(values.keys() - rules.keys())!r} is unknown")
