"""Labels from file names: Dresden's, or those of another data set by a regular expression that the user gives."""

import functools
import re
from pathlib import PurePosixPath
from typing import NamedTuple

from fsim.boundary.errors import UserError
from fsim.data.dresden import names
from fsim.data.dresden.names import BadName, Name, Repairs

GROUPS = ("model", "camera", "make", "instance", "shot", "scene")
CAMERAS = {"f": "front", "front": "front", "r": "rear", "rear": "rear", "b": "rear", "back": "rear"}


class Pattern(NamedTuple):
  """How labels are made from names of another form: `expression` matches the whole name, large or small letters.

  Its named groups are some of GROUPS. model is needed; camera (a key of CAMERAS) makes "IP5" the model "IP5-front" or
  "IP5-rear"; make goes before it; instance tells devices of a model apart, else there is one; shot is a number; scene
  is what images have in common that must not stand on two sides of a split, such as a subject.
  """

  expression: str


class Labels(NamedTuple):
  name: Name
  scene: str  # "" if the file's name does not say.
  identity: int | str  # No two images of a device and a subset have the same.


def of_expression(expression: str) -> Pattern:
  """Raises UserError for what is no regular expression, or has other groups than it should."""
  try:
    groups = re.compile(expression).groupindex
  except re.error as error:
    raise UserError(f"the pattern {expression!r} is not a regular expression: {error}") from error
  unknown = sorted(set(groups) - set(GROUPS))
  if unknown or "model" not in groups:
    said = f"has the unknown group {unknown[0]}" if unknown else "lacks the group model"
    others = ", ".join(GROUPS[1:])
    raise UserError(f"the pattern {expression!r} {said}; its groups are (?P<model>...) and, if wanted, {others}")
  return Pattern(expression)


def read(file: str, rules: Repairs | Pattern) -> Labels:
  """Labels of a file, from the last part of its path. Raises BadName."""
  if isinstance(rules, Repairs):
    name = names.parse(file, rules)
    return Labels(name, "", name.shot)
  own = PurePosixPath(file).name
  match = _compiled(rules.expression).fullmatch(own)
  if not match:
    raise BadName(f"wrong name, it does not match the pattern {rules.expression}")
  said = {group: text for group, text in match.groupdict().items() if text}
  if "model" not in said:
    raise BadName(f"wrong name, the pattern finds no model in it: {rules.expression}")
  model = "_".join(said[group] for group in ("make", "model") if group in said) + _camera(said)
  instance, shot = said.get("instance", "0"), said.get("shot", "-1")
  if not re.fullmatch("-1|[0-9]{1,9}", shot):
    raise BadName(f"wrong name, the shot must be a number, and the pattern finds {shot!r}")
  name = Name(said.get("make", ""), model, instance, f"{model}_{instance}", int(shot))
  return Labels(name, said.get("scene", ""), own.lower())


def phone(model: str) -> str:
  """The phone that a camera is part of: "IP5" for "IP5-front" and "IP5-rear"; any other model is its own."""
  return re.sub("-(front|rear)$", "", model)


def _camera(said: dict[str, str]) -> str:
  if "camera" not in said:
    return ""
  if said["camera"].lower() not in CAMERAS:
    raise BadName(f"wrong name, the camera must be one of {', '.join(CAMERAS)}, and the pattern finds {said['camera']}")
  return f"-{CAMERAS[said['camera'].lower()]}"


@functools.cache
def _compiled(expression: str) -> re.Pattern:
  return re.compile(expression, re.IGNORECASE)
