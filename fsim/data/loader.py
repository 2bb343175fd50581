"""Stored images -> batches: what is decoded and cut with Grain, what lies ready as pixels many rows at a time.

The examples of every step are a pure function of (rows, labels, seed, step), on any number of processes: the place in
the data is the step itself, which every checkpoint holds, and a resumed run may use another number of processes.
"""

import collections
import itertools
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol, runtime_checkable

import grain
import numpy as np
from jaxtyping import Int, Shaped, UInt8

from fsim.boundary import arrays
from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.data import jpeg, shuffling
from fsim.data.markers import JPEG_GRID
from fsim.data.shuffling import Order

AHEAD = 2  # Batches that each thread makes before they are asked for.
IMBALANCE = 2  # Classes that differ in size by more than this factor are drawn equally often under balanced="auto".


class Batch(NamedTuple):
  """Crops, or what was made of them, with their labels; b examples a process."""

  images: Shaped[np.ndarray, "b h w *c"]
  labels: Int[np.ndarray, " b"]


@runtime_checkable
class Store(Protocol):
  """Pixels of one shape that lie ready: of one number, and of many."""

  def __call__(self, number: int | np.integer) -> Shaped[np.ndarray, "h w *c"]: ...

  def take(self, numbers: Int[np.ndarray, " n"]) -> Shaped[np.ndarray, "n h w *c"]: ...


class Shard(NamedTuple):
  """This process's place among those that share every batch."""

  index: int
  count: int


class Sources(NamedTuple):
  """Of a mixture: the source of each row, by its place among the names, and how much of a training draw is of each."""

  number: Int[np.ndarray, " n"]
  names: tuple[str, ...]
  weights: tuple[float, ...]

  def rows(self) -> list[Int[np.ndarray, " m"]]:
    """Of each source. Raises UserError for a source without any."""
    found = [np.flatnonzero(self.number == k) for k in range(len(self.names))]
    for name, own in zip(self.names, found, strict=True):
      if not len(own):
        raise UserError(f"{shown(name)} has a weight in the mixture, but nothing of it is there to train on")
    return found


class Reading(NamedTuple):
  """How batches are made ready ahead of the step: decoding threads, and worker processes (0: threads of this one)."""

  threads: int
  workers: int


def centre_crop(image: UInt8[np.ndarray, "h w 3"], size: int) -> UInt8[np.ndarray, "s s 3"]:
  """The central square, moved to the JPEG block grid (and so to one phase of the colour filter array).

  Raises UserError if the image is smaller than the crop: forensic images are never enlarged.
  """
  return central(image, size, size)


