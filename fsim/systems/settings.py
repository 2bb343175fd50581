"""What each setting may be, whatever the system: refused by its name before any data are touched."""

import math
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from fsim.boundary.errors import UserError
from fsim.data import chained, dividing, mixture
from fsim.data.markers import JPEG_GRID
from fsim.data.patches import CHOICES
from fsim.models import extractors, mislnet, mobile
from fsim.run import flat
from fsim.systems.predictor import DTYPES
from fsim.train import optimisers

MANY = 1_000_000


class Whole(NamedTuple):
  """A whole number within both ends."""

  least: int
  most: int = MANY
  step: int = 1

  def accepts(self, value: Any) -> bool:
    return type(value) is int and self.least <= value <= self.most and value % self.step == 0

  def __str__(self) -> str:
    multiple = f", a multiple of {self.step}" if self.step > 1 else ""
    return f"a whole number from {self.least:,} to {self.most:,}{multiple}"


class Real(NamedTuple):
  """A number between both ends. least_too, most_too: whether it may be that end itself."""

  least: float
  most: float
  least_too: bool = True
  most_too: bool = True

  def accepts(self, value: Any) -> bool:
    if type(value) not in (int, float) or not math.isfinite(value):
      return False
    above = value >= self.least if self.least_too else value > self.least
    return above and (value <= self.most if self.most_too else value < self.most)

  def __str__(self) -> str:
    lower, upper = ("from" if self.least_too else "above"), ("up to" if self.most_too else "below")
    return f"a number {lower} {self.least:g} and {upper} {self.most:g}"


class Several(NamedTuple):
  """One or more values, or exactly `count`, each as `each` says."""

  each: Whole | Real
  count: int = 0

  def accepts(self, value: Any) -> bool:
    if not isinstance(value, tuple | list) or not value or (self.count and len(value) != self.count):
      return False
    return all(self.each.accepts(one) for one in value)

  def __str__(self) -> str:
    return f"{self.count or 'one or more'} values in brackets, each {self.each}"


class One(NamedTuple):
  """One of some names."""

  names: Sequence[str]

  def accepts(self, value: Any) -> bool:
    return value in self.names

  def __str__(self) -> str:
    return f"one of {', '.join(self.names)}"


class Text(NamedTuple):
  """A text. needed: that is not empty. absent: or none at all, None."""

  needed: bool = False
  absent: bool = False

  def accepts(self, value: Any) -> bool:
    return self.absent if value is None else isinstance(value, str) and bool(value.strip() or not self.needed)

  def __str__(self) -> str:
    return "a text that is not empty" if self.needed else "a text"


SHARE, PROPER_SHARE = Real(0, 1), Real(0, 1, least_too=False, most_too=False)
BELOW_ONE = Real(0, 1, most_too=False)

# A setting -> what it may be. "system:name" goes before the whole name, that before its last part.
RULES: dict[str, Whole | Real | Several | One | Text] = {
  "seed": Whole(0),
  "save_every": Whole(1),
  "dtype": One(DTYPES),
  "source": Text(needed=True),
  "folder": Text(needed=True, absent=True),
  "pattern": Text(absent=True),
  "external": Text(),
  "whitening": Text(),
  "chains": Text(),
  "on_error": One(("skip", "raise")),
  "validation": BELOW_ONE,
  "test": PROPER_SHARE,
  "fold": Whole(0),
  "folds": Whole(3),
  "devices": Whole(0),
  "sizes": Several(Whole(1), count=3),
  "size": Whole(64, 4096),
  "model:input.size": Whole(mislnet.LEAST_SIDE, 4096),
  "mobile:input.size": Whole(32, 4096),
  "noise.size": Whole(0, 4096, step=JPEG_GRID),
  "stride": Whole(JPEG_GRID, 4096, step=JPEG_GRID),
  "count": Whole(1, 100_000),
  "model:input.count": Whole(3, 100_000),
  "rule": One(tuple(CHOICES)),
  "saturated": SHARE,
  "entropy": Real(0, 5.6),
  "crop": One(("random", "centre")),
  "front": One(tuple(extractors.FRONTS)),
  "mobile:input.front": One(tuple(mobile.FRONTS)),
  "threads": Whole(1, 1024),
  "workers": Whole(0, 1024),
  "batch": Whole(1, 65_536),
  "epochs": Whole(1),
  "tile_extractor.epochs": Whole(0),
  "optimiser": One(tuple(optimisers.OPTIMISERS)),
  "learning_rate": Real(0, 1e6, least_too=False),
  "momentum": BELOW_ONE,
  "decay": Real(0, 1e6),
  "halve_lr_every": Whole(0),
  "precise_bn_batches": Whole(0),
  "balanced": One(("on", "off", "auto")),
  "width": Whole(1, 65_536),
  "hidden": Whole(1, 65_536),
  "depth": Whole(1, 100),
  "dropout": BELOW_ONE,
  "shrinkage": Real(0, 1, least_too=False),
  "truncation": Real(0, 255),
  "pairs": Whole(1, 1_000_000_000),
  "models": Whole(1),
  "patches": Several(Whole(1)),
  "draws": Whole(1, 100_000),
  "resamples": Whole(1, 100_000),
  "errors": Whole(0, 1000),
  "map_false_alarm": PROPER_SHARE,
  "largest": Whole(64, 65_536),
  "alpha": PROPER_SHARE,
  "c": Several(Real(0, 1e6, least_too=False)),
  "sample": Whole(1),
  "images": Several(Whole(1)),
  "rejected": BELOW_ONE,
}
PLACES = ("data.source", "data.folder", "evaluate.external", "scorer.whitening")  # Settings that may name a folder.


def rule(system: str, name: str) -> Whole | Real | Several | One | Text | None:
  """What a setting may be; None if anything, or if the system itself knows."""
  keys = (f"{system}:{name}", name, name.rpartition(".")[2])
  return next((RULES[key] for key in keys if key in RULES), None)


def checked(config: ConfigDict) -> ConfigDict:
  """The settings with ~ in their places written out. Raises UserError naming the first that cannot work."""
  found = config.copy_and_resolve_references()
  values = flat(found.to_dict())
  for name, value in values.items():
    allowed = rule(values.get("system", ""), name)
    if allowed and not allowed.accepts(value):
      raise UserError(f"{name} must be {allowed}, got {value!r}")
  if "validation" in config.data:
    dividing.shares(config.data.validation, config.data.test)
  chained.shares(values.get("input.chains", ""))
  for name in PLACES:
    if values.get(name):
      written = os.path.expanduser if name == "data.folder" else mixture.expanded
      with found.unlocked():
        found.update_from_flattened_dict({name: written(values[name])})
  return found
