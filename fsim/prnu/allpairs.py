"""Every photograph of a folder against every other: which were taken with one camera?

Shapes: n images, h w pixels.
"""

import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.sparse.csgraph import connected_components

from fsim.boundary import outputs, progress
from fsim.boundary.errors import UserError
from fsim.data.dresden import names
from fsim.data.photographs import Photograph, read_all
from fsim.prnu import matching, probe

FORMAT = 2  # Of the cached patterns: another weighting of residuals is another number.
ROUNDING = 0.01  # By which float16 may change a standard deviation of 1.
TILE = 16  # Images a side of the block of pairs in memory.
Report = Callable[[Path, str], None]  # Takes a file and the cause why it is left out.


class Matrix(NamedTuple):
  """Aligned PCE of all pairs; NaN where sizes differ. `group` numbers the images linked by matches, from 0.

  Attributes:
    table: one row an image: file, sha256, device (from a Dresden-like name, else empty), group.
    threshold: PCE for the chosen false-alarm probability over all pairs together.
    copies: files whose pixels are those of another, which stands for them -> that other.
  """

  table: pd.DataFrame
  pce: Float[np.ndarray, "n n"]
  threshold: float
  pairs: int
  copies: dict[Path, Path]


def matrix(paths: list[Path], cache: Path, alpha: float, report: Report) -> Matrix:
  """Patterns are kept in `cache` by the files' hashes, so that an interrupted call goes on, and made once.

  Raises UserError if fewer than two images are usable.
  """
  cache.mkdir(parents=True, exist_ok=True)
  rows = []
  first: dict[str, Path] = {}
  copies: dict[Path, Path] = {}
  for photograph in progress.bar(read_all(paths), total=len(paths), desc="residuals", unit="image"):
    if photograph.content in first:
      copies[photograph.path] = first[photograph.content]
      continue
    reason = _kept(photograph, cache)
    if reason:
      report(photograph.path, reason)
    else:
      first[photograph.content] = photograph.path
      size = photograph.pixels.shape[:2]
      rows.append((str(photograph.path), photograph.sha256, _device(photograph.path), size))
  rows.sort(key=lambda row: (row[2], row[0]))
  columns = ("file", "sha256", "device", "size")
  # As Python holds them: a name may have bytes that are no UTF-8.
  table = pd.DataFrame({name: pd.Series([row[k] for row in rows], dtype=object) for k, name in enumerate(columns)})
  pce = np.full((len(table), len(table)), np.nan)
  for _, group in table.groupby("size"):
    pce[np.ix_(group.index, group.index)] = _block(group["sha256"].tolist(), cache)
  np.fill_diagonal(pce, np.nan)
  pairs = int(np.isfinite(pce[np.triu_indices(len(pce), 1)]).sum())
  if pairs == 0:
    raise UserError(
      f"{len(table)} of {len(paths)} files are usable and no copies of others, and no two of one size: there is no pair"
    )
  limit = matching.threshold(alpha, pairs)
  table["group"] = connected_components(np.nan_to_num(pce) >= limit, directed=False)[1]
  return Matrix(table, pce, limit, pairs, copies)


def pair_table(result: Matrix) -> pd.DataFrame:
  """One row an unordered pair of images of one size."""
  i, j = np.triu_indices(len(result.table), 1)
  file, pce = result.table["file"], result.pce[i, j]
  a, b = (file.iloc[k].reset_index(drop=True) for k in (i, j))
  table = pd.DataFrame({"file_a": a, "file_b": b, "pce": pce, "match": pce >= result.threshold})
  return table[np.isfinite(pce)].reset_index(drop=True)


def _kept(photograph: Photograph, cache: Path) -> str:
  """Sees to it that the pattern is in the cache; returns why it cannot be."""
  if photograph.problem:
    return photograph.problem
  path = _place(cache, photograph.sha256)
  if _is_pattern(path, photograph.pixels.shape[:2]):
    return ""
  objection = probe.quality(photograph.pixels).objection()
  if objection:
    return objection
  pattern = np.asarray(probe.against_image(photograph.pixels[None]))[0]
  buffer = io.BytesIO()
  np.save(buffer, (pattern / pattern.std()).astype(np.float16))
  outputs.replace(path, buffer.getvalue())
  return ""


def _place(cache: Path, sha256: str) -> Path:
  return cache / f"{sha256}.{FORMAT}.npy"


def _is_pattern(path: Path, size: tuple[int, int]) -> bool:
  """Whether the cache has it, whole: as it was written, it has a standard deviation of 1."""
  try:
    pattern = np.load(path, allow_pickle=False)
  except (OSError, ValueError, EOFError):  # Absent, damaged or cut.
    return False
  if pattern.shape != size or pattern.dtype != np.float16:
    return False
  return bool(abs(pattern.std(dtype=np.float64) - 1) < ROUNDING)  # False where a number is not finite.


def _device(path: Path) -> str:
  try:
    return names.parse(path.name, names.Repairs(merge_d70=True, repair_mju=True)).device
  except names.BadName:
    return ""


def _block(hashes: list[str], cache: Path) -> Float[np.ndarray, "n n"]:
  """PCE among images of one size, tile by tile."""
  pce = np.zeros((len(hashes), len(hashes)))
  tiles = range(0, len(hashes), TILE)
  with progress.bar(total=len(tiles) * (len(tiles) + 1) // 2, desc="pairs", unit="tile") as bar:
    for first in tiles:
      a = _patterns(hashes[first : first + TILE], cache)
      for second in tiles[first // TILE :]:
        b = a if first == second else _patterns(hashes[second : second + TILE], cache)
        found = matching.aligned_pce(a, b)
        pce[first : first + len(a), second : second + len(b)] = found
        pce[second : second + len(b), first : first + len(a)] = found.T
        bar.update()
  return pce


def _patterns(hashes: list[str], cache: Path) -> Float[np.ndarray, "n h w"]:
  return np.stack([np.load(_place(cache, name)).astype(np.float32) for name in hashes])
