"""JPEG files that a command was given: found, read, hashed, and what is wrong with them."""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from fsim.data import jpeg

SUFFIXES = (".jpg", ".jpeg")
AHEAD = 4  # Files decoded while one is worked on.


class Photograph(NamedTuple):
  """A file's pixels, or the cause why there are none."""

  path: Path
  sha256: str
  pixels: UInt8[np.ndarray, "h w 3"] | None
  problem: str


def files(places: Sequence[Path]) -> list[Path]:
  """The JPEGs among files and in folders, sorted within each. Raises ValueError naming a place that has none."""
  found: list[Path] = []
  for place in places:
    inside = sorted(p for p in place.rglob("*") if p.suffix.lower() in SUFFIXES) if place.is_dir() else [place]
    if not inside:
      raise ValueError(f"{place}: no JPEG files in this folder")
    found += inside
  return found


def read(path: Path) -> Photograph:
  try:
    data = path.read_bytes()
  except OSError as error:
    return Photograph(path, "", None, error.strerror or "cannot be read")
  digest = hashlib.sha256(data).hexdigest()
  try:
    return Photograph(path, digest, jpeg.decode(data), "")
  except jpeg.BadImage as error:
    return Photograph(path, digest, None, str(error))


def read_all(paths: Sequence[Path]) -> Iterator[Photograph]:
  """In order, decoded a few files ahead in threads, so that memory is bounded."""
  with ThreadPoolExecutor(2) as pool:
    waiting = [pool.submit(read, path) for path in paths[:AHEAD]]
    for k in range(len(paths)):
      photograph = waiting.pop(0).result()
      if k + AHEAD < len(paths):
        waiting.append(pool.submit(read, paths[k + AHEAD]))
      yield photograph
