"""What is asked of many photographs: several at a time, so that a GPU has work and all of a CPU's cores have.

On a GPU as many of one size as MEMORY allows make a batch, always a whole one, so that few shapes are compiled, and two
batches are under way: one computes while the other comes and goes. On a CPU a batch is one photograph, which shares
caches with nobody, and as many are under way as there are cores.

Shapes: h w pixels, b images.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import jax
import numpy as np
from jaxtyping import UInt8

from fsim.boundary import arrays, machine
from fsim.prnu import probe
from fsim.prnu.probe import Filtered
from fsim.prnu.residuals import DEFAULT, Settings

PIXELS = 1 << 24  # Of a batch on a GPU, which takes some 2 GB with all that is between.
MOST = 64  # Images of a batch.
Item = TypeVar("Item")
Group = list[tuple[Item, UInt8[np.ndarray, "h w 3"] | None]]


def looked_at(
  asked: Iterable[tuple[Item, UInt8[np.ndarray, "h w 3"] | None]],
  ask: Callable[[Filtered], Any],
  settings: Settings = DEFAULT,
) -> Iterator[tuple[Item, Any]]:
  """Items in their order, each with what `ask` says of its image, as NumPy arrays; None without an image.

  ask: of a batch, arrays with an image a row. Some items are taken before the answers of those before them are given.
  Raises UserError for an image below SMALLEST pixels.
  """
  workers = _under_way()
  compiled: set[tuple[int, ...]] = set()
  waiting: deque[Future] = deque()
  with ThreadPoolExecutor(workers) as pool:
    for group in _groups(asked):
      future = pool.submit(_answers, group, ask, settings)
      waiting.append(future)
      shapes = {image.shape for _, image in group if image is not None}
      if not shapes <= compiled:
        future.result()  # Alone: two threads would compile the same program twice.
        compiled |= shapes
      if len(waiting) > workers:
        yield from waiting.popleft().result()
    while waiting:
      yield from waiting.popleft().result()


def at_once(shape: tuple[int, ...]) -> int:
  """Images of this shape in a batch."""
  return 1 if jax.default_backend() == "cpu" else min(max(PIXELS // (shape[0] * shape[1]), 1), MOST)


def _under_way() -> int:
  return machine.cores() if jax.default_backend() == "cpu" else 2


def _groups(asked: Iterable[tuple[Item, UInt8[np.ndarray, "h w 3"] | None]]) -> Iterator[Group]:
  """As they come; those of a group that have an image have one shape, and are no more than a batch."""
  group: Group = []
  images = 0
  for item, image in asked:
    shape = next((other.shape for _, other in group if other is not None), None)
    if image is not None and images and image.shape != shape:
      yield group
      group, images = [], 0
    group.append((item, image))
    images += image is not None
    if not images or len(group) == MOST or (image is not None and images == at_once(image.shape)):
      yield group
      group, images = [], 0
  if group:
    yield group


def _answers(group: Group, ask: Callable[[Filtered], Any], settings: Settings) -> list[tuple[Item, Any]]:
  images = [image for _, image in group if image is not None]
  if not images:
    return [(item, None) for item, _ in group]
  batch = arrays.filled(np.stack(images), at_once(images[0].shape))
  found = jax.device_get(ask(probe.filtered(batch, settings)))
  row = iter(range(len(images)))
  return [(item, None if image is None else _row(found, next(row))) for item, image in group]


def _row(found: Any, k: int) -> Any:
  return jax.tree.map(lambda x: x[k], found)
