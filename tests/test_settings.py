"""Settings that cannot work are refused by name, for every field of every configuration, before anything is touched."""

import math

import pytest

from fsim.boundary import programs
from fsim.boundary.errors import UserError
from fsim.run import flat
from fsim.systems import settings
from tests.commands import ROOT, config

CONFIGS = programs.listed()
MODES = ("", "quick", "paper")
MAY_BE_ZERO = {
  "decay",
  "devices",
  "dropout",
  "entropy",
  "errors",
  "fold",
  "halve_lr_every",
  "momentum",
  "rejected",
  "saturated",
  "seed",
  "precise_bn_batches",
  "truncation",
  "validation",
  "workers",
}


def fields(path, kinds):
  found = config(path)
  return [name for name, value in flat(found.to_dict()).items() if type(value) in kinds]


def changed(path, name, value):
  found = config(path)
  with found.ignore_type():
    found.update_from_flattened_dict({name: value})
  return found


NUMBERS = [(path, name) for path in CONFIGS for name in fields(path, (int, float))]
TUPLES = [(path, name) for path in CONFIGS for name in fields(path, (tuple,))]
named = lambda value: value if isinstance(value, str) else value.stem  # noqa: E731


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_what_the_configurations_say_is_accepted(path, mode):
  assert settings.checked(config(path, mode)).to_dict() == config(path, mode).to_dict()


@pytest.mark.parametrize(("path", "name"), NUMBERS, ids=named)
def test_nonsense_for_a_number_is_refused_by_name(path, name):
  assert settings.rule(config(path).system, name), f"nothing says what {name} may be"
  last = name.rpartition(".")[2]
  zero = [] if last in MAY_BE_ZERO or name in ("tile_extractor.epochs", "noise.size") else [0]
  for value in [*zero, -1, -0.5, math.nan, math.inf, -math.inf, 10**13, 1e300, "3", None, (1,), []]:
    with pytest.raises(UserError, match=rf"{name} must be "):
      settings.checked(changed(path, name, value))


@pytest.mark.parametrize(("path", "name"), TUPLES, ids=named)
def test_nonsense_for_several_numbers_is_refused_by_name(path, name):
  usual = flat(config(path).to_dict())[name]
  for value in [(), (0, *usual[1:]), (-1, *usual[1:]), (math.nan, *usual[1:]), (*usual[:-1], "3"), 3, None, "1,2"]:
    with pytest.raises(UserError, match=rf"{name} must be "):
      settings.checked(changed(path, name, value))


def test_zero_is_accepted_where_it_means_something():
  for path, name in NUMBERS:
    if name.rpartition(".")[2] in MAY_BE_ZERO or name in ("tile_extractor.epochs", "noise.size"):
      settings.checked(changed(path, name, 0))


@pytest.mark.parametrize(
  ("system", "name", "value"),
  [
    ("device", "dtype", "float8"),
    ("device", "input.crop", "left"),
    ("device", "data.on_error", "ask"),
    ("device", "noise.size", 100),
    ("patch", "input.rule", "best"),
    ("patch", "input.front", "cfa"),
    ("patch", "input.stride", 33),
    ("mobile", "extractor.optimiser", "lion"),
    ("model", "input.count", 2),
    ("model", "data.sizes", (4, 2)),
    ("prnu", "extractor.balanced", "yes"),
    ("device", "data.source", ""),
    ("patch", "data.source", 1),
    ("model", "data.folder", ""),
    ("mobile", "data.pattern", 1),
    ("model", "scorer.whitening", 1),
  ],
)
def test_names_and_special_numbers_are_checked_too(system, name, value):
  with pytest.raises(UserError, match=f"{name} must be "):
    settings.checked(changed(ROOT / "configs" / f"{system}.py", name, value))


def test_shares_must_leave_something_to_train():
  found = config(ROOT / "configs" / "device.py")
  found.data.validation = found.data.test = 0.5
  with pytest.raises(UserError, match="leave some images to train"):
    settings.checked(found)


def test_places_are_written_out_and_presets_are_none(monkeypatch):
  monkeypatch.setenv("HOME", "/home/somebody")
  found = config(ROOT / "configs" / "device.py")
  found.lock()
  found.data.source, found.data.folder, found.evaluate.external = "~/photos", "~/sets", "virtual/~"
  data = settings.checked(found).data
  assert (data.source, data.folder) == ("/home/somebody/photos", "/home/somebody/sets")
  assert settings.checked(found).evaluate.external == "virtual/~"
  assert found.data.source == "~/photos"  # The caller's own is left alone.
