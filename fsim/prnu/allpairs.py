"""Every photograph of a folder against every other: which were taken with one camera?

Shapes: n images, h w pixels.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.sparse.csgraph import connected_components

from fsim.boundary import progress
from fsim.boundary.errors import UserError
from fsim.data.dresden import names
from fsim.data.photographs import Photograph, read_all
from fsim.prnu import intake, matching, probe
from fsim.prnu.tiles import Tiles

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
  """Patterns and pairs are kept in `cache` by the files' hashes, so that an interrupted call goes on, and made once.

  Raises UserError if fewer than two images are usable.
  """
  tiles = Tiles(cache)
  rows = []
  first: dict[str, Path] = {}
  copies: dict[Path, Path] = {}
  unusable: dict[str, str] = {}  # By content, of which a copy is not looked at.
  looks = intake.looks(read_all(paths), probe.for_image, is_wanted=_Missing(tiles))
  for photograph, look in progress.bar(looks, total=len(paths), desc="residuals", unit="image"):
    objection = look.objection or unusable.get(photograph.content, "")
    if photograph.content in first:
      copies[photograph.path] = first[photograph.content]
    elif objection:
      report(photograph.path, objection)
      unusable |= {photograph.content: objection} if photograph.content else {}
    else:
      if look.pattern is not None:
        tiles.keep(photograph.sha256, look.pattern)
      first[photograph.content] = photograph.path
      size = photograph.pixels.shape[:2]
      rows.append((str(photograph.path), photograph.sha256, _device(photograph.path), size))
  rows.sort(key=lambda row: (row[2], row[0]))
  columns = ("file", "sha256", "device", "size")
  # As Python holds them: a name may have bytes that are no UTF-8.
  table = pd.DataFrame({name: pd.Series([row[k] for row in rows], dtype=object) for k, name in enumerate(columns)})
  pce = np.full((len(table), len(table)), np.nan)
  for size, group in table.groupby("size"):
    pce[np.ix_(group.index, group.index)] = tiles.pce(group["sha256"].tolist(), size)
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


class _Missing:
  """Whether a photograph's pattern has to be made: it is not in the cache, and none before had the same pixels."""

  def __init__(self, tiles: Tiles):
    self.tiles, self.seen = tiles, set()

  def __call__(self, photograph: Photograph) -> bool:
    is_new = photograph.content not in self.seen
    self.seen.add(photograph.content)
    return is_new and not self.tiles.has(photograph.sha256, photograph.pixels.shape[:2])


def _device(path: Path) -> str:
  try:
    return names.parse(path.name, names.Repairs(merge_d70=True, repair_mju=True)).device
  except names.BadName:
    return ""
