"""Folders whose own name contradicts the names of the files inside (one mirror of the database has such a folder)."""

import re
from collections import defaultdict
from pathlib import PurePosixPath

from fsim.data.dresden import names

MERGED = names.Repairs(merge_d70=True, repair_mju=False)


def contradictions(files: list[str]) -> list[tuple[str, str]]:
  """(folder, remark) for every folder that is labelled with another make, model or device than files in it."""
  parsed = {}
  for file in files:
    try:
      parsed[file] = names.parse(file, MERGED)
    except names.BadName:
      continue
  makes = {_plain(n.make) for n in parsed.values()}
  devices = {_plain(n.device) for n in parsed.values()}
  found = defaultdict(list)
  for file, name in parsed.items():
    for folder in PurePosixPath(file).parents:
      if _contradicts(folder.name, name, makes, devices):
        found[folder.as_posix()].append(file)
  return [(folder, _remark(inside)) for folder, inside in found.items()]


def _remark(files: list[str]) -> str:
  return f"the folder's name contradicts {len(files)} of its files (such as {files[0]}); the file names are believed"


def _contradicts(folder: str, name: names.Name, makes: set[str], devices: set[str]) -> bool:
  label = _plain(folder)
  if label in devices:
    return label != _plain(name.device)
  make = _plain(re.split("[^A-Za-z0-9]", folder)[0])
  fits = label == _plain(name.make) or label.startswith((_plain(name.model), _plain(name.device)))
  return make in makes and not fits


def _plain(label: str) -> str:
  return re.sub("[^a-z0-9]", "", label.lower())
