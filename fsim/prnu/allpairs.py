"""Every photograph of a folder against every other: which were taken with one camera?

Shapes: n images, h w pixels.
"""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from fsim.boundary.errors import UserError
from fsim.boundary.shares import ALONE, Share
from fsim.data.dresden import names
from fsim.data.photographs import Photograph
from fsim.prnu import AnyArray, matching, preparing, probe
from fsim.prnu.leaving import Report
from fsim.prnu.preparing import Refused
from fsim.prnu.probe import Filtered
from fsim.prnu.tiles import Tiles

LISTED = 1_000_000  # Pairs up to which all have a row in the table of pairs.


class Image(NamedTuple):
  """A photograph whose pattern is kept. content: SHA-256 of its pixels. size: height and width."""

  path: Path
  sha256: str
  content: str
  size: tuple[int, int]


class Matrix(NamedTuple):
  """Aligned PCE of all pairs; NaN where sizes differ. `group` numbers the images linked by matches, from 0.

  Attributes:
    table: one row an image: file, sha256, device (from a Dresden-like name, else empty), group.
    threshold: PCE for the chosen false-alarm probability over all pairs together.
    copies: files whose pixels are those of another, which stands for them -> that other.
    alike: pairs that show the same, which have no PCE: what is shown correlates as a sensor does.
  """

  table: pd.DataFrame
  pce: Float[np.ndarray, "n n"]
  threshold: float
  pairs: int
  copies: dict[Path, Path]
  alike: Sequence[tuple[Path, Path]] = ()


def prepared(paths: list[Path], tiles: Tiles, report: Report, share: Share = ALONE) -> list[Image]:
  """Those that can be used, in the order of the paths, with their patterns in `tiles`; the others are reported."""
  known, measured = (functools.partial(step, tiles=tiles) for step in (_kept, _measured))
  made = preparing.each(paths, share, known, _asked, measured)
  found = {one.path if isinstance(one, Image) else one[0]: one for one in made}
  images = []
  for path in paths:
    if isinstance(found[path], Image):
      images.append(found[path])
    else:
      report(*found[path])
  return images


def prepare(images: list[Image], tiles: Tiles, share: Share) -> None:
  """Compares all pairs of those of one size, as far as nobody has done it; what comes out is in the tiles."""
  for size, hashes in _sizes(_ordered(images)[0]).items():
    tiles.make(hashes, size, share)


def compared(images: list[Image], tiles: Tiles, alpha: float, considered: int, share: Share = ALONE) -> Matrix:
  """All pairs of those of one size; `considered` files were. Raises UserError if there is none."""
  order, copies = _ordered(images)
  # As Python holds them: a name may have bytes that are no UTF-8.
  columns = {"file": [str(one.path) for one in order], "sha256": [one.sha256 for one in order]}
  columns |= {"device": [_device(one.path) for one in order], "size": [one.size for one in order]}
  table = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})
  pce = np.full((len(table), len(table)), np.nan, np.float32)
  pairs, alike = 0, []
  for size, hashes in _sizes(order).items():
    own = np.flatnonzero([one.size == size for one in order])
    found = tiles.pce(hashes, size, share)
    for a, b, _ in tiles.alike(hashes, found, matching.threshold(alpha, 1)):  # What is less is no match anyhow.
      found[a, b] = found[b, a] = np.nan
      alike.append((order[own[a]].path, order[own[b]].path))
    pce[np.ix_(own, own)] = found
    pairs += len(own) * (len(own) - 1) // 2
  np.fill_diagonal(pce, np.nan)
  if pairs == 0:
    raise UserError(
      f"{len(table)} of {considered} files are usable and no copies of others, and no two of one size: there is no pair"
    )
  limit = matching.threshold(alpha, pairs)
  table["group"] = connected_components(csr_array(pce >= limit), directed=False)[1]
  return Matrix(table, pce, limit, pairs, copies, alike)


def pair_table(result: Matrix) -> pd.DataFrame:
  """One row an unordered pair of images of one size; of more than LISTED pairs only those that match."""
  listed = np.isfinite(result.pce) if result.pairs <= LISTED else result.pce >= result.threshold
  i, j = np.nonzero(np.triu(listed, 1))
  file, pce = result.table["file"], result.pce[i, j]
  a, b = (file.iloc[k].reset_index(drop=True) for k in (i, j))
  return pd.DataFrame({"file_a": a, "file_b": b, "pce": pce, "match": pce >= result.threshold})


def _sizes(images: list[Image]) -> dict[tuple[int, int], list[str]]:
  """Hashes of the images of each size, in their order."""
  groups: dict[tuple[int, int], list[str]] = {}
  for one in images:
    groups.setdefault(one.size, []).append(one.sha256)
  return groups


def _ordered(images: list[Image]) -> tuple[list[Image], dict[Path, Path]]:
  """By device and name; of copies the first counts, and the others come with the one that they are a copy of."""
  first: dict[str, Image] = {}
  copies = {}
  for one in images:
    if first.setdefault(one.content, one) is not one:
      copies[one.path] = first[one.content].path
  return sorted(first.values(), key=lambda one: (_device(one.path), str(one.path))), copies


def _kept(path: Path, sha256: str, tiles: Tiles) -> Image | None:
  """What is known of a file from before; None if it is not, or if it is damaged."""
  said = preparing.kept(tiles, sha256, {})
  if said is None:
    return None
  known = Image(path, sha256, said["content"], tuple(said["size"]))
  return known if tiles.has(sha256, known.size) else None


def _asked(found: Filtered) -> tuple[AnyArray, AnyArray]:
  return probe.shares(found), probe.for_image(found)


def _measured(
  photograph: Photograph, found: tuple[Float[np.ndarray, "3"], Float[np.ndarray, "h w"]], tiles: Tiles
) -> Image | Refused:
  """What is kept of a photograph, of which `_asked` was found."""
  look = probe.looked(*found)
  if look.pattern is None:
    return photograph.path, look.objection
  preparing.keep(tiles, photograph, look.pattern, {})
  return Image(photograph.path, photograph.sha256, photograph.content, photograph.pixels.shape[:2])


def _device(path: Path) -> str:
  try:
    return names.parse(path.name, names.REPAIRED).device
  except names.BadName:
    return ""
