"""File names of the Dresden Image Database: Brand_Model_Instance_Shot.JPG (Gloe and Böhme 2010)."""

import re
from pathlib import PurePosixPath
from typing import NamedTuple

# Read from the right: model names hold underscores and dashes (mju_1050SW), instance and shot never do.
PATTERN = re.compile(r"([^_]+)_(.+)_([0-9]{1,9})_([0-9]{1,9})\.jpe?g", re.IGNORECASE)


class Repairs(NamedTuple):
  """How labels are made from names; all True in the published experiments."""

  merge_d70: bool  # Nikon D70s counts as model D70; its devices stay devices of their own.
  repair_mju: bool  # mju_1050SW is mju-1050SW: mirrors of the database disagree on the spelling.


class Name(NamedTuple):
  make: str
  model: str  # Make and model, unique over makes: "Nikon_D70".
  instance: str
  device: str  # "Nikon_D70s_0" is a device of model "Nikon_D70", and not the device "Nikon_D70_0".
  shot: int


class BadName(ValueError):
  """A file name of another form."""


def parse(file: str, repairs: Repairs) -> Name:
  """Labels of a file, from the last part of its path. Raises BadName.

  The make ends at the first underscore. If it has one of its own, it is cut short; model and device are whole still.
  """
  match = PATTERN.fullmatch(PurePosixPath(file).name)
  if not match:
    raise BadName("wrong name, Brand_Model_Instance_Shot.JPG is needed")
  make, model, instance, shot = match.groups()
  if repairs.repair_mju and model.startswith("mju_"):
    model = "mju-" + model.removeprefix("mju_")
  device = f"{make}_{model}_{instance}"
  if repairs.merge_d70 and (make, model) == ("Nikon", "D70s"):
    model = "D70"
  return Name(make, f"{make}_{model}", instance, device, int(shot))
