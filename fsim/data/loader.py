"""Stored images -> batches, with Grain.

The examples of every step are a pure function of (rows, labels, seed, step), on any number of processes: the place in
the data is the step itself, which every checkpoint holds, and a resumed run may use another number of processes.
"""

import signal
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import grain
import numpy as np
from jaxtyping import Int, Shaped, UInt8

from fsim.boundary import arrays
from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.data import jpeg

IMBALANCE = 2  # Classes that differ in size by more than this factor are drawn equally often under balanced="auto".
JPEG_GRID = 8


class Batch(NamedTuple):
  """Crops, or what was made of them, with their labels; b examples a process."""

  images: Shaped[np.ndarray, "b h w *c"]
  labels: Int[np.ndarray, " b"]


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


def order(
  rows: Int[np.ndarray, " n"], labels: Int[np.ndarray, " n"], seed: int, balanced: bool
) -> grain.MapDataset[Shaped[np.ndarray, "2"]]:
  """The endless sequence of (row, label): reshuffled every epoch, or class by class in turn if balanced."""
  examples = np.stack([rows, labels], axis=1)
  if not balanced:
    return grain.MapDataset.source(examples).shuffle(seed).repeat()
  classes = [examples[labels == label] for label in np.unique(labels)]
  return grain.MapDataset.mix([grain.MapDataset.source(c).shuffle(seed + k).repeat() for k, c in enumerate(classes)])


def drawing(
  rows: Int[np.ndarray, " n"], labels: Int[np.ndarray, " n"], sources: Sources | None, seed: int, balanced: str
) -> grain.MapDataset[Shaped[np.ndarray, "2"]]:
  """`order` by `is_balanced`; of a mixture by each source's own classes, the sources in turn as their weights say."""
  if sources is None:
    return order(rows, labels, seed, is_balanced(labels, balanced))
  own = [order(rows[part], labels[part], seed, is_balanced(labels[part], balanced)) for part in sources.rows()]
  return grain.MapDataset.mix(own, sources.weights)


def training_batches(
  cut: Callable[[Any, np.random.Generator], Batch],
  sequence: grain.MapDataset[Shaped[np.ndarray, "2"]],
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
  if batch % shard.count:
    raise UserError(f"a batch of {batch} cannot be shared by {shard.count} processes")
  crops = sequence.random_map(cut, seed=seed)  # Before slicing: what is cut depends on the place in the whole sequence.
  mine = crops.slice(slice(start * batch + shard.index, None, shard.count))
  batches = mine.batch(batch // shard.count, drop_remainder=True)
  ahead = grain.ReadOptions(num_threads=reading.threads, prefetch_buffer_size=2 * reading.threads)
  stream = batches.to_iter_dataset(ahead)
  if reading.workers:
    stream = stream.mp_prefetch(grain.MultiprocessingOptions(num_workers=reading.workers), worker_init_fn=ignore_ctrl_c)
  return iter(stream)


def ignore_ctrl_c(index: int, count: int) -> None:
  """In a worker process: terminals send it to all, and it is the first process that ends the run and its workers."""
  signal.signal(signal.SIGINT, signal.SIG_IGN)


def in_order(
  cut: Callable[[Any], np.ndarray], rows: Int[np.ndarray, " n"], *, batch: int, shard: Shard, threads: int
) -> Iterator[np.ndarray]:
  """One pass over the rows in their order, in full batches (the last row is repeated); this process's block of each."""
  padded = arrays.filled(rows, batch).reshape(-1, shard.count, batch // shard.count)
  ahead = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=2 * threads)
  mine = grain.MapDataset.source(padded[:, shard.index].reshape(-1)).map(cut).batch(batch // shard.count)
  return iter(mine.to_iter_dataset(ahead))
