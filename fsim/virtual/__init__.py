"""Virtual cameras: photographs of procedural scenes by simulated lenses, sensors and pipelines, every trace known.

Modules are imported when one of their names is first asked for.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
  from fsim.virtual.dataset import make, write
  from fsim.virtual.presets import PRESETS, Preset

# Of PRESETS, for who need not wait for what they are made of.
NAMES = (
  "virtual/tiny",
  "virtual/default",
  "virtual/models",
  "virtual/few",
  "virtual/similarity",
  "virtual/nearer",
  "virtual/adaptive",
  "virtual/several",
  "virtual/dresden",
  "virtual/phones",
  "virtual/few_phones",
)
HOMES = {"PRESETS": "presets", "Preset": "presets", "make": "dataset", "write": "dataset"}
__all__ = ["NAMES", "PRESETS", "Preset", "make", "write"]


def __getattr__(name: str) -> Any:
  if name not in HOMES:
    raise AttributeError(f"module 'fsim.virtual' has no attribute {name!r}")
  return getattr(importlib.import_module(f"fsim.virtual.{HOMES[name]}"), name)


def __dir__() -> list[str]:
  return sorted({*globals(), *__all__})
