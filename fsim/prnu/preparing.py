"""Photographs made ready for all their pairs: each once, by whichever process comes first (fsim/boundary/shares.py)."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float

from fsim.boundary import fields, inputs, outputs, progress
from fsim.boundary.fields import Rule
from fsim.boundary.inputs import Unreadable
from fsim.boundary.shares import Share
from fsim.data.photographs import MAX_BYTES, Photograph, read_all
from fsim.prnu import intake
from fsim.prnu.intake import See, whole
from fsim.prnu.probe import Filtered
from fsim.prnu.tiles import Tiles

Ready = TypeVar("Ready")
Refused = tuple[Path, str]  # A file and the cause why it is left out.
BLOCK = intake.MOST  # Photographs after which a process looks anew at what others have done.
RULES = {"content": fields.TEXT, "size": Rule(lambda value: _is_size(value), "height and width")}


def each(
  paths: Sequence[Path],
  share: Share,
  known: Callable[[Path, str], Ready | None],
  ask: Callable[[Filtered], Any],
  measured: Callable[[Photograph, Any], Ready | Refused],
  see: See = whole,
) -> Iterator[Ready | Refused]:
  """All photographs, in no particular order.

  known: takes a file and its SHA-256; what it knows is not decoded. see: pixels -> those that are looked at. ask: see
  `intake.looked_at`. measured: takes a photograph and what was asked of it.
  """
  order = share.order(paths)
  with progress.bar(total=len(order), desc="sensor noise", unit="image") as bar:
    for first in range(0, len(order), BLOCK):
      unknown = []
      for path in order[first : first + BLOCK]:
        try:
          ready = known(path, inputs.sha256(path, MAX_BYTES)[0])
        except Unreadable as error:
          ready = path, error.cause
        if ready is None:
          unknown.append(path)
        else:
          yield ready
          bar.update()
      for (photograph, objection), found in intake.looked_at(intake.usable(read_all(unknown), see), ask):
        yield (photograph.path, objection) if found is None else measured(photograph, found)
        bar.update()


def keep(tiles: Tiles, photograph: Photograph, pattern: Float[np.ndarray, "h w"], facts: Mapping[str, Any]) -> None:
  """A photograph's pattern, and beside it its content, its size (height, width) and these facts."""
  tiles.keep(photograph.sha256, pattern, photograph.pixels)
  said = {"content": photograph.content, "size": list(photograph.pixels.shape[:2]), **facts}
  outputs.replace(_file(tiles, photograph.sha256), json.dumps(said).encode())  # Last: then all of it is there.


def kept(tiles: Tiles, sha256: str, facts: Mapping[str, Rule]) -> dict[str, Any] | None:
  """What lies beside the pattern of the photograph with this hash; None if nothing does, or if it is damaged."""
  file = _file(tiles, sha256)
  try:
    said = inputs.read_json(file)
    fields.require(file, said, RULES | facts)
  except Unreadable:
    return None
  return said


def _file(tiles: Tiles, sha256: str) -> Path:
  return tiles.folder / f"{sha256}.json"


def _is_size(value: Any) -> bool:
  return isinstance(value, list) and len(value) == 2 and all(type(n) is int and n > 0 for n in value)