def central(image: UInt8[np.ndarray, "h w 3"], height: int, width: int) -> UInt8[np.ndarray, "i j 3"]:
  """`centre_crop` to a rectangle. Images of one size are cut at the same place of the sensor."""
  _require_room(image, height, width)
  top, left = ((side - s) // 2 // JPEG_GRID * JPEG_GRID for side, s in zip(image.shape, (height, width), strict=False))
  return image[top : top + height, left : left + width]


def random_crop(image: UInt8[np.ndarray, "h w 3"], size: int, rng: np.random.Generator) -> UInt8[np.ndarray, "s s 3"]:
  """A square anywhere on the JPEG block grid. Raises UserError if the image is smaller than the crop."""
  h, w, _ = image.shape
  _require_room(image, size, size)
  top, left = (int(rng.integers((side - size) // JPEG_GRID + 1)) * JPEG_GRID for side in (h, w))
  return image[top : top + size, left : left + size]


def _require_room(image: UInt8[np.ndarray, "h w 3"], height: int, width: int) -> None:
  h, w, _ = image.shape
  if h < height or w < width:
    raise ValueError(f"a crop of {width}x{height} does not fit into an image of {w}x{h}")


class CentreCrop:
  """Stored bytes of a row -> its central crop. A class so that worker processes can receive it."""

  def __init__(self, records: Sequence[bytes], size: int):
    self.records = records
    self.size = size

  def __call__(self, row: int | np.integer) -> UInt8[np.ndarray, "s s 3"]:
    return centre_crop(self.pixels(row), self.size)

  def pixels(self, row: int | np.integer) -> UInt8[np.ndarray, "h w 3"]:
    try:
      return jpeg.decode(self.records[int(row)])
    except jpeg.BadImage as error:
      raise UserError(f"image {row} of the data set: {error}") from error


class TrainingCrop(CentreCrop):
  """(row, label) -> labelled crop, "centre" or "random"."""

  def __init__(self, records: Sequence[bytes], size: int, crop: str):
    super().__init__(records, size)
    if crop not in ("centre", "random"):
      raise UserError(f'crop must be "centre" or "random", got {crop!r}')
    self.crop = crop

  def __call__(self, example: Shaped[np.ndarray, "2"], rng: np.random.Generator) -> Batch:
    row, label = example
    image = self.pixels(row)
    crop = random_crop(image, self.size, rng) if self.crop == "random" else centre_crop(image, self.size)
    return Batch(crop, np.asarray(label, np.int32))


def is_balanced(labels: Int[np.ndarray, " n"], setting: str) -> bool:
  """Whether classes are drawn equally often: "on", "off", or "auto" (if sizes differ by more than IMBALANCE)."""
  if setting not in ("on", "off", "auto"):
    raise UserError(f'balanced must be "on", "off" or "auto", got {setting!r}')
  sizes = np.bincount(labels)
  sizes = sizes[sizes > 0]
  return setting == "on" or (setting == "auto" and bool(sizes.max() > IMBALANCE * sizes.min()))


def order(rows: Int[np.ndarray, " n"], labels: Int[np.ndarray, " n"], seed: int, balanced: bool) -> Order:
  """The endless sequence of (row, label): reshuffled every epoch, or class by class in turn if balanced."""
  examples = np.stack([rows, labels], axis=1)
  if not balanced:
    return Order(shuffling.Shuffled(examples, seed))
  classes = [examples[labels == label] for label in np.unique(labels)]
  own = [shuffling.Shuffled(some, seed + k) for k, some in enumerate(classes)]
  return Order(shuffling.Mixed(own, [1] * len(own)))


def drawing(
  rows: Int[np.ndarray, " n"], labels: Int[np.ndarray, " n"], sources: Sources | None, seed: int, balanced: str
) -> Order:
  """`order` by `is_balanced`; of a mixture by each source's own classes, the sources in turn as their weights say."""
  if sources is None:
    return order(rows, labels, seed, is_balanced(labels, balanced))
  own = [order(rows[part], labels[part], seed, is_balanced(labels[part], balanced)).draw for part in sources.rows()]
  return Order(shuffling.Mixed(own, shuffling.shares(sources.weights)))


def training_batches(
  cut: Callable[[Any, np.random.Generator], Batch],
  sequence: Order,
  *,
  batch: int,
  seed: int,
  start: int,
  shard: Shard,
  reading: Reading,
) -> Iterator[Batch]:
  """This process's part of every batch from step `start` on. `cut` makes (row and label, generator) a labelled crop.

  `batch` is the global size.
  """
  _require_shared(batch, shard)
  # Before slicing: what is cut depends on the place in the whole sequence.
  crops = grain.MapDataset.source(sequence).random_map(cut, seed=seed)
  mine = crops.slice(slice(start * batch + shard.index, None, shard.count))
  batches = mine.batch(batch // shard.count, drop_remainder=True)
  ahead = grain.ReadOptions(num_threads=reading.threads, prefetch_buffer_size=2 * reading.threads)
  stream = batches.to_iter_dataset(ahead)
  if reading.workers:
    stream = stream.mp_prefetch(grain.MultiprocessingOptions(num_workers=reading.workers), worker_init_fn=ignore_ctrl_c)
  return iter(stream)


def drawn_batches(
  draw: Callable[[Int[np.ndarray, " b"]], Any], sequence: Order, *, batch: int, start: int, shard: Shard, threads: int
) -> Iterator[tuple[Any, Int[np.ndarray, " b"]]]:
  """The same examples where nothing is random but the order: what `draw` makes of the rows of a batch, and labels."""
  _require_shared(batch, shard)

  def at(step: int) -> tuple[Any, Int[np.ndarray, " b"]]:
    rows, labels = sequence.some(step * batch, batch)[shard.index :: shard.count].T
    return draw(rows), labels.astype(np.int32)

  return ahead(at, itertools.count(start), threads)


def _require_shared(batch: int, shard: Shard) -> None:
  if batch % shard.count:
    raise UserError(f"a batch of {batch} cannot be shared by {shard.count} processes")


def ahead(make: Callable[[int], Any], numbers: Iterable[int], threads: int) -> Iterator[Any]:
  """What is made of each number, in their order; a few are made in threads before they are asked for."""
  pool = ThreadPoolExecutor(threads)
  made: collections.deque = collections.deque()
  try:
    for number in numbers:
      made.append(pool.submit(make, number))
      if len(made) > AHEAD * threads:
        yield made.popleft().result()
    while made:
      yield made.popleft().result()
  finally:
    pool.shutdown(cancel_futures=True)


def ignore_ctrl_c(index: int, count: int) -> None:
  """In a worker process: terminals send it to all, and it is the first process that ends the run and its workers."""
  signal.signal(signal.SIGINT, signal.SIG_IGN)


def in_order(
  cut: Callable[[Any], np.ndarray], rows: Int[np.ndarray, " n"], *, batch: int, shard: Shard, threads: int
) -> Iterator[np.ndarray]:
  """One pass over the rows in their order, in full batches (the last row is repeated); this process's block of each."""
  ahead_of = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=2 * threads)
  mine = _blocks(rows, batch, shard)
  return iter(grain.MapDataset.source(mine.ravel()).map(cut).batch(mine.shape[1]).to_iter_dataset(ahead_of))


def drawn_in_order(
  draw: Callable[[Int[np.ndarray, " b"]], Any], rows: Int[np.ndarray, " n"], *, batch: int, shard: Shard, threads: int
) -> Iterator[Any]:
  """The same, of what `draw` makes of the rows of a batch."""
  mine = _blocks(rows, batch, shard)
  return ahead(lambda number: draw(mine[number]), range(len(mine)), threads)


def _blocks(rows: Int[np.ndarray, " n"], batch: int, shard: Shard) -> Int[np.ndarray, "m b"]:
  return arrays.filled(rows, batch).reshape(-1, shard.count, batch // shard.count)[:, shard.index]
