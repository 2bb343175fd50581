"""Scenes in rooms: a background and the patches painted on it, far ones first."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from fsim.virtual import objects, texture
from fsim.virtual.layers import Patch, glow, paint, shadow, shape
from fsim.virtual.objects import EARTHS, GREENS, PAINTS, Stuff, pick

Canvas = Float[np.ndarray, "3 n n"]


def room(stuff: Stuff) -> Canvas:
  """A papered wall, lit from one side, darker into the corners."""
  n, rng = stuff.n, stuff.rng
  y, x = np.mgrid[0:n, 0:n].astype(np.float32)
  paper = (
    texture.stripes(x, y, rng.uniform(6, 30), 0.0, 4.0)
    if rng.random() < 0.5
    else texture.checks(x, y, rng.uniform(8, 24))
  )
  side = rng.uniform(0.1, 0.9) * n
  fall = 1 / (1 + 3 * ((x - np.float32(side)) ** 2 + (y - np.float32(0.2 * n)) ** 2) / n**2)
  tone = (0.85 + 0.15 * paper) * fall * np.exp(np.float32(0.03) * stuff.rough)
  return pick(rng, np.concatenate([PAINTS[3:4], EARTHS[1:2]]), 0.15)[:, None, None] * tone


def table(stuff: Stuff, canvas: Canvas, edge: int) -> Canvas:
  """The canvas with a wooden board below the row `edge`."""
  n = stuff.n
  rows = ((np.arange(edge, n) - edge) * 4 % n)[:, None]
  columns = (np.arange(n) // 5)[None]
  fibre = np.exp(np.float32(0.15) * stuff.rough[rows, columns] + np.float32(0.2) * stuff.smooth[rows // 4, columns])
  light = np.linspace(1.1, 0.7, n - edge, dtype=np.float32)[:, None]
  board = pick(stuff.rng, EARTHS, 0.15)[:, None, None] * np.float32(1.3) * fibre * light
  return np.concatenate([canvas[:, :edge], board], axis=1)


def still_life(stuff: Stuff) -> tuple[Canvas, Iterator[Patch]]:
  """A table with balls and fruit, a plant, a lamp, a picture on the wall."""
  n, rng = stuff.n, stuff.rng
  edge = int(n * rng.uniform(0.5, 0.65))

  def patches() -> Iterator[Patch]:
    extent = (rng.uniform(0.08, 0.15) * n, rng.uniform(0.08, 0.13) * n)
    yield from objects.page(stuff, (0.25 * n, rng.uniform(0.2, 0.8) * n), extent, 0.0, pick(rng, PAINTS, 0.2))
    if rng.random() < 0.6:
      yield from glow(n, (0.2 * n, rng.uniform(0.1, 0.9) * n), 0.035 * n, np.array([8, 6.5, 4.5], np.float32))
    x = rng.uniform(0.1, 0.9) * n
    crown = (edge - 0.3 * n, x - 0.15 * n, edge - 0.02 * n, x + 0.15 * n)
    pot = shape(n, (edge + 0.02 * n, x), (0.06 * n, 0.07 * n), 0.0, 0.6)
    if pot is not None:
      yield from shadow(n, pot, (int(0.02 * n), int(0.05 * n)), 0.02 * n, 0.6)
      yield paint(pot, pick(rng, EARTHS, 0.2), 1 - 0.5 * pot.u)
    yield from objects.leaves(stuff, crown, 120, (0.008 * n, 0.05 * n), GREENS)
    for depth in np.sort(rng.random(rng.integers(4, 10))):
      y = edge + (0.05 + 0.75 * depth) * (n - edge)
      yield from objects.ball(stuff, (y, rng.uniform(0, n)), (0.03 + 0.07 * depth * rng.random()) * n)

  return table(stuff, room(stuff), edge), patches()


def shelf(stuff: Stuff) -> tuple[Canvas, Iterator[Patch]]:
  """Rows of books in a case."""
  n, rng = stuff.n, stuff.rng
  pitch = rng.uniform(0.22, 0.34) * n

  def patches() -> Iterator[Patch]:
    for foot in np.arange(pitch, n + pitch, pitch):
      x = -0.05 * n
      while x < n:
        extent = (rng.uniform(0.01, 0.028) * n, rng.uniform(0.28, 0.45) * pitch)
        yield from objects.book(stuff, (foot, x), extent)
        x += 2 * extent[0] + (rng.uniform(0.02, 0.1) * n if rng.random() < 0.08 else 0)
      board = shape(n, (foot + 0.02 * pitch, n / 2), (1.0 * n, 0.025 * pitch), 0.0, 1.0)
      top = shape(n, (foot - 0.93 * pitch, n / 2), (1.0 * n, 0.08 * pitch), 0.0, 1.0)
      if board is not None:
        yield paint(board, EARTHS[1], objects.grain(stuff, board, stuff.rough, 0.2))
      if top is not None:
        yield from shadow(n, top, (0, 0), 0.05 * pitch, 0.7)

  return room(stuff) * np.float32(0.15), patches()


def desk(stuff: Stuff) -> tuple[Canvas, Iterator[Patch]]:
  """Papers, cloth and small things on a board, seen from above."""
  n, rng = stuff.n, stuff.rng

  def patches() -> Iterator[Patch]:
    for _ in range(rng.integers(2, 5)):
      extent = (rng.uniform(0.12, 0.25) * n, rng.uniform(0.15, 0.3) * n)
      ink = pick(rng, EARTHS * np.float32(0.3), 0.3)
      yield from objects.page(stuff, (rng.uniform(0, n), rng.uniform(0, n)), extent, rng.normal(0, 0.4), ink)
    cloth = shape(n, (rng.uniform(0, n), rng.uniform(0, n)), (0.2 * n, 0.16 * n), rng.uniform(0, 3), 0.7)
    if cloth is not None:
      yield from shadow(n, cloth, (4, 5), 5.0, 0.5)
      weave = texture.checks(cloth.u * np.float32(0.2 * n), cloth.v * np.float32(0.16 * n), rng.uniform(5, 25))
      yield paint(cloth, pick(rng, PAINTS, 0.2), (0.4 + 0.6 * weave) * objects.grain(stuff, cloth, stuff.smooth, 0.2))
    for _ in range(rng.integers(4, 10)):
      yield from objects.ball(stuff, (rng.uniform(0, n), rng.uniform(0, n)), rng.uniform(0.015, 0.06) * n)

  return table(stuff, room(stuff), 0), patches()
