"""Stored images -> residual patterns of one place of the sensor, made once and kept on disk.

Shapes: m images of a data set, r rows of it, s pixels a side.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from fsim.boundary import arrays, progress
from fsim.boundary.machine import cores
from fsim.data import cache
from fsim.data.loader import CentreCrop
from fsim.data.patches import Stored
from fsim.prnu.residuals import Settings, residuals

AT_ONCE = 16  # Images whose residuals are made together.
FORMAT = 2  # Of the folders.
PIXELS_FILE = "patterns.bin"  # One pattern a row of the data set; nothing is written for rows that were not asked for.


def open_patterns(
  records: Sequence[bytes], rows: Int[np.ndarray, " r"], data_digest: str, size: int, settings: Settings, home: Path
) -> Stored:
  """Row -> clean residual of its central square, s x s grey levels in float16.

  The residual is that of the square by itself: whoever matches images of this size sees the same pixels and no others.
  data_digest: of the stored bytes. home: where data sets are kept. Rows that were not asked for have no pattern.
  Raises ValueError for an image smaller than the square.
  """
  said = (FORMAT, data_digest, len(records), np.asarray(rows).tolist(), size, tuple(settings))
  about = {"data_digest": data_digest, "size": size} | settings._asdict()
  folder = cache.get_or_build(home / "patterns", said, about, lambda draft: _fill(records, rows, size, settings, draft))
  return Stored(folder / PIXELS_FILE, (size, size), np.float16)


def _fill(records: Sequence[bytes], rows: Int[np.ndarray, " r"], size: int, settings: Settings, folder: Path) -> None:
  each = size * size * np.dtype(np.float16).itemsize
  with (
    (folder / PIXELS_FILE).open("wb") as file,
    progress.bar(total=len(rows), desc="residual patterns", unit="image") as bar,
  ):
    for some, patterns in _some(records, rows, size, settings):
      for row, pattern in zip(some.tolist(), patterns, strict=True):
        file.seek(row * each)
        file.write(pattern.astype(np.float16).tobytes())
      bar.update(len(some))
    file.truncate(len(records) * each)


def _some(
  records: Sequence[bytes], rows: Int[np.ndarray, " r"], size: int, settings: Settings
) -> Iterator[tuple[Int[np.ndarray, " n"], Float[np.ndarray, "n s s"]]]:
  """Batches of one size, so that one program is compiled; the last is filled up with its last image."""
  cut = CentreCrop(records, size)
  with ThreadPoolExecutor(cores()) as pool:
    for first in range(0, len(rows), AT_ONCE):
      some = rows[first : first + AT_ONCE]
      squares = np.stack(list(pool.map(cut, some)))
      yield some, np.asarray(residuals(arrays.filled(squares, AT_ONCE), settings))[: len(some)]
