"""Which photographs of known devices are references, which are asked about and how, and who is compared with whom."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

COUNTS = (1, 2, 5, 10)  # References of a fingerprint; of one, it is the pattern of that photograph.
QUERIES = 5  # Photographs of a device that are asked about, at most.
GROUP = 40  # Devices that are compared with each other.


class Labelled(NamedTuple):
  """sha256: of the file that is meant, or the cause why it could not be read; "" for whatever is there."""

  path: Path
  device: str
  model: str
  scene: str  # "" is a scene of its own.
  sha256: str = ""


class Variant(NamedTuple):
  """How a photograph that is asked about was changed: its middle alone, and saved again at a quality."""

  side: int | None = None
  quality: int | None = None


WHOLE = Variant()
CHANGED = (
  Variant(quality=85),
  Variant(side=384),
  Variant(quality=60),
  Variant(side=256, quality=75),
  Variant(side=256),
)


class Device(NamedTuple):
  references: list[Labelled]
  queries: list[Labelled]


def divided(files: Sequence[Labelled]) -> dict[str, Device]:
  """References, and photographs of other scenes; of a device of one scene, the first half and the second."""
  devices = {}
  for name in sorted({file.device for file in files}):
    own = [file for file in files if file.device == name]
    if len({file.scene for file in own}) == 1:
      own = [file._replace(scene=str(file.path)) for file in own]
    scenes = list(dict.fromkeys(file.scene or str(file.path) for file in own))
    asked = set(scenes[(len(scenes) + 1) // 2 :])
    references, queries = (
      [f for f in own if ((f.scene or str(f.path)) in asked) is is_asked] for is_asked in (False, True)
    )
    devices[name] = Device(references[: max(COUNTS)], _spread(queries, QUERIES))
  return devices


def _spread(files: list[Labelled], count: int) -> list[Labelled]:
  """As many, from all over the list."""
  return [files[k] for k in sorted({round(x) for x in np.linspace(0, len(files) - 1, count)})] if files else []


def groups(models: dict[str, str]) -> Iterator[list[str]]:
  """Devices of one model are in one group, if that is not too many."""
  names = sorted(models, key=lambda name: (models[name], name))
  for first in range(0, len(names), GROUP):
    yield names[first : first + GROUP]
