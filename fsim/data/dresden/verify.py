"""Reads every file, and fully decodes those that were not seen before, in threads.

Threads, not processes: reading, hashing and libjpeg all leave Python's lock, and nothing needs to be imported again.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fsim.boundary import progress
from fsim.boundary.inputs import Unreadable, read_bytes
from fsim.data import jpeg, photographs
from fsim.data.dresden.journal import Journal, Verdict
from fsim.data.dresden.listing import File, Listing, path_of

MIN_SIDE = 32  # Pixels: the smallest patch that any of the systems looks at.


def verify(path: Path, known: Mapping[str, Verdict]) -> Verdict:
  """Hashes and size of one file, or the cause why it is unusable; what is `known` by its SHA-256 is not decoded."""
  try:
    data = read_bytes(path, photographs.MAX_BYTES)
  except Unreadable as error:
    return Verdict("", "", 0, 0, f"cannot be read: {error.cause}")
  sha256 = hashlib.sha256(data).hexdigest()
  return known.get(sha256) or decoded(data, sha256)


def decoded(data: bytes, sha256: str) -> Verdict:
  """sha256: of the data."""
  try:
    pixels = jpeg.decode(data)
  except jpeg.BadImage as error:
    return Verdict(sha256, "", 0, 0, str(error))
  height, width, _ = pixels.shape
  if min(width, height) < MIN_SIDE:
    return Verdict(sha256, "", width, height, f"{width}x{height} pixels, at least {MIN_SIDE}x{MIN_SIDE} are needed")
  return Verdict(sha256, photographs.content_of(pixels), width, height, "")


def verify_all(listing: Listing, journal: Journal) -> Iterator[tuple[File, Verdict]]:
  """A verdict on every JPEG, in the listing's order; what the journal knows of these bytes is believed."""
  with ThreadPoolExecutor(os.cpu_count()) as threads:
    verdicts = threads.map(lambda f: verify(path_of(listing.folder, f.file), journal.known), listing.jpegs)
    bar = progress.bar(total=len(listing.jpegs), desc="verifying", unit="image", disable=not listing.jpegs)
    try:
      for file, verdict in zip(listing.jpegs, verdicts, strict=True):
        if verdict.sha256 and verdict.sha256 not in journal.known:  # One that could not be read may be another time.
          journal.add(verdict)
        bar.update()
        yield file, verdict
    finally:
      bar.close()
      threads.shutdown(wait=False, cancel_futures=True)
