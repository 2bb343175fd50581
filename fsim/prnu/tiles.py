"""Patterns of many photographs on disk, eight bits a pixel, and the PCE of all their pairs, tile by tile.

In memory are two tiles' patterns and one number a pair. What is on disk is bound to the photographs by their SHA-256,
so that an interrupted call goes on with the pairs that are missing.

Shapes: n photographs, m n photographs of a tile's sides, h w pixels.
"""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32, Int8

import fsim
from fsim.boundary import outputs, progress
from fsim.prnu import matching
from fsim.prnu.settings import DEFAULT

ENGINE = 2  # One more with every change to what a pattern is.
STEPS = 20  # Of a pattern's standard deviation; beyond 127 of them it is cut.
ROUNDING = 0.02  # By which steps and cut may change a standard deviation of 1.
MEMORY = 1 << 27  # Bytes of a tile's patterns in float32, both sides together; multiplying takes seven times as many.
MOST = 64  # Photographs a side of a tile.


class Tiles:
  """A folder of fsim's own, which is made; patterns of another version, settings or rounding lie in another one."""

  def __init__(self, folder: Path):
    engine = hashlib.sha256(repr((fsim.__version__, ENGINE, DEFAULT, STEPS)).encode()).hexdigest()
    self.folder = folder / engine[:16]
    self.folder.mkdir(parents=True, exist_ok=True)

  def has(self, sha256: str, size: tuple[int, int]) -> bool:
    """Whether the pattern is there, whole: as it was written, it has a standard deviation of 1."""
    pattern = _array(self._pattern(sha256), np.int8, size)
    return pattern is not None and bool(abs(pattern.std(dtype=np.float64) / STEPS - 1) < ROUNDING)

  def keep(self, sha256: str, pattern: Float[np.ndarray, "h w"]) -> None:
    """Of the photograph with this hash; its mean and deviation do not count."""
    outputs.replace(self._pattern(sha256), _bytes(eighths(pattern)))

  def pce(self, hashes: Sequence[str], size: tuple[int, int], exact: bool = True) -> Float32[np.ndarray, "n n"]:
    """Of all pairs of photographs whose patterns have this size; `exact` as in `matching.aligned_pce`."""
    pce = np.zeros((len(hashes), len(hashes)), np.float32)
    side = side_for(size)
    starts = range(0, len(hashes), side)
    with progress.bar(total=len(starts) * (len(starts) + 1) // 2, desc="pairs", unit="tile") as bar:
      for first in starts:
        rows, a = hashes[first : first + side], None
        for second in range(first, len(hashes), side):
          columns = hashes[second : second + side]
          path = self._tile(rows, columns, exact)
          found = _array(path, np.float32, (len(rows), len(columns)))
          if found is None:
            a = self._patterns(rows) if a is None else a
            b = a if first == second else self._patterns(columns)
            found = matching.aligned_pce(a, b, exact).astype(np.float32)
            outputs.replace(path, _bytes(found))
          pce[first : first + len(rows), second : second + len(columns)] = found
          pce[second : second + len(columns), first : first + len(rows)] = found.T
          bar.update()
    return pce

  def _patterns(self, hashes: Sequence[str]) -> Float32[np.ndarray, "n h w"]:
    return np.stack([np.load(self._pattern(name)).astype(np.float32) for name in hashes])

  def _pattern(self, sha256: str) -> Path:
    return self.folder / f"{sha256}.npy"

  def _tile(self, rows: Sequence[str], columns: Sequence[str], exact: bool) -> Path:
    said = hashlib.sha256(repr((list(rows), list(columns), exact)).encode()).hexdigest()
    return self.folder / f"pairs-{said}.npy"


def side_for(size: tuple[int, int]) -> int:
  """Photographs a side of a tile."""
  return min(max(MEMORY // (2 * 4 * size[0] * size[1]), 1), MOST)


def eighths(pattern: Float[np.ndarray, "h w"]) -> Int8[np.ndarray, "h w"]:
  """In steps of its deviation. The noise that rounding adds lowers a correlation by a few parts in ten thousand."""
  centred = pattern - pattern.mean()
  return np.clip(np.rint(centred * (STEPS / max(float(centred.std()), 1e-12))), -127, 127).astype(np.int8)


def _bytes(array: np.ndarray) -> bytes:
  buffer = io.BytesIO()
  np.save(buffer, array)
  return buffer.getvalue()


def _array(path: Path, kind: type, shape: tuple[int, ...]) -> np.ndarray | None:
  """None where it is absent, damaged, cut or another one."""
  try:
    found = np.lib.format.open_memmap(path, mode="r")  # No more is read than the file has.
  except (OSError, ValueError, EOFError):
    return None
  if found.shape != tuple(shape) or found.dtype != kind:
    return None
  return np.array(found) if np.isfinite(found).all() else None
