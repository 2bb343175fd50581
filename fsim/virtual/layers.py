"""Shapes that are painted one over another: each is a patch that dims what lies under it and adds light of its own.

Shapes: n side of the square canvas, h w pixels of a patch. Light is linear, 1 is a white surface in full illumination.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import scipy.ndimage
from jaxtyping import Float

Colour = Float[np.ndarray, "3"]


class Patch(NamedTuple):
  """canvas[:, rows, columns] becomes canvas * keep + add."""

  rows: slice
  columns: slice
  keep: Float[np.ndarray, "h w"]
  add: Float[np.ndarray, "3 #h #w"]


class Shape(NamedTuple):
  """Where a shape lies: its cover 0..1 with soft edges, and its own coordinates u, v, -1..1 inside."""

  rows: slice
  columns: slice
  cover: Float[np.ndarray, "h w"]
  u: Float[np.ndarray, "h w"]
  v: Float[np.ndarray, "h w"]


def compose(canvas: Float[np.ndarray, "3 n n"], patches: Iterable[Patch]) -> Float[np.ndarray, "3 n n"]:
  """The canvas with all patches painted on it in their order."""
  painted = canvas.astype(np.float32)
  for patch in patches:
    window = painted[:, patch.rows, patch.columns]
    window *= patch.keep
    window += patch.add
  return painted


def shape(n: int, centre: tuple[float, float], radii: tuple[float, float], angle: float, box: float) -> Shape | None:
  """An ellipse (box 0) or rectangle (box 1) of half-axes `radii` (along, across) around `centre` (row, column).

  None when it lies outside of the canvas.
  """
  along, across = radii
  c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
  reach_y = abs(along * s) + abs(across * c) + 1
  reach_x = abs(along * c) + abs(across * s) + 1
  top, bottom = max(0, int(centre[0] - reach_y)), min(n, int(centre[0] + reach_y) + 2)
  left, right = max(0, int(centre[1] - reach_x)), min(n, int(centre[1] + reach_x) + 2)
  if top >= bottom or left >= right:
    return None
  y = np.arange(top, bottom, dtype=np.float32)[:, None] - np.float32(centre[0])
  x = np.arange(left, right, dtype=np.float32)[None] - np.float32(centre[1])
  u = (x * c + y * s) * np.float32(1 / along)
  v = (y * c - x * s) * np.float32(1 / across)
  if box == 1:
    edge = np.minimum((1 - np.abs(u)) * np.float32(along), (1 - np.abs(v)) * np.float32(across))
  else:
    power = 2 / (1 - box)
    radius = (u * u + v * v) ** 0.5 if power == 2 else (np.abs(u) ** power + np.abs(v) ** power) ** (1 / power)
    edge = (1 - radius) * np.float32(min(along, across))
  return Shape(slice(top, bottom), slice(left, right), np.clip(edge + np.float32(0.5), 0, 1), u, v)


def paint(place: Shape, colour: Colour, tone: Float[np.ndarray, "h w"] | float) -> Patch:
  """An opaque surface of a colour times a tone for each pixel."""
  return Patch(place.rows, place.columns, 1 - place.cover, colour[:, None, None] * (place.cover * np.float32(tone)))


def shadow(n: int, place: Shape, offset: tuple[int, int], softness: float, depth: float) -> Iterator[Patch]:
  """The soft shadow that a shape throws, moved by (rows, columns); depth 0..1 is the share of light that it takes."""
  margin = int(3 * softness) + 1
  cover = scipy.ndimage.gaussian_filter(np.pad(place.cover, margin), softness, truncate=2.5)
  top, left = place.rows.start - margin + offset[0], place.columns.start - margin + offset[1]
  cut_top, cut_left = max(0, -top), max(0, -left)
  cover = cover[cut_top : max(cut_top, n - top), cut_left : max(cut_left, n - left)]
  if cover.size:
    top, left = top + cut_top, left + cut_left
    rows, columns = slice(top, top + cover.shape[0]), slice(left, left + cover.shape[1])
    yield Patch(rows, columns, 1 - np.float32(depth) * cover, np.zeros((3, 1, 1), np.float32))


def glow(n: int, centre: tuple[float, float], radius: float, light: Colour) -> Iterator[Patch]:
  """Light that falls off around a lamp (canvas units at the centre)."""
  place = shape(n, centre, (4 * radius, 4 * radius), 0.0, 0.0)
  if place is not None:
    distance = 16 * (place.u**2 + place.v**2)
    fall = place.cover * np.float32(1) / (1 + 6 * distance) ** 1.5
    yield Patch(place.rows, place.columns, np.ones_like(fall), light[:, None, None] * fall)
