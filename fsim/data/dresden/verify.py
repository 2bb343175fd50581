"""Reads and fully decodes every file once, in threads.

Threads, not processes: reading, hashing and libjpeg all leave Python's lock, and nothing needs to be imported again.
"""

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fsim.boundary import progress
from fsim.boundary.inputs import Unreadable, read_bytes
from fsim.data import jpeg, photographs
from fsim.data.dresden.journal import Journal, Verdict
from fsim.data.dresden.listing import File, Listing

MIN_SIDE = 32  # Pixels: the smallest patch that any of the systems looks at.


def verify(path: Path) -> Verdict:
  """Hashes and size of one file, or the cause why it is unusable."""
  try:
    data = read_bytes(path, photographs.MAX_BYTES)
  except Unreadable as error:
    return Verdict("", "", 0, 0, f"cannot be read: {error.cause}")
  sha256 = hashlib.sha256(data).hexdigest()
  try:
    pixels = jpeg.decode(data)
  except jpeg.BadImage as error:
    return Verdict(sha256, "", 0, 0, str(error))
  height, width, _ = pixels.shape
  if min(width, height) < MIN_SIDE:
    return Verdict(sha256, "", width, height, f"{width}x{height} pixels, at least {MIN_SIDE}x{MIN_SIDE} are needed")
  return Verdict(sha256, photographs.content_of(pixels), width, height, "")


def verify_all(listing: Listing, journal: Journal) -> Iterator[tuple[File, Verdict]]:
  """A verdict on every JPEG, in the listing's order; what the journal knows of unchanged files is believed."""
  unknown = [f for f in listing.jpegs if f not in journal.known]
  with ThreadPoolExecutor(os.cpu_count()) as threads:
    fresh = threads.map(lambda f: verify(listing.folder / f.file), unknown)
    bar = progress.bar(total=len(unknown), desc="verifying", unit="image", disable=not unknown)
    try:
      for file in listing.jpegs:
        verdict = journal.known.get(file)
        if verdict is None:
          verdict = next(fresh)
          if verdict.sha256:  # A file that could not be read may be readable next time.
            journal.add(file, verdict)
          bar.update()
        yield file, verdict
    finally:
      bar.close()
      threads.shutdown(wait=False, cancel_futures=True)
