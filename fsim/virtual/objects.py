"""Things that scenes are made of: leaves, buildings, books, lamps. Each yields patches, the far ones first.

Shapes: n side of the square canvas in pixels; places are (row, column) in pixels.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from fsim.virtual import texture
from fsim.virtual.layers import Colour, Patch, Shape, paint, shadow, shape

GREENS = np.array([[0.10, 0.20, 0.04], [0.16, 0.27, 0.05], [0.05, 0.11, 0.03], [0.26, 0.30, 0.07]], np.float32)
EARTHS = np.array([[0.25, 0.18, 0.12], [0.38, 0.31, 0.22], [0.14, 0.10, 0.07], [0.30, 0.29, 0.27]], np.float32)
PAINTS = np.array(
  [
    [0.55, 0.12, 0.08],
    [0.08, 0.18, 0.42],
    [0.70, 0.55, 0.12],
    [0.75, 0.73, 0.68],
    [0.10, 0.30, 0.22],
    [0.32, 0.12, 0.30],
  ],
  np.float32,
)


class Stuff(NamedTuple):
  """What a scene draws on: its generator, the canvas's side and two noise fields of it (rough 1/f, smooth 1/f^1.7)."""

  rng: np.random.Generator
  n: int
  rough: Float[np.ndarray, "n n"]
  smooth: Float[np.ndarray, "n n"]


def pick(rng: np.random.Generator, colours: Float[np.ndarray, "k 3"], spread: float) -> Colour:
  """One of the colours, its channels scattered by a lognormal factor."""
  return colours[rng.integers(len(colours))] * np.exp(spread * rng.standard_normal(3, dtype=np.float32))


def grain(stuff: Stuff, place: Shape, field: Float[np.ndarray, "n n"], strength: float) -> Float[np.ndarray, "h w"]:
  """A random cut of a noise field under a shape, as a factor around 1."""
  height, width = place.cover.shape
  top = stuff.rng.integers(0, stuff.n - height + 1)
  left = stuff.rng.integers(0, stuff.n - width + 1)
  return np.maximum(1 + np.float32(strength) * field[top : top + height, left : left + width], np.float32(0.1))


def sizes(rng: np.random.Generator, count: int, smallest: float, largest: float) -> list[float]:
  """Radii of density r^-3, large first: dead leaves of such sizes have scale-invariant statistics (Lee et al. 2001)."""
  u = rng.random(count)
  radii = (smallest**-2 + u * (largest**-2 - smallest**-2)) ** -0.5
  return np.sort(radii)[::-1].tolist()


def leaves(
  stuff: Stuff,
  box: tuple[float, float, float, float],
  count: int,
  radii: tuple[float, float],
  colours: Float[np.ndarray, "k 3"],
) -> Iterator[Patch]:
  """Dead leaves in an elliptic region (top, left, bottom, right): ellipses with a midrib of shade, lit from above."""
  rng = stuff.rng
  top, left, bottom, right = box
  for radius in sizes(rng, count, *radii):
    rho, phi = np.sqrt(rng.random()), rng.uniform(0, 2 * np.pi)
    y = (top + bottom) / 2 + rho * np.sin(phi) * (bottom - top) / 2
    x = (left + right) / 2 + rho * np.cos(phi) * (right - left) / 2
    angle = rng.uniform(0, np.pi)
    place = shape(stuff.n, (y, x), (radius, radius * rng.uniform(0.35, 0.8)), angle, 0.0)
    if place is not None:
      lit = np.float32(rng.lognormal(0, 0.4) * (1.25 - 0.6 * (y - top) / (bottom - top)))
      tone = lit * (1 + 0.35 * place.v + 0.2 * place.u) * grain(stuff, place, stuff.rough, 0.12)
      yield paint(place, pick(rng, colours, 0.12), np.maximum(tone, 0.05))


def tree(stuff: Stuff, foot: tuple[float, float], height: float) -> Iterator[Patch]:
  """A trunk and a crown of leaves above its foot."""
  y, x = foot
  trunk = shape(stuff.n, (y - 0.25 * height, x), (0.035 * height, 0.27 * height), 0.0, 1.0)
  if trunk is not None:
    yield paint(trunk, EARTHS[2], (1 - 0.5 * trunk.u) * grain(stuff, trunk, stuff.rough, 0.25))
  wide = 0.32 * height * stuff.rng.uniform(0.7, 1.2)
  crown = (y - height, x - wide, y - 0.28 * height, x + wide)
  core = shape(stuff.n, (y - 0.64 * height, x), (0.8 * wide, 0.28 * height), 0.0, 0.0)
  if core is not None:
    yield paint(core, GREENS[2], 0.6 * grain(stuff, core, stuff.rough, 0.4))
  yield from leaves(stuff, crown, int(60 + height), (0.008 * height + 1.2, 0.1 * height), GREENS)


def wall(stuff: Stuff, place: Shape, extent: tuple[float, float], colour: Colour) -> Patch:
  """A surface of bricks, boards or plaster; `extent` gives the half-axes in pixels."""
  u, v = place.u * np.float32(extent[0]), place.v * np.float32(extent[1])
  period = float(np.exp(stuff.rng.uniform(np.log(3), np.log(14))))
  kind = stuff.rng.integers(3)
  if kind == 0:
    tone = 0.45 + 0.55 * texture.bricks(stuff.rng, u + 1e4, v + 1e4, period)
  elif kind == 1:
    tone = 0.75 + 0.25 * texture.stripes(u, v, period, stuff.rng.choice([0, np.pi / 2]), 2.5)
  else:
    tone = np.ones_like(place.u)
  return paint(place, colour, tone * grain(stuff, place, stuff.rough, 0.08) * grain(stuff, place, stuff.smooth, 0.08))


