"""Which patches of an image are worth looking at, and where they are kept once they are cut.

Shapes: h w pixels of an image, n patches of one image, s pixels a side, m images, k patches kept of each.
"""

import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped, UInt8
from scipy.special import entr

from fsim.boundary import progress
from fsim.boundary.errors import UserError
from fsim.boundary.machine import cores
from fsim.data import cache, jpeg
from fsim.data.markers import JPEG_GRID

Patches = UInt8[np.ndarray, "n s s 3"]
MAXIMUM = 255  # Grey level of a saturated pixel.
HALF_RANGE = 127.5
ALPHA, BETA, GAMMA = 0.7, 4.0, np.log(0.01)  # Of `quality`, as in the code published with the paper.
CHUNK = 64  # Images whose patches are in memory at once.
TOGETHER = 1024  # Patches of a grid that are in memory at once.
PIXELS = 2**20  # Of an image, judged at once.
PIXELS_FILE = "patches.bin"  # All patches, one behind the other.
FORMAT = 2  # Of the folders.


class Choice(NamedTuple):
  """Which patches are taken: the `count` best by `rule` (see CHOICES), `size` pixels a side, on a grid of `stride`.

  Never taken are patches with a larger share of saturated pixels than `saturated`, or with an entropy (nats) below
  `entropy`, so an image may have fewer than `count`.
  """

  size: int
  stride: int
  count: int
  rule: str
  saturated: float
  entropy: float


def mid_tone(patches: Patches) -> Float[np.ndarray, " n"]:
  """0 for a mean at half the range, falling to -1 (Bondi et al. 2017, section IV: "close to the half image range")."""
  return -np.abs(patches.mean((1, 2, 3)) - HALF_RANGE) / HALF_RANGE


def quality(patches: Patches) -> Float[np.ndarray, " n"]:
  """The measure of the authors' published code in 0..1: mid-tone, and with some texture.

  q = mean over colours of .7 (4 m - 4 m^2) + .3 (1 - e^(ln(.01) s)), m the mean and s the deviation in 0..1.
  """
  m, s = patches.mean((1, 2)) / MAXIMUM, patches.std((1, 2)) / MAXIMUM
  return (ALPHA * BETA * (m - m**2) + (1 - ALPHA) * (1 - np.exp(GAMMA * s))).mean(1)


def at_random(patches: Patches) -> Float[np.ndarray, " n"]:
  """Places drawn by lot, always the same for an image (Mayer & Stamm 2018, section 4: random, not overlapping)."""
  return np.random.default_rng(zlib.crc32(patches.tobytes())).random(len(patches))


CHOICES: dict[str, Callable[[Patches], Float[np.ndarray, " n"]]] = {
  "paper": mid_tone,
  "code": quality,
  "random": at_random,
}


def saturated(patches: Patches) -> Float[np.ndarray, " n"]:
  """Share of the pixels that have a colour at its maximum: there the sensor's and the camera's traces are cut off."""
  red, green, blue = (patches[..., colour] == MAXIMUM for colour in range(3))  # Six times as fast as any() over them.
  return (red | green | blue).mean((1, 2))


def entropy(patches: Patches) -> Float[np.ndarray, " n"]:
  """Of the 256 levels of green, in nats: 0 for a flat patch, 5.5 at most (Mayer & Stamm 2018: - sum p ln p)."""
  n, levels = len(patches), MAXIMUM + 1
  green = patches[..., 1].reshape(n, -1)
  counts = np.bincount((green + levels * np.arange(n)[:, None]).ravel(), minlength=n * levels).reshape(n, levels)
  return entr(counts / green.shape[1]).sum(1)


def grid(h: int, w: int, size: int, stride: int) -> Int[np.ndarray, "n 2"]:
  """Tops and lefts of all patches that fit, in reading order. They lie on the JPEG block grid.

  Raises UserError for a stride that does not keep to it.
  """
  if size < 1 or stride < 1 or stride % JPEG_GRID:
    raise UserError(f"patches need a stride on the JPEG grid, a multiple of {JPEG_GRID}, got {stride} (size {size})")
  tops, lefts = (np.arange(0, side - size + 1, stride) for side in (h, w))
  return np.stack(np.meshgrid(tops, lefts, indexing="ij"), -1).reshape(-1, 2)


def over_grid(
  image: UInt8[np.ndarray, "h w 3"],
  choice: Choice,
  classify: Callable[[Patches], Int[np.ndarray, " p"]],
) -> Int[np.ndarray, "r q"]:
  """What `classify` makes of every patch of the grid alone; -1 where the patch is unusable."""
  places = grid(*image.shape[:2], choice.size, choice.stride)
  rows, columns = (len(np.unique(places[:, axis])) for axis in (0, 1))
  found = np.full(len(places), -1)
  for first in range(0, len(places), TOGETHER):
    pixels = cut(image, places[first : first + TOGETHER], choice.size)
    own = np.flatnonzero(usable(pixels, choice))
    if len(own):
      found[first + own] = classify(pixels[own])
  return found.reshape(rows, columns)


def cut(image: UInt8[np.ndarray, "h w 3"], places: Int[np.ndarray, "n 2"], size: int) -> Patches:
  made = np.empty((len(places), size, size, 3), np.uint8)
  for patch, (top, left) in zip(made, places, strict=True):
    patch[:] = image[top : top + size, left : left + size]
  return made


