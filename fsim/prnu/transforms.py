"""Geometric transforms of a pattern: a rotated, mirrored or resized file is matched only if it is turned back.

Shapes: h w pixels of the pattern in question, H W of the one it is sought in.
"""

import functools
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from fsim.boundary.errors import UserError
from fsim.data.markers import MAX_PIXELS
from fsim.prnu import AnyArray, matching

LOW = 4.0  # PCE up to which nobody says that it is a match: two standard deviations.


class Transform(NamedTuple):
  """Mirrored left to right first, then turned by quarters counter-clockwise, then scaled."""

  turns: int = 0
  mirrored: bool = False
  scale: float = 1.0

  def size(self, height: int, width: int) -> tuple[int, int]:
    """(height, width) of what is seen of such a pattern."""
    sides = (width, height) if self.turns % 2 else (height, width)
    return tuple(sides if self.scale == 1 else (max(round(n * self.scale), 1) for n in sides))

  def at(self, pattern: Float[AnyArray, "h w"]) -> Float[AnyArray, "i j"]:
    return _seen(pattern, *self)


class Found(NamedTuple):
  """The best over all transforms. `n_hypotheses` counts every shift of every transform, of this pair alone."""

  pce: float
  transform: Transform
  shift: tuple[int, int]
  n_hypotheses: int


def all_transforms(turned: bool, mirrored: bool, scales: Iterable[float] = (1.0,)) -> list[Transform]:
  return [
    Transform(t, m, s)
    for s in scales
    for m in ((False, True) if mirrored else (False,))
    for t in range(4 if turned else 1)
  ]


def find(
  pattern: Float[np.ndarray, "h w"],
  prints: Float[np.ndarray, "n H W"],
  transforms: Sequence[Transform],
  reach: int | None,
  in_step: bool = False,
) -> list[Found]:
  """The best transform of a pattern for each print; `reach` as in `matching.search`, 0 for aligned patterns.

  in_step: the peak's energy is that of shifts in step with JPEG's blocks, where that is more (`matching.widening`).

  A transform that leaves neither pattern fitting into the other, or aligned ones of other sizes, is not taken, nor one
  that would have more pixels than any sensor. Raises UserError naming the sizes if none is left.
  """
  best: list[Found | None] = [None] * len(prints)
  count = 0
  for transform in transforms:
    if not _comparable(transform.size(*pattern.shape), prints.shape[1:], reach):
      continue
    seen = pattern if transform == Transform() else transform.at(pattern)
    pces, shifts, number = _peaks(seen, prints, reach)
    count += number
    if in_step:
      pces = [_in_step(pce, seen, known, shift) for pce, known, shift in zip(pces, prints, shifts, strict=True)]
    for k, (pce, shift) in enumerate(zip(pces, shifts, strict=True)):
      if best[k] is None or np.isnan(best[k].pce) or pce > best[k].pce:
        best[k] = Found(float(pce), transform, (int(shift[0]), int(shift[1])), 0)
  if count == 0:
    (h, w), (height, width) = pattern.shape, prints.shape[1:]
    raise UserError(f"sizes differ: {w}x{h} here, {width}x{height} there; no transform asked for brings them together")
  return [found._replace(n_hypotheses=count) for found in best]


def _comparable(a: tuple[int, int], b: tuple[int, int], reach: int | None) -> bool:
  if math.prod(a) > MAX_PIXELS:
    return False
  if reach == 0:
    return a == b
  return (a[0] <= b[0] and a[1] <= b[1]) or (a[0] >= b[0] and a[1] >= b[1])


def _peaks(
  seen: Float[AnyArray, "h w"], prints: Float[np.ndarray, "n H W"], reach: int | None
) -> tuple[np.ndarray, np.ndarray, int]:
  if reach == 0:
    return matching.aligned_pce(seen[None], prints)[0], np.zeros((len(prints), 2), int), 1
  if seen.shape[0] > prints.shape[1] or seen.shape[1] > prints.shape[2]:
    pce, shift, n_hypotheses = matching.search(prints, seen[None], reach)
    return pce[:, 0], -shift[:, 0], n_hypotheses
  pce, shift, n_hypotheses = matching.search(seen[None], prints, reach)
  return pce[0], shift[0], n_hypotheses


def _in_step(
  pce: float | np.floating, seen: Float[AnyArray, "h w"], known: Float[np.ndarray, "H W"], shift: Int[np.ndarray, "2"]
) -> float:
  """The PCE by the energy of shifts in step, of the part in which the two lie upon each other; a low one as it is."""
  if not pce > LOW:
    return float(pce)
  (top, left), (down, right) = np.maximum(-shift, 0), np.maximum(shift, 0)
  a, b = np.asarray(seen)[top:, left:], known[down:, right:]
  height, width = np.minimum(a.shape, b.shape)
  return float(pce) / matching.widening(a[:height, :width], b[:height, :width])


@functools.partial(jax.jit, static_argnums=(1, 2, 3))
def _seen(pattern: Float[AnyArray, "h w"], turns: int, mirrored: bool, scale: float) -> Float[AnyArray, "i j"]:
  pattern = jnp.rot90(pattern[:, ::-1] if mirrored else pattern, turns)
  if scale == 1:
    return pattern
  return jax.image.resize(pattern, Transform(scale=scale).size(*pattern.shape), "cubic")
