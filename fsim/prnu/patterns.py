"""Stored images -> residual patterns of one place of the sensor, made once and kept on disk.

Shapes: m images of a data set, r rows of it, s pixels a side.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from jaxtyping import Float16, Int, Shaped, UInt8

from fsim.boundary import arrays, progress
from fsim.boundary.machine import cores
from fsim.data import cache
from fsim.data.loader import CentreCrop
from fsim.data.patches import Stored
from fsim.prnu.residuals import Settings, residuals

AT_ONCE = 16  # Images whose residuals are made together.
FORMAT = 2  # Of the folders.
PIXELS_FILE = "patterns.bin"  # One pattern a row of the data set; nothing is written for rows that were not asked for.
Batch = Shaped[np.ndarray, "n s t"]  # An array a row.


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
  def of(squares: UInt8[np.ndarray, "n s s 3"]) -> Float16[np.ndarray, "n s s"]:
    found = np.asarray(residuals(arrays.filled(squares, AT_ONCE), settings))
    return found[: len(squares)].astype(np.float16)

  each = size * size * np.dtype(np.float16).itemsize
  made = batches(rows, CentreCrop(records, size), of)
  write(folder / PIXELS_FILE, made, len(rows), len(records), each, "residual patterns")


def batches(
  rows: Int[np.ndarray, " r"],
  cut: Callable[[int], UInt8[np.ndarray, "s s 3"]],
  of: Callable[[UInt8[np.ndarray, "n s s 3"]], Batch],
) -> Iterator[tuple[list[int], Batch]]:
  """Some rows at a time, AT_ONCE at most, and what `of` makes of their squares."""
  with ThreadPoolExecutor(cores()) as pool:
    for first in range(0, len(rows), AT_ONCE):
      some = rows[first : first + AT_ONCE].tolist()
      yield some, of(np.stack(list(pool.map(cut, some))))


def write(path: Path, made: Iterable[tuple[list[int], Batch]], total: int, count: int, each: int, what: str) -> None:
  """A file of `count` arrays of `each` bytes, of which the `total` that are made are written."""
  with path.open("wb") as file, progress.bar(total=total, desc=what, unit="image") as bar:
    for rows, found in made:
      for row, one in zip(rows, found, strict=True):
        file.seek(row * each)
        file.write(one.tobytes())
      bar.update(len(rows))
    file.truncate(count * each)
