"""Patterns of many photographs on disk, eight bits a pixel, and the PCE of all their pairs, tile by tile.

In memory are two tiles' patterns and one number a pair. What is on disk is bound to the photographs by their SHA-256,
so that an interrupted call goes on with the pairs that are missing, and several processes share them.

A peak is a sum of products of whole numbers, exact in any order, as long as the sums of CHUNK pixels stay below 2^24,
which they do. The mean energy over all shifts is the product of two power spectra, of which are
kept the means in BINS of frequencies, and those LINES that stand out most from them: some cameras leave fine lines that
their photographs have in common. What is left out are products of chance: z differs from that of
`matching.aligned_pce` by .8 % (median), and by 4 % at most in all pairs of `opencams/train` (docs/scale.md). In step
with JPEG's blocks there is more energy where both patterns vary with the place in the block (`blocks`).

Shapes: m n photographs, h w pixels, d pixels of a pattern, p numbers about a spectrum, q about blocks, r about both.
"""

import functools
import hashlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32, Int, Int8, UInt8
from scipy import fft
from scipy.sparse import csr_array

import fsim
from fsim.boundary import arrays, inputs, outputs, progress
from fsim.boundary.inputs import Unreadable
from fsim.boundary.shares import ALONE, Share
from fsim.prnu import blocks, pictures
from fsim.prnu.settings import DEFAULT

ENGINE = 4  # One more with every change to what a pattern is.
STEPS = 20  # Of a pattern's standard deviation; beyond 127 of them it is cut.
ROUNDING = 0.02  # By which steps and cut may change a standard deviation of 1.
MEMORY = 1 << 28  # Bytes of a tile's patterns, both sides together; with what is multiplied, up to three times as many.
MOST = 512  # Photographs a side of a tile.
CHUNK = 1 << 15  # Pixels that are multiplied at a time.
BINS = (32, 16)  # Of rows and columns of half a spectrum.
LINES = 1024  # Frequencies that are kept by themselves.
PARTS = np.cumsum([BINS[0] * BINS[1], LINES, LINES, blocks.NUMBERS]).tolist()  # Where what is kept of energies ends.
DIGEST = 32  # Bytes of the SHA-256 behind each array: a bit that flips on a disk must not link two cameras.
ALIGNMENT = 64  # Of arrays that XLA shares, in bytes.
PICTURES = 256  # Whose details are in memory, of two megabytes at most.


class Side(NamedTuple):
  """Some patterns, a row each, on the device that multiplies them, and their sums; the means in bins of their spectra;
  the lines, by their place in half a spectrum; and how they vary with the place in the block, of which nothing is kept
  where it does not count.
  """

  patterns: Int8[Array, "n d"]
  sums: Float[np.ndarray, " n"]
  powers: Float[np.ndarray, "n p"]
  lines: csr_array
  variation: Float[np.ndarray, "n q"]


