"""How what a network sees gets to the devices: cut anew for every batch, or as pixels that lie ready.

Shapes: n rows, b rows of a batch (this process's part of it).
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, Shaped

from fsim.data import loader
from fsim.data.loader import Batch, Shard, Store
from fsim.data.shuffling import Order
from fsim.train.context import Context
from fsim.train.mesh import Layout, everyone, put

SHARE = 0.5  # Of an accelerator's free memory that pixels may take.
CHUNK = 1 << 28  # Bytes of them that are on their way at once.


class Cuts(NamedTuple):
  """Images that are decoded and cut anew for every batch; nothing is stored on the devices.

  train: (row and label, generator) -> labelled pixels, perhaps another cut each time; None if nothing is trained on.
  eval: row -> pixels, always the same.
  """

  context: Context
  train: Callable[[Any, np.random.Generator], Batch] | None
  eval: Callable[[Any], np.ndarray]
  stored: tuple = ()

  def images(self) -> Callable[[Any, Any], Any]:
    """(stored, what is handed over of a batch) -> images, to be compiled."""
    return handed

  def training(self, order: Order, batch: int, start: int) -> Iterator[Batch]:
    """What is handed over of each batch from step `start` on, and labels. batch: its size, over all processes."""
    own = {"seed": self.context.seed, "start": start, "shard": shard(), "reading": self.context.reading}
    return loader.training_batches(self.train, order, batch=batch, **own)

  def in_order(self, rows: Int[np.ndarray, " n"], batch: int) -> Iterator[np.ndarray]:
    """What is handed over of each batch of these rows (see `loader.in_order`)."""
    return loader.in_order(self.eval, rows, batch=batch, shard=shard(), threads=self.context.reading.threads)

  def one(self, row: int | np.integer) -> np.ndarray:
    """The pixels of a row."""
    return self.eval(row)


class Pixels(NamedTuple):
  """Pixels that lie ready; methods as those of `Cuts`.

  rows: whose pixels are `stored` on every device, in rising order; None if none are.
  """

  context: Context
  store: Store
  rows: Int[np.ndarray, " n"] | None = None
  stored: Any = ()

  def images(self) -> Callable[[Any, Any], Any]:
    return handed if self.rows is None else looked_up

  def training(self, order: Order, batch: int, start: int) -> Iterator[tuple[Any, Int[np.ndarray, " b"]]]:
    own = {"shard": shard(), "threads": self.context.reading.threads}
    return loader.drawn_batches(self._draw, order, batch=batch, start=start, **own)

  def in_order(self, rows: Int[np.ndarray, " n"], batch: int) -> Iterator[Any]:
    own = {"shard": shard(), "threads": self.context.reading.threads}
    return loader.drawn_in_order(self._draw, rows, batch=batch, **own)

  def one(self, row: int | np.integer) -> Shaped[np.ndarray, "h w *c"]:
    return self.store(row)

  def _draw(self, rows: Int[np.ndarray, " b"]) -> Any:
    return self.store.take(rows) if self.rows is None else np.searchsorted(self.rows, rows).astype(np.int32)


Feed = Cuts | Pixels


def handed(stored: Any, images: Any) -> Any:
  return images


def looked_up(stored: Any, places: Any) -> Any:
  return stored[places]


def shard() -> Shard:
  return Shard(jax.process_index(), jax.process_count())


def resident(store: Store, rows: Int[np.ndarray, " n"], context: Context) -> Pixels:
  """Pixels of which those of these rows are put on every device, each whole, if they are accelerators with room."""
  rows = np.unique(rows)
  if not everyone(len(rows) * store(rows[0]).nbytes <= SHARE * free_memory()):
    return Pixels(context, store)
  return Pixels(context, store, rows, _on_devices(store, rows, context.layout))


def free_memory() -> float:
  """Bytes of that device of this process which has least; 0 where devices have none of their own."""
  found = [device.memory_stats() for device in jax.local_devices() if device.platform != "cpu"]
  if not found or not all(found):
    return 0.0
  return min(own["bytes_limit"] - own["bytes_in_use"] for own in found)


def _on_devices(store: Store, rows: Int[np.ndarray, " n"], layout: Layout) -> Shaped[Array, "n h w *c"]:
  """Piece by piece: this process never holds a second copy of all."""
  first = store(rows[0])
  at_once = max(1, CHUNK // first.nbytes)
  shape = (len(rows), *first.shape)
  found = jax.jit(lambda: jnp.zeros(shape, first.dtype), out_shardings=layout.replicated)()
  write = jax.jit(
    lambda whole, some, place: jax.lax.dynamic_update_slice_in_dim(whole, some, place, 0),
    donate_argnums=0,
    out_shardings=layout.replicated,
  )
  for place in range(0, len(rows), at_once):
    found = write(found, put(store.take(rows[place : place + at_once]), layout.replicated), np.int32(place))
  return found
