"""Labels from file names: Dresden's, or those of another data set by a regular expression that the user gives."""

import functools
import re
import unicodedata
from pathlib import PurePosixPath
from typing import NamedTuple

from fsim.boundary.errors import UserError
from fsim.data.dresden import names
from fsim.data.dresden.names import BadName, Name, Repairs
from fsim.data.dresden.subsets import SUBSETS, subset_of

GROUPS = ("model", "camera", "make", "instance", "device", "shot", "scene", "subset", "platform")
CAMERAS = {"f": "front", "front": "front", "r": "rear", "rear": "rear", "b": "rear", "back": "rear"}


class Pattern(NamedTuple):
  """How labels are made from names of another form: `expression` matches the whole name, large or small letters.

  One that holds a "/" is matched against the path below the folder, with forward slashes.

  Its named groups are some of GROUPS. model is needed; camera (a key of CAMERAS) makes "IP5" the model "IP5-front" or
  "IP5-rear"; make goes before it; instance or device (as the data set calls it) tells devices of a model apart, else
  there is one; shot is a number; scene is what images have in common that must not stand on two sides of a split, such
  as a subject; subset is a word that a folder might have (subsets.py), platform what the file was passed on by.
  """

  expression: str


class Labels(NamedTuple):
  name: Name
  scene: str  # Like subset "" if the file's name does not say.
  subset: str
  platform: str  # "" for an original.
  identity: int | str  # No two images of a device, a subset and a platform have the same.


def of_expression(expression: str) -> Pattern:
  """Raises UserError for what is no regular expression, or has other groups than it should."""
  try:
    groups = re.compile(expression).groupindex
  except (re.error, OverflowError, RecursionError) as error:
    raise UserError(f"the pattern {expression!r} is not a regular expression: {error}") from error
  unknown = sorted(set(groups) - set(GROUPS))
  if unknown or "model" not in groups:
    said = f"has the unknown group {unknown[0]}" if unknown else "lacks the group model"
    others = ", ".join(GROUPS[1:])
    raise UserError(f"the pattern {expression!r} {said}; its groups are (?P<model>...) and, if wanted, {others}")
  if {"instance", "device"} <= groups.keys():
    raise UserError(f"the pattern {expression!r} has both instance and device, which say the same")
  return Pattern(expression)


def read(file: str, rules: Repairs | Pattern) -> Labels:
  """Labels of a file from its path below the folder, in composed letters (NFC). Raises BadName."""
  if isinstance(rules, Repairs):
    name = names.parse(file, rules)
    return Labels(name, "", "", "", name.shot)
  text = unicodedata.normalize("NFC", file if "/" in rules.expression else PurePosixPath(file).name)
  match = _compiled(rules.expression).fullmatch(text)
  if not match:
    raise BadName(f"wrong name, it does not match the pattern {rules.expression}")
  said = {group: text for group, text in match.groupdict().items() if text}
  if "model" not in said:
    raise BadName(f"wrong name, the pattern finds no model in it: {rules.expression}")
  model = "_".join(said[group] for group in ("make", "model") if group in said) + _camera(said)
  instance, shot = said.get("device") or said.get("instance", "0"), said.get("shot", "-1")
  if not re.fullmatch("-1|[0-9]{1,9}", shot):
    raise BadName(f"wrong name, the shot must be a number, and the pattern finds {shot!r}")
  name = Name(said.get("make", ""), model, instance, f"{model}_{instance}", int(shot))
  return Labels(name, said.get("scene", ""), _subset(said), said.get("platform", ""), text.lower())


def phone(model: str) -> str:
  """The phone that a camera is part of: "IP5" for "IP5-front" and "IP5-rear"; any other model is its own."""
  return re.sub("-(front|rear)$", "", model)


def _camera(said: dict[str, str]) -> str:
  if "camera" not in said:
    return ""
  if said["camera"].lower() not in CAMERAS:
    raise BadName(f"wrong name, the camera must be one of {', '.join(CAMERAS)}, and the pattern finds {said['camera']}")
  return f"-{CAMERAS[said['camera'].lower()]}"


def _subset(said: dict[str, str]) -> str:
  if "subset" not in said:
    return ""
  if not (subset := subset_of(said["subset"])):
    raise BadName(f"wrong name, the subset must be one of {', '.join(SUBSETS)}, and the pattern finds {said['subset']}")
  return subset


@functools.cache
def _compiled(expression: str) -> re.Pattern:
  return re.compile(expression, re.IGNORECASE)