class Tiles:
  """A folder of fsim's own, which is made; patterns of another version, settings or rounding lie in another one.

  in_step: energy is that of shifts in step with JPEG's blocks, where that is more.
  """

  def __init__(self, folder: Path, in_step: bool = False):
    self.in_step = in_step
    settings = (fsim.__version__, ENGINE, DEFAULT, STEPS, BINS, LINES, blocks.LAGS, in_step)
    engine = hashlib.sha256(repr(settings).encode()).hexdigest()
    self.folder = outputs.Folder(folder).below(engine[:16])

  def has(self, sha256: str, size: tuple[int, int]) -> bool:
    """Whether the pattern is there, whole: as it was written, it has a standard deviation of 1."""
    pattern, numbers = _array(self._pattern(sha256), np.int8, size), PARTS[-1] if self.in_step else PARTS[-2]
    if pattern is None or _array(self._spectrum(sha256), np.float64, (numbers,)) is None:
      return False
    if _array(self._shown(sha256), np.uint8) is None:
      return False
    return bool(abs(pattern.std(dtype=np.float64) / STEPS - 1) < ROUNDING)

  def keep(
    self, sha256: str, pattern: Float[np.ndarray, "h w"], pixels: UInt8[np.ndarray, "i j 3"] | None = None
  ) -> None:
    """Of the photograph with this hash; its mean and deviation do not count. pixels: of all of it, if it shows any."""
    kept = eighths(pattern)
    levels = np.zeros((1, 1), np.uint8) if pixels is None else pictures.picture(pixels, pictures.COARSE).levels
    outputs.replace(self._shown(sha256), _bytes(levels))
    outputs.replace(self._spectrum(sha256), _bytes(energies(kept, self.in_step)))
    outputs.replace(self._pattern(sha256), _bytes(kept))

  def make(self, hashes: Sequence[str], size: tuple[int, int], share: Share = ALONE) -> None:
    """All tiles of these photographs, whose patterns have this size, that are not there yet."""
    for _ in self._each(hashes, size, share):
      pass

  def pce(self, hashes: Sequence[str], size: tuple[int, int], share: Share = ALONE) -> Float32[np.ndarray, "n n"]:
    """Of all pairs. Tiles that are missing are made."""
    pce = np.zeros((len(hashes), len(hashes)), np.float32)
    side = side_for(size)
    for i, j, found in self._each(hashes, size, share):
      rows, columns = (slice(k * side, (k + 1) * side) for k in (i, j))
      pce[rows, columns] = found
      pce[columns, rows] = found.T
    return pce

  def _each(
    self, hashes: Sequence[str], size: tuple[int, int], share: Share
  ) -> Iterator[tuple[int, int, Float32[np.ndarray, "m n"]]]:
    """Places of rows and columns among the sides of tiles, and what is between them: read once, or made."""
    side = side_for(size)
    sides = [tuple(hashes[first : first + side]) for first in range(0, len(hashes), side)]
    kept = functools.lru_cache(maxsize=1)(self._side)  # Tiles that follow each other share their rows.
    places = share.order([(i, j) for i in range(len(sides)) for j in range(i, len(sides))])
    for i, j in progress.bar(places, desc="pairs", unit="tile"):
      rows, columns = sides[i], sides[j]
      found = self._found(rows, columns)
      if found is None:
        a = kept(rows)
        found = pce_of(a, a if i == j else self._side(columns))
        outputs.replace(self._tile(rows, columns), _bytes(found))
      yield i, j, found

  def alike(self, hashes: Sequence[str], pce: Float32[np.ndarray, "n n"], least: float) -> list[tuple[int, int, float]]:
    """Places of two photographs of such a PCE that show the same, with the share of their area."""
    details = functools.lru_cache(maxsize=PICTURES)(lambda k: pictures.details(np.load(self._shown(hashes[k]))))
    places = np.argwhere(np.triu(pce >= least, 1)).tolist()
    found = ((a, b, pictures.share_of(details(a), details(b))) for a, b in places)
    return [pair for pair in found if pair[2]]

  def _side(self, hashes: tuple[str, ...]) -> Side:
    first = np.load(self._pattern(hashes[0]))
    patterns = _aligned(len(hashes), first.size)
    for row, name in zip(patterns, hashes, strict=True):
      row[:] = np.load(self._pattern(name)).reshape(-1)
    return side_of(patterns, np.stack([np.load(self._spectrum(name)) for name in hashes]), first.shape)

  def _found(self, rows: tuple[str, ...], columns: tuple[str, ...]) -> Float32[np.ndarray, "m n"] | None:
    return _array(self._tile(rows, columns), np.float32, (len(rows), len(columns)))

  def _pattern(self, sha256: str) -> Path:
    return self.folder / f"{sha256}.npy"

  def _spectrum(self, sha256: str) -> Path:
    return self.folder / f"spectrum-{sha256}.npy"

  def _shown(self, sha256: str) -> Path:
    return self.folder / f"shown-{sha256}.npy"

  def _tile(self, rows: tuple[str, ...], columns: tuple[str, ...]) -> Path:
    return self.folder / f"pairs-{hashlib.sha256(repr((rows, columns)).encode()).hexdigest()}.npy"


