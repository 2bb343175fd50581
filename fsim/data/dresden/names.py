"""File names of the Dresden Image Database: Brand_Model_Instance_Shot.JPG (Gloe and Böhme 2010)."""

import re
import unicodedata
from pathlib import PurePosixPath
from typing import NamedTuple

# Read from the right: model names hold underscores and dashes (mju_1050SW), instance and shot never do.
PATTERN = re.compile(r"([^_]+)_(.+)_([0-9]{1,9})_([0-9]{1,9})\.(?:jpe?g|jpe|jfif|jif)", re.IGNORECASE)
YEAR, MONTH, DAY = "(?:19[89]|20[0-4])[0-9]", "(?:0[1-9]|1[0-2])", "(?:0[1-9]|[12][0-9]|3[01])"
# 20200131 (and the time behind it), 2020-01-31, 31.01.2020: phones name their photographs and bursts by date.
DATE = re.compile(
  rf"(?<![0-9]){YEAR}{MONTH}{DAY}(?:[0-9]{{4,9}})?(?![0-9])"
  rf"|(?<![A-Za-z0-9]){YEAR}([-_. ]){MONTH}\1{DAY}(?![A-Za-z0-9])"
  rf"|(?<![A-Za-z0-9]){DAY}([-_. ]){MONTH}\2{YEAR}(?![A-Za-z0-9])"
)
# What cameras, phones and messengers begin file names with; no camera is made by it.
PREFIXES = re.compile("burst|cimg|dsc[fn]?|(mv)?img|image|pano|pict|photo|pxl|screenshot|signal|whatsapp", re.I)
NEEDED = "Brand_Model_Instance_Shot.JPG or a pattern (--pattern, data.pattern) is needed"


class Repairs(NamedTuple):
  """How labels are made from names; all True in the published experiments."""

  merge_d70: bool  # Nikon D70s counts as model D70; its devices stay devices of their own.
  repair_mju: bool  # mju_1050SW is mju-1050SW: mirrors of the database disagree on the spelling.


REPAIRED = Repairs(merge_d70=True, repair_mju=True)


class Name(NamedTuple):
  make: str
  model: str  # Make and model, unique over makes: "Nikon_D70".
  instance: str
  device: str  # "Nikon_D70s_0" is a device of model "Nikon_D70", and not the device "Nikon_D70_0".
  shot: int


class BadName(ValueError):
  """A file name of another form."""


def parse(file: str, repairs: Repairs) -> Name:
  """Labels of a file, from the last part of its path, in composed letters (NFC). Raises BadName.

  The make ends at the first underscore. If it has one of its own, it is cut short; model and device are whole still.
  """
  own = unicodedata.normalize("NFC", PurePosixPath(file).name)
  match = PATTERN.fullmatch(own)
  if not match:
    raise BadName(f"wrong name, {NEEDED}")
  make, model, instance, shot = match.groups()
  if (date := DATE.search(own)) and date.start() < match.start(4):
    raise BadName(f"wrong name, {date[0]} is a date, and what was taken on one day is no camera: {NEEDED}")
  if PREFIXES.fullmatch(make):
    raise BadName(f"wrong name, {make} is no make but how file names begin: {NEEDED}")
  if repairs.repair_mju and model.startswith("mju_"):
    model = "mju-" + model.removeprefix("mju_")
  device = f"{make}_{model}_{instance}"
  if repairs.merge_d70 and (make, model) == ("Nikon", "D70s"):
    model = "D70"
  return Name(make, f"{make}_{model}", instance, device, int(shot))