def usable(patches: Patches, choice: Choice) -> Bool[np.ndarray, " n"]:
  return (saturated(patches) <= choice.saturated) & (entropy(patches) >= choice.entropy)


def choose(image: UInt8[np.ndarray, "h w 3"], choice: Choice) -> Int[np.ndarray, "n 2"]:
  """Tops and lefts of the best usable patches, best first (of equals the first in reading order); perhaps none."""
  if choice.rule not in CHOICES:
    raise UserError(f"patches are chosen by one of {', '.join(CHOICES)}, got {choice.rule!r}")
  places = grid(*image.shape[:2], choice.size, choice.stride)
  if not len(places):
    return places
  step = max(1, PIXELS // choice.size**2)
  some = (cut(image, places[k : k + step], choice.size) for k in range(0, len(places), step))
  scores = np.concatenate([np.where(usable(p, choice), CHOICES[choice.rule](p), -np.inf) for p in some])
  best = np.argsort(-scores, kind="stable")[: choice.count]
  return places[best[np.isfinite(scores[best])]]


class Cache(NamedTuple):
  """The chosen patches of every image of a data set, on disk, each image decoded once.

  Patches are numbered through, row by row and the best of a row first, so index sets of images, which is what protocols
  make, say which patches may be trained on. `found` is the number of patches of each row.
  """

  folder: Path
  choice: Choice
  found: Int[np.ndarray, " m"]

  def numbers(self, rows: Int[np.ndarray, " r"]) -> Int[np.ndarray, " p"]:
    """Numbers of all patches of these images, image by image, best first."""
    rows, turn = np.asarray(rows), np.arange(self.choice.count)
    first = np.cumsum(self.found) - self.found
    return (first[rows, None] + turn)[turn < self.found[rows, None]]

  def row(self, number: Int[np.ndarray, " p"]) -> Int[np.ndarray, " p"]:
    """The image of each patch."""
    return np.searchsorted(np.cumsum(self.found), number, side="right")

  def mean(self, numbers: Int[np.ndarray, " p"]) -> Float[np.ndarray, "s s 3"]:
    """Pixel by pixel, of these patches."""
    pixels, total = self.stored(), np.zeros((self.choice.size, self.choice.size, 3))
    for number in numbers:
      total += pixels(number)
    return total / len(numbers)

  def stored(self) -> "Stored":
    return Stored(self.folder / PIXELS_FILE, (self.choice.size, self.choice.size, 3), np.uint8)


class Stored:
  """Number -> pixels, from arrays of one shape that lie one behind the other in a file.

  A class so that worker processes can receive it without the pixels.
  """

  def __init__(self, path: Path, shape: tuple[int, ...], dtype: type):
    self.path, self.shape, self.dtype = path, shape, dtype
    self._array: Any = None

  def __getstate__(self) -> dict:
    return vars(self) | {"_array": None}

  def __call__(self, number: int | np.integer) -> Shaped[np.ndarray, "h w *c"]:
    return np.array(self.every()[int(number)])

  def take(self, numbers: Int[np.ndarray, " n"]) -> Shaped[np.ndarray, "n h w *c"]:
    return self.every()[numbers]

  def every(self) -> Shaped[np.ndarray, "n h w *c"]:
    """All of them, read from the file when they are asked for."""
    if self._array is None:
      self._array = np.memmap(self.path, self.dtype, "r").reshape(-1, *self.shape)
    return self._array


def open_cache(
  records: Sequence[bytes], rows: Int[np.ndarray, " r"], data_digest: str, choice: Choice, home: Path
) -> Cache:
  """The chosen patches of those rows, cut on first use and kept for every later run and fold with these settings.

  data_digest: of the stored bytes. home: where data sets are kept. Rows that were not asked for have no patches.
  """
  said = (FORMAT, data_digest, len(records), np.asarray(rows).tolist(), tuple(choice))
  about = {"data_digest": data_digest} | choice._asdict()
  folder = cache.get_or_build(home / "patches", said, about, lambda draft: _fill(records, rows, choice, draft))
  return Cache(folder, choice, np.load(folder / "found.npy"))


def _fill(records: Sequence[bytes], rows: Int[np.ndarray, " r"], choice: Choice, folder: Path) -> None:
  found = np.zeros(len(records), np.int32)
  with (folder / PIXELS_FILE).open("wb") as file, progress.bar(total=len(rows), desc="patches", unit="image") as bar:
    for row, patches in _of_each(records, np.sort(rows), choice):
      file.write(patches.tobytes())
      found[row] = len(patches)
      bar.update()
  np.save(folder / "found.npy", found)


def _of_each(records: Sequence[bytes], rows: Int[np.ndarray, " r"], choice: Choice) -> Iterator[tuple[int, Patches]]:
  def of(row: int) -> tuple[int, Patches]:
    try:
      image = jpeg.decode(records[row])
    except jpeg.BadImage as error:
      raise UserError(f"image {row} of the data set: {error}") from error
    return row, cut(image, choose(image, choice), choice.size)

  with ThreadPoolExecutor(cores()) as pool:
    for first in range(0, len(rows), CHUNK):
      yield from pool.map(of, rows[first : first + CHUNK].tolist())
