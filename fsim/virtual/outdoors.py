"""Scenes under the sky: a background and the patches painted on it, far ones first."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from fsim.virtual import objects, texture
from fsim.virtual.layers import Patch, glow, paint, shadow, shape
from fsim.virtual.objects import EARTHS, GREENS, PAINTS, Stuff, pick

Canvas = Float[np.ndarray, "3 n n"]


def sky(stuff: Stuff, horizon: int) -> Canvas:
  """Blue above, haze at the horizon row, and clouds."""
  mix = np.clip(np.linspace(0, stuff.n / horizon, stuff.n, dtype=np.float32), 0, 1)[None, :, None] ** 1.5
  blue = np.array([0.22, 0.42, 0.85], np.float32)[:, None, None] * np.float32(stuff.rng.uniform(0.6, 1.3))
  haze = np.array([0.85, 0.90, 0.95], np.float32)[:, None, None]
  clouds = np.clip(stuff.smooth - np.float32(stuff.rng.uniform(-0.8, 1.5)), 0, 1)[None] * (1 - 0.3 * mix)
  return (blue * (1 - mix) + haze * mix) * (1 - clouds) + clouds * (1.05 + 0.12 * np.roll(stuff.smooth, 9, 0))


def ground(stuff: Stuff, canvas: Canvas, horizon: int, colours: Float[np.ndarray, "k 3"]) -> Canvas:
  """The canvas with a plane below the horizon row, whose texture shrinks with distance."""
  n = stuff.n
  depth = (np.arange(horizon, n, dtype=np.float32) - horizon + 4)[:, None] / (n - horizon)
  v = (140 / depth**0.7).astype(np.int32) % n
  u = ((np.arange(n, dtype=np.float32)[None] - n / 2) * np.minimum(1 / depth, 6)).astype(np.int32) % n
  tone = np.exp(np.float32(0.28) * stuff.rough[v, u] + np.float32(0.2) * stuff.smooth[horizon:])
  mix = np.clip(0.5 + 0.6 * stuff.smooth[v, u], 0, 1)
  first, second = (pick(stuff.rng, colours, 0.15)[:, None, None] for _ in range(2))
  return np.concatenate([canvas[:, :horizon], (first * mix + second * (1 - mix)) * tone], axis=1)


def house(stuff: Stuff, centre: tuple[float, float], extent: tuple[float, float], lit: float) -> Iterator[Patch]:
  """A wall with windows under a tiled roof; extent is (half width, half height)."""
  wide, high = extent
  place = shape(stuff.n, centre, extent, 0.0, 1.0)
  roof = shape(stuff.n, (centre[0] - 1.1 * high, centre[1]), (1.08 * wide, 0.28 * high), 0.0, 1.0)
  if place is None or roof is None:
    return
  yield objects.wall(stuff, place, extent, pick(stuff.rng, np.concatenate([EARTHS, PAINTS[3:4]]), 0.2))
  yield from objects.windows(stuff, place, extent, lit)
  yield from shadow(stuff.n, roof, (int(0.1 * high), 2), 0.03 * high, 0.5)
  tiles = texture.stripes(roof.u * np.float32(wide), roof.v * np.float32(high), 6.0, 1.2, 1.5)
  yield paint(roof, pick(stuff.rng, EARTHS, 0.25), 0.6 + 0.4 * tiles)


def landscape(stuff: Stuff) -> tuple[Canvas, Iterator[Patch]]:
  """Sky, two ridges of hills, a plane, trees and sometimes a house or the sun."""
  n, rng = stuff.n, stuff.rng
  horizon = int(n * rng.uniform(0.4, 0.65))
  canvas = sky(stuff, horizon)
  for far in (1.0, 0.5):
    ridge = texture.power_noise(rng, 8, n, 1.6)[0] * 0.04 * n + horizon - 0.03 * n - 0.09 * n * far
    under = np.clip(np.arange(n, dtype=np.float32)[:, None] - ridge[None].astype(np.float32), 0, 1)[None]
    haze = np.array([0.35, 0.45, 0.6], np.float32) * np.float32(0.6 * far)
    hill = (pick(rng, GREENS, 0.2) * np.float32(1 - 0.6 * far) + haze)[:, None, None]
    canvas = canvas * (1 - under) + under * hill * np.exp(np.float32(0.15) * np.roll(stuff.rough, int(99 * far), 1))
  return ground(stuff, canvas, horizon, GREENS if rng.random() < 0.6 else EARTHS), _on_the_plane(stuff, horizon)


def _on_the_plane(stuff: Stuff, horizon: int) -> Iterator[Patch]:
  n, rng = stuff.n, stuff.rng
  if rng.random() < 0.4:
    sun = np.array([40, 36, 28], np.float32)
    yield from glow(n, (rng.uniform(0.1, 0.3) * n, rng.uniform(0.2, 0.8) * n), 0.02 * n, sun)
  if rng.random() < 0.7:
    extent = (rng.uniform(0.1, 0.2) * n, rng.uniform(0.08, 0.14) * n)
    yield from house(stuff, (horizon + 0.05 * n - extent[1], rng.uniform(0.25, 0.75) * n), extent, 0.0)
  for depth in np.sort(rng.random(rng.integers(2, 6))):
    foot = (horizon + (0.04 + 0.3 * depth) * n, rng.uniform(0, n))
    fallen = shape(n, (foot[0], foot[1] + 0.1 * n * depth), (0.2 * n * (depth + 0.2), 0.03 * n), 0.0, 0.0)
    if fallen is not None:
      yield from shadow(n, fallen, (0, 0), 0.01 * n, 0.6)
    yield from objects.tree(stuff, foot, (0.2 + 0.4 * depth) * n)
  yield from objects.leaves(stuff, (0.92 * n, -0.1 * n, 1.2 * n, 1.1 * n), 250, (2.0, 0.03 * n), GREENS)


def facade(stuff: Stuff) -> tuple[Canvas, Iterator[Patch]]:
  """Houses of a street, a pavement, a sign, and the shade of a tree."""
  n, rng = stuff.n, stuff.rng
  curb = int(n * rng.uniform(0.72, 0.85))
  canvas = ground(stuff, sky(stuff, curb), curb, EARTHS[3:])
  seams = rng.uniform(0.25, 0.6) * n, rng.uniform(0.7, 0.95) * n

  def patches() -> Iterator[Patch]:
    for left, right in ((-0.1 * n, seams[0]), (seams[0], seams[1]), (seams[1], 1.1 * n)):
      high = rng.uniform(0.28, 0.5) * n
      yield from house(stuff, (curb - high, (left + right) / 2), ((right - left) / 2, high), 0.0)
      sign = (rng.uniform(0.06, 0.12) * n, 0.03 * n)
      yield from objects.page(stuff, (curb - 0.15 * n, (left + right) / 2), sign, 0.0, pick(rng, PAINTS, 0.2))
    for radius in objects.sizes(rng, 25, 0.02 * n, 0.15 * n):
      spot = shape(
        n, (rng.uniform(0.3, 1) * n, rng.uniform(0, 0.6) * n), (radius, 0.6 * radius), rng.uniform(0, 3), 0.0
      )
      if spot is not None:
        yield from shadow(n, spot, (0, 0), 0.012 * n, 0.35)
    yield from objects.tree(stuff, (curb + 0.1 * n, rng.uniform(0.1, 0.9) * n), rng.uniform(0.3, 0.7) * n)

  return canvas, patches()


def foliage(stuff: Stuff) -> tuple[Canvas, Iterator[Patch]]:
  """Leaves and flowers from near, over a dark ground."""
  n, rng = stuff.n, stuff.rng
  dark = GREENS[2][:, None, None] * np.float32(0.5) * np.exp(np.float32(0.4) * stuff.rough)

  def patches() -> Iterator[Patch]:
    for _ in range(3):
      box = (-0.3 * n, -0.3 * n, 1.3 * n, 1.3 * n)
      yield from objects.leaves(stuff, box, 330, (0.022 * n, 0.12 * n), GREENS)
      veil = shape(n, (rng.uniform(0, n), rng.uniform(0, n)), (0.5 * n, 0.3 * n), rng.uniform(0, 3), 0.0)
      if veil is not None:
        yield from shadow(n, veil, (0, 0), 0.03 * n, 0.5)
    flowers = PAINTS[rng.integers(0, len(PAINTS), 2)]
    for _ in range(rng.integers(3, 9)):
      y, x, radius = rng.uniform(0, n), rng.uniform(0, n), rng.uniform(0.02, 0.07) * n
      box = (y - radius, x - radius, y + radius, x + radius)
      yield from objects.leaves(stuff, box, 25, (0.15 * radius, 0.5 * radius), flowers * 1.6)

  return dark, patches()


def night(stuff: Stuff) -> tuple[Canvas, Iterator[Patch]]:
  """A dark street: lit windows, lamps that saturate, wet ground."""
  n, rng = stuff.n, stuff.rng
  curb = int(n * rng.uniform(0.6, 0.8))
  dusk = sky(stuff, curb) * np.array([0.05, 0.05, 0.07], np.float32)[:, None, None]
  canvas = ground(stuff, dusk, curb, EARTHS * np.float32(0.35))

  def patches() -> Iterator[Patch]:
    left = -0.1 * n
    while left < n:
      wide, high = rng.uniform(0.07, 0.16) * n, rng.uniform(0.12, 0.36) * n
      for patch in house(stuff, (curb - high, left + wide), (wide, high), rng.uniform(0.2, 0.7)):
        yield patch._replace(add=patch.add * np.float32(0.3))
      left += 2 * wide
    for _ in range(rng.integers(3, 8)):
      x, y = rng.uniform(0, n), rng.uniform(0.3, 0.6) * n
      light = np.array([9, 6.5, 3], np.float32) * np.float32(rng.lognormal(0, 0.6))
      yield from glow(n, (y, x), rng.uniform(0.006, 0.015) * n, light)
      yield from glow(n, (2 * curb - y * 0.9, x), 0.03 * n, light * np.float32(0.04))

  return canvas, patches()
