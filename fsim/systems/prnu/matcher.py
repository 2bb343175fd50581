"""The classical matcher names cameras: a fingerprint of each from its training images, and the largest aligned PCE.

Shapes: n images, c cameras, h w pixels.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from fsim.boundary import arrays, progress
from fsim.data.loader import CentreCrop, central
from fsim.data.markers import JPEG_GRID
from fsim.metrics.scores import OTHER_MODEL, SAME_DEVICE, SAME_MODEL
from fsim.prnu import fingerprints, matching, probe
from fsim.prnu.fingerprints import Fingerprint
from fsim.prnu.residuals import Settings

AT_ONCE = 8  # Images in question that are compared together.


class Square(NamedTuple):
  """What is seen of every image: a rectangle of pixels around its centre."""

  height: int
  width: int

  def __str__(self) -> str:
    return f"{self.width}x{self.height}"


def common(table: pd.DataFrame, largest: int) -> Square:
  """The largest rectangle of whole JPEG blocks that fits into every image, with no side above `largest`."""
  sides = (min(int(table[side].min()), largest) // JPEG_GRID * JPEG_GRID for side in ("height", "width"))
  return Square(*sides)


def fingerprints_of(
  train: pd.DataFrame, records: Sequence[bytes], cameras: list[str], square: Square, settings: Settings, folder: Path
) -> Float[np.ndarray, "c h w"]:
  """A pattern for every camera, from the training images alone.

  Each camera's file in `folder` is used again if it is of the same images, so that an interrupted call goes on. Every
  image counts, because the network learns from every image too; saturated pixels are masked.
  """
  folder.mkdir(parents=True, exist_ok=True)
  patterns = []
  for camera in progress.bar(cameras, desc=f"fingerprints {square}", unit="camera"):
    own = train[train["device"] == camera]
    path = folder / f"{camera}.npz"
    if not _is_of(path, tuple(own["sha256"]), settings):
      fingerprints.save(path, _estimate(own, records, camera, square, settings))
    patterns.append(fingerprints.load(path).pattern())
  return np.stack(patterns)


def compare(
  table: pd.DataFrame, records: Sequence[bytes], patterns: Float[np.ndarray, "c h w"], settings: Settings
) -> Float[np.ndarray, "n c"]:
  """Aligned PCE of every image with every camera."""
  square = Square(*patterns.shape[1:])
  cut = CentreCrop(records, min(square))
  rows = table["row"].to_numpy()
  pces = [np.zeros((0, len(patterns)), np.float32)]
  for first in progress.bar(range(0, len(rows), AT_ONCE), desc=f"matching {square}", unit="batch"):
    some = rows[first : first + AT_ONCE]
    images = np.stack([central(cut.pixels(row), *square) for row in some])
    probes = np.asarray(probe.against_fingerprint(arrays.filled(images, AT_ONCE), settings))
    pces.append(matching.aligned_pce(probes, patterns)[: len(some)])
  return np.concatenate(pces)


def comparisons(table: pd.DataFrame, pces: Float[np.ndarray, "n c"], models: dict[str, str]) -> pd.DataFrame:
  """One row an image and camera: file, device, camera, pce, and truth (the same device, its model, or another).

  models: of each camera, in the order of the columns.
  """
  n, c = pces.shape
  made = table[["file", "device", "model"]].loc[table.index.repeat(c)].reset_index(drop=True)
  made = made.assign(camera=np.tile(np.array(list(models), dtype=object), n), pce=pces.reshape(-1).astype(np.float64))
  same = [made["device"] == made["camera"], made["model"] == made["camera"].map(models)]
  return made.assign(truth=np.select(same, [SAME_DEVICE, SAME_MODEL], OTHER_MODEL)).drop(columns="model")


def _is_of(path: Path, images: tuple[str, ...], settings: Settings) -> bool:
  if not path.exists():
    return False
  former = fingerprints.load(path)
  return former.images == images and former.settings == settings


def _estimate(
  images: pd.DataFrame, records: Sequence[bytes], camera: str, square: Square, settings: Settings
) -> Fingerprint:
  sums, cut = fingerprints.nothing(square), CentreCrop(records, min(square))
  for row in images["row"]:
    sums = fingerprints.add(sums, central(cut.pixels(row), *square), settings)
  return fingerprints.estimate(sums, camera, tuple(images["sha256"]), settings)
