"""Sensor noise (PRNU): residual, fingerprint, correlation and PCE; no training.

residual(image), fingerprint(images) and match(image, fingerprint) take arrays or files, one or many; load and save keep
fingerprints. Modules are imported when one of these names is first asked for.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
  from fsim.prnu.comparing import Answer, Search
  from fsim.prnu.face import fingerprint, load, match, residual, save
  from fsim.prnu.fingerprints import Fingerprint
  from fsim.prnu.settings import Settings
  from fsim.prnu.transforms import all_transforms
  from fsim.prnu.typed import AnyArray

# Where the names lie that are not in face.py.
HOMES = {
  "Answer": "comparing",
  "AnyArray": "typed",
  "Fingerprint": "fingerprints",
  "Search": "comparing",
  "Settings": "settings",
  "all_transforms": "transforms",
}
__all__ = [
  "Answer",
  "AnyArray",
  "Fingerprint",
  "Search",
  "Settings",
  "all_transforms",
  "fingerprint",
  "load",
  "match",
  "residual",
  "save",
]


def __getattr__(name: str) -> Any:
  if name not in __all__:
    raise AttributeError(f"module 'fsim.prnu' has no attribute {name!r}")
  return getattr(importlib.import_module(f"fsim.prnu.{HOMES.get(name, 'face')}"), name)


def __dir__() -> list[str]:
  return sorted({*globals(), *__all__})
