"""What is asked of many photographs, several at a time where that is faster.

On a GPU as many of one size as PIXELS allows make a batch, always a whole one, so that few shapes are compiled, and the
next batch computes while one comes back. On a CPU a batch is one photograph, in little memory, and the noise of the
next one is filtered meanwhile, so that a second core has work. What is asked is asked by one thread alone: two programs
with Fourier transforms at once can wait for each other for ever in XLA's threads (seen with jaxlib 0.11.2).

Shapes: h w pixels, b images.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import jax
import numpy as np
from jaxtyping import UInt8

from fsim.boundary import arrays
from fsim.data.photographs import Photograph
from fsim.prnu import AnyArray, probe
from fsim.prnu.probe import Filtered, Look
from fsim.prnu.residuals import DEFAULT, Settings

PIXELS = 1 << 20  # Of a batch on a GPU: what is between then stays in its cache (docs/prnu.md).
MOST = 64  # Images of a batch.
UNDER_WAY = 4  # Batches on a GPU, but for the one that comes back.
Item = TypeVar("Item")
Group = list[tuple[Item, UInt8[np.ndarray, "h w 3"] | None]]
See = Callable[[UInt8[np.ndarray, "h w 3"]], UInt8[np.ndarray, "i j 3"]]  # What is looked at of an image.


def whole(pixels: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w 3"]:
  return pixels


def looked_at(
  asked: Iterable[tuple[Item, UInt8[np.ndarray, "h w 3"] | None]],
  ask: Callable[[Filtered], Any],
  settings: Settings = DEFAULT,
) -> Iterator[tuple[Item, Any]]:
  """Items in their order, each with what `ask` says of its image, as NumPy arrays; None without an image.

  ask: of a batch, arrays with an image a row. Some items are taken before the answers of those before them are given.
  Raises UserError for an image below SMALLEST pixels.
  """
  ahead = 1 if jax.default_backend() == "cpu" else UNDER_WAY
  waiting: deque[tuple[Group, Future]] = deque()
  with ThreadPoolExecutor(1) as pool:
    for group in _groups(asked):
      waiting.append((group, pool.submit(_begun, group, ask, settings)))
      if len(waiting) > ahead:
        yield from _ended(*waiting.popleft(), ask)
    while waiting:
      yield from _ended(*waiting.popleft(), ask)


def looks(
  photographs: Iterable[Photograph], make: Callable[[Filtered], AnyArray], settings: Settings = DEFAULT
) -> Iterator[tuple[Photograph, Look]]:
  """Photographs in their order, each with its pattern or why it has none. make: as in `probe.look`."""
  both = looked_at(usable(photographs), lambda found: (probe.shares(found), make(found)), settings)
  for (photograph, objection), found in both:
    yield photograph, Look(objection, None) if found is None else probe.looked(*found)


def usable(
  photographs: Iterable[Photograph], see: See = whole
) -> Iterator[tuple[tuple[Photograph, str], UInt8[np.ndarray, "h w 3"] | None]]:
  """Photographs and why they cannot be looked at, with what `see` leaves of the pixels if they can."""
  for photograph in photographs:
    objection = photograph.problem or probe.too_small(photograph.pixels)
    yield (photograph, objection), None if objection else see(photograph.pixels)


def at_once(shape: tuple[int, ...]) -> int:
  """Images of this shape in a batch."""
  return 1 if jax.default_backend() == "cpu" else min(max(PIXELS // (shape[0] * shape[1]), 1), MOST)


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


def _begun(group: Group, ask: Callable[[Filtered], Any], settings: Settings) -> Any:
  """What the thread does: filter, and on a GPU begin what is asked; None without an image."""
  images = [image for _, image in group if image is not None]
  if not images:
    return None
  count = at_once(images[0].shape)
  batch = images[0][None] if count == 1 else arrays.filled(np.stack(images), count)
  found = probe.filtered(batch, settings)
  if jax.default_backend() != "cpu":
    answers = ask(found)
    jax.tree.map(lambda x: x.copy_to_host_async(), answers)
    return answers
  found.noise.block_until_ready()
  return found


def _ended(group: Group, begun: Future, ask: Callable[[Filtered], Any]) -> Iterator[tuple[Item, Any]]:
  found = begun.result()
  found = jax.device_get(ask(found) if isinstance(found, Filtered) else found)
  row = iter(range(len(group)))
  for item, image in group:
    yield item, None if image is None else _row(found, next(row))


def _row(found: Any, k: int) -> Any:
  return jax.tree.map(lambda x: x[k], found)
