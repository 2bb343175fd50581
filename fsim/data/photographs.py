"""JPEG files that a command was given: found, read, hashed, and what is wrong with them."""

import hashlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from fsim.boundary import machine
from fsim.boundary.errors import UserError
from fsim.boundary.inputs import CHANGED, Unreadable, read_bytes
from fsim.boundary.text import shown
from fsim.data import jpeg, quantisation
from fsim.data.markers import Component
from fsim.data.quantisation import Compression
from fsim.data.walk import walk

AHEAD = 4  # Files at least that are decoded while one is worked on; of small ones two a core,
MEMORY = 1 << 29  # as far as their pixels need no more bytes,
THREADS = 16  # and by no more threads.
EMPTY = "no JPEG files in this folder"
MAX_BYTES = 1 << 29  # Of a file: 200 megapixels at the best quality, with a film behind them, are fewer.


class Photograph(NamedTuple):
  """A file's pixels, or the cause why there are none. All of it is of one reading: nothing else is asked of the file.

  Attributes:
    sha256: of the file. content: SHA-256 of its pixels, which a copy with other metadata shares. "" if there are none.
    exif: the EXIF block as it is in the file, b"" if there is none.
    compression, components: of the file; None and () of an array of pixels.
  """

  path: Path
  sha256: str
  content: str
  pixels: UInt8[np.ndarray, "h w 3"] | None
  exif: bytes
  problem: str
  compression: Compression | None = None
  components: tuple[Component, ...] = ()


class Found(NamedTuple):
  """The files of a command: those to be read, and (file, cause) of all others in the folders that were given.

  Attributes:
    lost: those of the others that are, or may hold, images: a command has no answer about them.
  """

  paths: list[Path]
  passed_over: list[tuple[Path, str]]
  lost: frozenset[Path]


def find(places: Sequence[Path]) -> Found:
  """The JPEGs among files and in folders, sorted within each; a path given twice counts once.

  A folder without any is named like a file that cannot be used; UserError if that leaves nothing.
  """
  paths: list[Path] = []
  passed_over: list[tuple[Path, str]] = []
  lost: set[Path] = set()
  for place in places:
    if not os.path.isdir(place):
      paths.append(place)
      continue
    entries = list(walk(place))
    inside = [entry.path for entry in entries if entry.kind == "jpeg"]
    paths += inside
    passed_over += [(entry.path, entry.cause or "no photograph") for entry in entries if entry.kind != "jpeg"]
    lost |= {entry.path for entry in entries if entry.is_image}
    if not inside:
      passed_over.append((place, EMPTY))
      lost.add(place)
  if not paths:
    raise UserError("; ".join(f"{shown(path)}: {cause}" for path, cause in sorted(passed_over, key=_empty_first)[:4]))
  return Found(list(dict.fromkeys(paths)), list(dict.fromkeys(passed_over)), frozenset(lost))


def _empty_first(passed_over: tuple[Path, str]) -> bool:
  return passed_over[1] != EMPTY


def read(path: Path, sha256: str = "") -> Photograph:
  """Never raises for what a file holds: `problem` says it. sha256: that the file must have, "" for any."""
  try:
    data = read_bytes(path, MAX_BYTES)
  except Unreadable as error:
    return Photograph(path, "", "", None, b"", error.cause)
  digest = hashlib.sha256(data).hexdigest()
  if sha256 not in ("", digest):
    return Photograph(path, digest, "", None, b"", CHANGED)
  try:
    pixels, found = jpeg.decode_with_structure(data)
  except jpeg.BadImage as error:
    return Photograph(path, digest, "", None, b"", str(error))
  compression = quantisation.compression(data, pixels.shape[0] * pixels.shape[1])
  return Photograph(path, digest, content_of(pixels), pixels, found.exif, "", compression, found.frame.components)


def content_of(pixels: UInt8[np.ndarray, "h w 3"]) -> str:
  """The same for all files with these pixels, whatever else they hold."""
  digest = hashlib.sha256(repr(pixels.shape).encode())
  digest.update(np.ascontiguousarray(pixels))
  return digest.hexdigest()


def read_all(paths: Sequence[Path]) -> Iterator[Photograph]:
  """In order, decoded some files ahead, so that memory is bounded; in threads, since decoding and hashing release the
  lock.
  """
  threads = min(max(machine.cores(), 2), THREADS)
  coming = iter(paths)
  with ThreadPoolExecutor(threads) as pool:
    waiting = deque(pool.submit(read, path) for path in islice(coming, AHEAD))
    while waiting:
      photograph = waiting.popleft().result()
      size = photograph.pixels.nbytes if photograph.pixels is not None else 0
      ahead = max(min(2 * threads, MEMORY // max(size, 1)), AHEAD)
      waiting.extend(pool.submit(read, path) for path in islice(coming, max(ahead - len(waiting), 0)))
      yield photograph