def side_for(size: tuple[int, int]) -> int:
  """Photographs a side of a tile."""
  return min(max(MEMORY // (2 * size[0] * size[1]), 1), MOST)


def eighths(pattern: Float[np.ndarray, "h w"]) -> Int8[np.ndarray, "h w"]:
  """In steps of its deviation. The noise that rounding adds lowers a correlation by a few parts in ten thousand."""
  centred = pattern - pattern.mean()
  return np.clip(np.rint(centred * (STEPS / max(float(centred.std()), 1e-12))), -127, 127).astype(np.int8)


def energies(pattern: Int8[np.ndarray, "h w"], in_step: bool = False) -> Float[np.ndarray, " r"]:
  """What a pattern's correlations with others have as energy, and more of it in step; PARTS says where what ends."""
  found = powers(pattern)
  return np.concatenate([found, blocks.variation(pattern)]) if in_step else found


def powers(pattern: Int8[np.ndarray, "h w"]) -> Float[np.ndarray, " p"]:
  """Means in bins, places of the lines, and by how much they stand out; products are mean energies."""
  h, w = pattern.shape
  spectrum = fft.rfft2(pattern.astype(np.float32))
  spectrum[0, 0] = 0
  times = np.tile(_times(w), h)  # How often a value of half a spectrum stands in the whole one.
  row, column = (np.arange(n) * bins // n for n, bins in zip((h, w // 2 + 1), BINS, strict=True))
  place = (row[:, None] * BINS[1] + column).ravel()
  power = (spectrum.real**2 + spectrum.imag**2).ravel() / (h * w)
  count = np.maximum(np.bincount(place, times, BINS[0] * BINS[1]), 1)
  mean = np.bincount(place, power * times, BINS[0] * BINS[1]) / count
  rest = (power - mean[place]) * np.sqrt(times)
  lines = np.argpartition(-np.abs(rest), LINES)[:LINES]
  return np.concatenate([mean * np.sqrt(count), lines, rest[lines]])


def _times(width: int) -> Float[np.ndarray, " v"]:
  times = np.full(width // 2 + 1, 2.0)
  times[0] = 1
  times[-1] = 1 if width % 2 == 0 else 2
  return times


def side_of(patterns: Int8[np.ndarray, "n d"], spectra: Float[np.ndarray, "n r"], size: tuple[int, int]) -> Side:
  """spectra: as of `energies`."""
  bins, places, values, variation = np.split(spectra, PARTS[:-1], axis=1)
  starts = np.arange(len(spectra) + 1) * LINES
  shape = (len(spectra), size[0] * (size[1] // 2 + 1))
  lines = csr_array((values.ravel(), places.ravel().astype(np.int64), starts), shape=shape)
  sums = patterns.sum(1, dtype=np.int32).astype(np.float64)
  return Side(jnp.asarray(patterns), sums, bins, lines, variation)


def _aligned(n: int, d: int) -> Int8[np.ndarray, "n d"]:
  """Not filled; so placed in memory that JAX takes it on CPUs as it is, without a copy."""
  whole = np.empty(n * d + ALIGNMENT, np.int8)
  return whole[-whole.ctypes.data % ALIGNMENT :][: n * d].reshape(n, d)


def pce_of(a: Side, b: Side) -> Float32[np.ndarray, "m n"]:
  """Aligned PCE of all patterns of a with all of b; the peak alone is no energy."""
  d = a.patterns.shape[1]
  peaks = jnp.zeros((len(a.patterns), len(b.patterns)), jnp.float32)
  for first in range(0, d, CHUNK):
    peaks = _added(peaks, a.patterns, b.patterns, first, min(CHUNK, d - first))
  peaks = np.asarray(peaks, np.float64) - np.outer(a.sums, b.sums) / d
  energy = a.powers @ b.powers.T + (a.lines @ b.lines.T).toarray() + np.maximum(a.variation @ b.variation.T, 0)
  return (np.sign(peaks) * peaks**2 / ((d * energy - peaks**2) / (d - 1))).astype(np.float32)


@functools.partial(jax.jit, donate_argnums=0, static_argnames="pixels")
def _added(
  total: Float32[Array, "m n"], a: Int8[Array, "m d"], b: Int8[Array, "n d"], first: Int[Array, ""], pixels: int
) -> Float32[Array, "m n"]:
  """`total` and the products of so many pixels, in eight bits: the fastest on CPUs and GPUs (docs/scale.md)."""
  parts = (jax.lax.dynamic_slice_in_dim(x, first, pixels, 1) for x in (a, b))
  return total + jnp.einsum("mc,nc->mn", *parts, preferred_element_type=jnp.int32).astype(jnp.float32)


def _bytes(array: np.ndarray) -> bytes:
  buffer = io.BytesIO()
  np.save(buffer, array)
  data = buffer.getvalue()
  return data + hashlib.sha256(data).digest()


def _array(path: Path, kind: type, shape: tuple[int, ...] | None = None) -> np.ndarray | None:
  """None where it is absent, damaged, cut or another one. shape: None where any will do."""
  try:
    data = inputs.read_bytes(path, arrays.LIMIT)
  except Unreadable:
    return None
  if hashlib.sha256(data[:-DIGEST]).digest() != data[-DIGEST:]:
    return None
  found = np.load(io.BytesIO(data))
  return found if found.dtype == kind and shape in (None, found.shape) else None