def windows(stuff: Stuff, place: Shape, extent: tuple[float, float], lit: float) -> Iterator[Patch]:
  """A grid of windows on a wall; a share `lit` of them shines, the others mirror the sky."""
  rng, (wide, high) = stuff.rng, extent
  row, column = (place.rows.start + place.rows.stop) / 2, (place.columns.start + place.columns.stop) / 2
  size = max(5.0, high * rng.uniform(0.07, 0.16))
  pitch_y, pitch_x = size * rng.uniform(2.6, 3.4), size * rng.uniform(1.9, 2.8)
  for y in np.arange(-high + pitch_y / 1.6, high - size, pitch_y):
    for x in np.arange(-wide + pitch_x / 1.6, wide - size / 2, pitch_x):
      frame = shape(stuff.n, (row + y, column + x), (0.72 * size, 1.1 * size), 0.0, 1.0)
      glass = shape(stuff.n, (row + y, column + x), (0.6 * size, 0.98 * size), 0.0, 1.0)
      if frame is None or glass is None:
        continue
      shines = rng.random() < lit
      light = np.array([1.6, 1.1, 0.55], np.float32) if shines else np.array([0.12, 0.17, 0.24], np.float32)
      yield paint(frame, PAINTS[3], 0.15 if lit else 0.9)
      bars = 1 - 0.8 * (np.abs(glass.u) < 0.07) - 0.8 * (np.abs(glass.v) < 0.05)
      yield paint(glass, light, np.clip(bars, 0.15, 1) * (1 - 0.5 * glass.v) * grain(stuff, glass, stuff.smooth, 0.15))


def ball(stuff: Stuff, centre: tuple[float, float], radius: float) -> Iterator[Patch]:
  """A shaded ball or round fruit with a highlight and a soft shadow."""
  place = shape(stuff.n, centre, (radius, radius * stuff.rng.uniform(0.85, 1)), 0.0, 0.0)
  if place is None:
    return
  yield from shadow(stuff.n, place, (int(0.35 * radius), int(0.45 * radius)), 0.25 * radius, 0.55)
  up = np.sqrt(np.maximum(1 - place.u**2 - place.v**2, 0))
  lambert = np.maximum(-0.5 * place.u - 0.6 * place.v + 0.63 * up, 0)
  shine = np.exp(-((place.u + 0.32) ** 2 + (place.v + 0.4) ** 2) * 60) * stuff.rng.uniform(0, 4)
  stripe = texture.stripes(place.u, place.v, stuff.rng.uniform(0.15, 0.6), stuff.rng.uniform(0, np.pi), 3.0)
  tone = (0.18 + 0.95 * lambert) * (1 - 0.4 * stripe * stuff.rng.integers(2)) * grain(stuff, place, stuff.smooth, 0.1)
  yield paint(place, pick(stuff.rng, PAINTS, 0.2), tone + shine)


def page(
  stuff: Stuff, centre: tuple[float, float], extent: tuple[float, float], angle: float, ink: Colour
) -> Iterator[Patch]:
  """A sheet of writing, a poster or a book cover."""
  place = shape(stuff.n, centre, extent, angle, 1.0)
  if place is None:
    return
  yield from shadow(stuff.n, place, (3, 4), 4.0, 0.4)
  height, width = int(2 * extent[1]) + 1, int(2 * extent[0]) + 1
  letter = int(stuff.rng.integers(5, 16))
  text = texture.writing(stuff.rng, height, width, letter)
  v = np.clip((place.v + 1) * np.float32(extent[1]), 0, height - 1).astype(np.int32)
  u = np.clip((place.u + 1) * np.float32(extent[0]), 0, width - 1).astype(np.int32)
  margin = (np.abs(place.u) < 0.88) & (np.abs(place.v) < 0.9)
  dark = text[v, u] * margin
  paper = pick(stuff.rng, PAINTS[3:4], 0.08)[:, None, None] * grain(stuff, place, stuff.smooth, 0.03)
  light = paper * (1 - dark) + ink[:, None, None] * dark
  yield Patch(place.rows, place.columns, 1 - place.cover, light * place.cover)


def book(stuff: Stuff, foot: tuple[float, float], extent: tuple[float, float]) -> Iterator[Patch]:
  """A spine that stands on a shelf: cloth, two bands and a title."""
  row, column = foot[0] - extent[1], foot[1] + extent[0]
  place = shape(stuff.n, (row, column), extent, 0.0, 1.0)
  if place is None:
    return
  colour = pick(stuff.rng, PAINTS, 0.35)
  round_back = 1 - 0.55 * place.u**2
  bands = 1 + 0.8 * ((np.abs(np.abs(place.v) - stuff.rng.uniform(0.55, 0.9)) < 0.025) | (np.abs(place.v) > 0.985))
  yield paint(place, colour, round_back * bands * grain(stuff, place, stuff.rough, 0.06))
  letter = int(max(4, extent[0]))
  text = texture.writing(stuff.rng, 2 * letter, int(1.1 * extent[1]), letter)[: 2 * letter].T
  height, width = text.shape
  top, left = int(row - height / 2), int(column - width / 2)
  if top >= 0 and left >= 0 and top + height <= stuff.n and left + width <= stuff.n:
    light = np.float32(0.7) * text[None] * np.array([0.9, 0.8, 0.5], np.float32)[:, None, None]
    yield Patch(slice(top, top + height), slice(left, left + width), 1 - 0.8 * text, light)
