"""Reads and fully decodes every file once, in threads, and keeps a journal so that nothing is ever decoded twice.

Threads, not processes: reading, hashing and libjpeg all leave Python's lock, and nothing needs to be imported again.
"""

import hashlib
import io
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import TextIOBase
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from fsim.boundary import progress
from fsim.data import jpeg
from fsim.data.dresden.listing import File, Listing

MIN_SIDE = 32  # Pixels: the smallest patch that any of the systems looks at.


class Verdict(NamedTuple):
  sha256: str
  width: int
  height: int
  cause: str  # Why the file cannot be used, "" if it can.


def verify(path: Path) -> Verdict:
  """Hash and size of one file, or the cause why it is unusable."""
  try:
    data = path.read_bytes()
  except OSError as error:
    return Verdict("", 0, 0, f"cannot be read: {error.strerror}")
  sha256 = hashlib.sha256(data).hexdigest()
  try:
    width, height = jpeg.size(data)
    _decode(data)
  except jpeg.BadImage as error:
    return Verdict(sha256, 0, 0, str(error))
  if min(width, height) < MIN_SIDE:
    return Verdict(sha256, width, height, f"{width}x{height} pixels, at least {MIN_SIDE}x{MIN_SIDE} are needed")
  return Verdict(sha256, width, height, "")


def _decode(data: bytes) -> None:
  """As jpeg.decode does, without the copy to NumPy, the only part that would hold Python's lock."""
  with Image.open(io.BytesIO(data)) as image:
    try:
      image.load()
    except (OSError, ValueError, SyntaxError) as error:
      raise jpeg.BadImage(f"damaged JPEG: {error}") from error


def verify_all(listing: Listing, journal: TextIOBase) -> Iterator[tuple[File, Verdict]]:
  """A verdict on every JPEG, in the listing's order; what the journal knows of unchanged files is believed.

  The journal is a text file open for reading and appending. An interrupted run continues from it.
  """
  known = dict(_remembered(journal))
  unknown = [f for f in listing.jpegs if f not in known]
  with ThreadPoolExecutor(os.cpu_count()) as threads:
    fresh = threads.map(lambda f: verify(listing.folder / f.file), unknown)
    bar = progress.bar(total=len(unknown), desc="verifying", unit="image", disable=not unknown)
    try:
      for file in listing.jpegs:
        if file not in known:
          known[file] = next(fresh)
          if known[file].sha256:  # A file that could not be read may be readable next time.
            journal.write(json.dumps([file, known[file]]) + "\n")
          bar.update()
        yield file, known[file]
    finally:
      journal.flush()
      bar.close()
      threads.shutdown(wait=False, cancel_futures=True)


def _remembered(journal: TextIOBase) -> Iterator[tuple[File, Verdict]]:
  journal.seek(0)
  for line in journal:
    try:
      file, verdict = json.loads(line)
    except ValueError:  # The last line of a run that was killed while writing it.
      continue
    yield File(*file), Verdict(*verdict)
