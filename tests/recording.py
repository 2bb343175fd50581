"""Runs that note which settings they read.

The settings that a system is handed, and those that its report reads back, note themselves when one is looked up by its
name. Copies, dumps and checks of all settings together are no look-ups. What was read lies beside the run folder. Every
section has an invented setting as well, which nothing can read: if a run seems to, then what is noted proves nothing.
"""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from ml_collections import ConfigDict

from fsim.run import flat

READ = "read.json"
THREE = ["stratified", "by_scene", "scene_instance", "public", "ratio"]
SERVING = {  # The protocols that each system can choose.
  "device": THREE,
  "mobile": ["image_folds", "scene_folds"],
  "model": THREE,
  "patch": THREE,
  "prnu": ["stratified", "by_scene", "ratio"],
}
BEFORE = {"system"}  # Read by fsim.main, to know whom to hand the rest.
ARGUMENTS = {"reading"}  # Sections whose settings are a function's arguments: an invented one is refused by Python.
INVENTED = "invented"
SHARES = {"data.protocol": "by_scene"}
OTHERS: dict[
  str, dict[str, dict[str, str]]
] = {  # System -> setting that its quick run leaves alone -> choice that reads it.
  "device": {"data.fold": {"data.protocol": "scene_instance"}},
  "mobile": {},
  "model": {"data.fold": {"data.protocol": "scene_instance"}, "scorer.network.dropout": {"scorer.kind": "network"}},
  "patch": {"data.validation": SHARES, "data.test": SHARES},
  "prnu": {"data.validation": SHARES, "data.test": SHARES},
}


class Recording(ConfigDict):
  """Settings that add the full name of every one that is looked up to `names`."""

  def __init__(self, settings=None, names=None, prefix=""):
    """Instances without settings are made by ConfigDict itself, for copies, which record nothing."""
    object.__setattr__(self, "_names", set() if names is None else names)
    object.__setattr__(self, "_prefix", prefix)
    super().__init__(settings)

  def __getitem__(self, key):
    value = super().__getitem__(key)
    if isinstance(value, ConfigDict):
      return Recording(value, self._names, f"{self._prefix}{key}.")
    self._names.add(f"{self._prefix}{key}")
    return value

  def to_dict(self, *arguments, **options):
    return without(self._fields).to_dict(*arguments, **options)

  def to_json(self, *arguments, **options):
    return without(self._fields).to_json(*arguments, **options)


class Reported(dict):
  """The same of the plain dictionaries that reports are handed."""

  def __init__(self, settings: dict, names: set[str], prefix: str = ""):
    super().__init__(settings)
    self._names, self._prefix = names, prefix

  def __getitem__(self, key: str):
    value = super().__getitem__(key)
    if isinstance(value, dict):
      return Reported(value, self._names, f"{self._prefix}{key}.")
    self._names.add(f"{self._prefix}{key}")
    return value

  def get(self, key: str, default: object = None):
    return self[key] if key in self else default  # noqa: SIM401, it would note nothing


def without(settings) -> ConfigDict:
  """Without what is invented."""
  kept = {name: value for name, value in settings.items() if name != INVENTED}
  return ConfigDict({name: without(value) if isinstance(value, ConfigDict) else value for name, value in kept.items()})


def added(config: ConfigDict) -> ConfigDict:
  """The same, with an invented setting in every section."""
  for name, section in config.items():
    if isinstance(section, ConfigDict) and name not in ARGUMENTS:
      added(section)
  with config.unlocked():
    config[INVENTED] = 0
  return config


def invented(config: dict, prefix: str = "") -> set[str]:
  """The names of those settings."""
  sections = {name: value for name, value in config.items() if isinstance(value, dict) and name not in ARGUMENTS}
  inside = (invented(value, f"{prefix}{name}.") for name, value in sections.items())
  return {f"{prefix}{INVENTED}"}.union(*inside)


def unread(run: Path) -> set[str]:
  """Settings of a recorded run that nothing read. Raises AssertionError if something that is invented was read."""
  config, read = json.loads((run / "config.json").read_text()), set(json.loads((run.parent / READ).read_text()))
  assert not invented(config) & read
  return flat(config).keys() - read - BEFORE


@contextlib.contextmanager
def noted() -> Iterator[None]:
  """Of the run within: what it has read lies beside its folder (`unread`)."""
  from fsim.report import page
  from fsim.systems import settings

  names, checked, build = set(), settings.checked, page.build

  def built(workdir, sections):
    made = build(workdir, lambda folder, config: sections(folder, Reported(config, names)))
    (workdir.parent / READ).write_text(json.dumps(sorted(names)))
    return made

  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(settings, "checked", lambda config: Recording(added(checked(config)), names))
    patch.setattr(page, "build", built)
    yield
