"""Photographs of virtual sensors with the patterns that are in them: what a noise network learns from.

Every photograph is of a sensor of its own, so that no pattern can be remembered; scenes are shared by the cameras, so
that content says nothing of the pattern. Shapes: h w pixels of a photograph, n tiles of s x s pixels.
"""

import io
import math
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.ndimage
from jaxtyping import Float, Int8, UInt8
from PIL import Image

from fsim.boundary import arrays, outputs
from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.virtual import camera, in_parallel, pipeline, postprocessing, scene, sensor, shots
from fsim.virtual.adaptive_models import AdaptiveModel
from fsim.virtual.camera import Model
from fsim.virtual.jpeg_encoder import SUBSAMPLINGS
from fsim.virtual.presets import PRESETS
from fsim.virtual.seeds import generator

HELD_OUT = 12  # Every so many-th model is never learned from, and one scene in so many validates.
SHOTS = 16  # Photographs of a scene.
SHORTER = 384  # Pixels of a photograph's shorter side.
TILE = 256  # Pixels a side, of what is kept.
CANVAS = 1000  # Pixels a side, of a scene.
SCALES = (0.3, 1.1)  # Of the view; 1 is as far as the photographs of presets.
SMOOTH = 8.0  # Pixels, of the Gaussian: parts of a pattern that are wider are no part of what is learned.
LEVEL = 1 / 30  # Standard deviations of a pattern, a step of what is kept.

# Of photographs: how many are passed on, and of those how many are resized, cut off the JPEG grid, compressed again.
PASSED_ON, RESIZED, CUT, COMPRESSED = 0.5, 0.3, 0.3, 0.9
FACTORS, QUALITIES = (0.67, 1.5), (60, 100)


class Tiles(NamedTuple):
  """Squares of photographs.

  Attributes:
    pixels: as decoded.
    pattern: true PRNU factor in steps of LEVEL standard deviations.
    deviation: its standard deviation, relative sensitivity.
    quality: of the second JPEG, 0 without one.
    factor: by which the photograph was resized.
    scene: its number; tiles of a file follow one another by device.
  """

  pixels: UInt8[np.ndarray, "n s s 3"]
  pattern: Int8[np.ndarray, "n s s"]
  deviation: Float[np.ndarray, " n"]
  quality: Float[np.ndarray, " n"]
  factor: Float[np.ndarray, " n"]
  scene: Float[np.ndarray, " n"]


class Delivered(NamedTuple):
  """A photograph and the true PRNU factor of its pixels."""

  pixels: UInt8[np.ndarray, "h w 3"]
  pattern: Float[np.ndarray, "h w"]
  quality: int = 0
  factor: float = 1.0


@cache
def models() -> tuple[Model, ...]:
  """Of all cameras."""
  return PRESETS["virtual/similarity"].models + PRESETS["virtual/adaptive"].models


def unlearned() -> tuple[Model, ...]:
  """Those that are never learned from."""
  return models()[::HELD_OUT]


def write(folder: Path, scenes: int, seconds: float, workers: int, seed: int) -> int:
  """Tiles of so many scenes, a file each, as far as they are made in time; returns the number of new files."""
  folder.mkdir(parents=True, exist_ok=True)
  end = time.time() + seconds
  tasks = [(folder, seed, number, end) for number in range(scenes)]
  return sum(in_parallel.done(_write_scene, tasks, workers))


def load(folder: Path) -> tuple[Tiles, Tiles]:
  """Those to learn from and those that validate. Raises UserError where either is missing."""
  found = {True: [], False: []}
  for path in sorted(folder.glob("*.npz")):
    found[validates(int(path.stem))].append(Tiles(**arrays.read_npz(path)))
  if not all(found.values()):
    raise UserError(f"{shown(folder)}: photographs of two scenes and more are needed to learn and to validate")
  return tuple(Tiles(*map(np.concatenate, zip(*found[key], strict=True))) for key in (False, True))


def validates(number: int) -> bool:
  """Whether a scene is one of those of models that are not learned from."""
  return number % HELD_OUT == 0


def _write_scene(folder: Path, seed: int, number: int, end: float) -> int:
  if time.time() > end or in_parallel.is_over() or (folder / f"{number}.npz").exists():
    return 0
  tiles = [tile for shot in photographs(seed, number) for tile in _cut(*shot)]
  outputs.replace(folder / f"{number}.npz", arrays.to_npz(_stacked(tiles, number)._asdict()))
  return 1


def photographs(seed: int, number: int) -> Iterator[tuple[Delivered, np.random.Generator]]:
  """SHOTS of a scene, each by a sensor of its own, and a generator for what is drawn afterwards."""
  canvas = scene.render(seed, *shots.place(number), CANVAS)
  chosen = [k for k in range(len(models())) if validates(k) == validates(number)]
  for shot in range(SHOTS):
    rng = generator(seed, "noise example", number, shot)
    model = models()[chosen[rng.integers(len(chosen))]]
    taken = photograph(canvas, model, f"{number} {shot}", seed, nearer(camera.draw(rng, zoomed=0.0), rng), rng)
    yield passed_on(taken, rng), rng


def nearer(shot: camera.Shot, rng: np.random.Generator) -> camera.Shot:
  """The shot from a distance that varies more: photographs of many pixels are smoother, pixel by pixel."""
  scale = math.exp(rng.uniform(*np.log(SCALES)))
  return replace(shot, view=replace(shot.view, scale=scale))


def photograph(
  canvas: Float[np.ndarray, "3 n n"],
  model: Model,
  device: str,
  seed: int,
  shot: camera.Shot,
  rng: np.random.Generator,
  shorter: int = SHORTER,
) -> Delivered:
  """A shot by a device, as its file is decoded. rng: of its noise; shorter: pixels of the shorter side."""
  side = 2 * round(shorter * model.aspect / 2)
  own = sensor.maps(model.sensor, seed, f"{model.make}_{model.name}_{device}", *camera.sensor_size(model, side))
  light = camera.filtered(canvas, model, shot, side)
  taken = model.for_shot(rng) if isinstance(model, AdaptiveModel) else model
  label = camera.label(model, 0, 1, shot.view.turns, seed)
  file = camera.photograph(light, taken, own, shot, label, side, rng)
  return Delivered(decoded(file), camera.delivered(own.gain, model, shot, side))


def passed_on(taken: Delivered, rng: np.random.Generator) -> Delivered:
  """About half of them resized, cut or compressed once more, the pattern with the pixels."""
  if rng.random() > PASSED_ON:
    return taken
  pixels, pattern, quality, factor = taken
  if rng.random() < RESIZED:
    factor = math.exp(rng.uniform(*np.log(FACTORS)))
    pixels = postprocessing.resize(factor)(pixels)
    pattern = pipeline.resized(pattern, pixels.shape[:2], 1.0)
  if rng.random() < CUT:
    top, left = rng.integers(1, 8, 2)
    pixels, pattern = pixels[top:, left:], pattern[top:, left:]
  if rng.random() < COMPRESSED:
    quality = int(rng.integers(QUALITIES[0], QUALITIES[1] + 1))
    pixels = decoded(postprocessing.compressed(pixels, quality, str(rng.choice(list(SUBSAMPLINGS)))))
  return Delivered(pixels, pattern, quality, factor)


def decoded(file: bytes) -> UInt8[np.ndarray, "h w 3"]:
  return np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))


def _cut(shot: Delivered, rng: np.random.Generator) -> list[Delivered]:
  """Up to two tiles on the JPEG grid that do not overlap."""
  pattern = shot.pattern - scipy.ndimage.gaussian_filter(shot.pattern, SMOOTH, mode="nearest")
  height, width = pattern.shape
  starts = [range(0, n - TILE + 1, TILE) for n in (height, width)]
  places = [(top, left) for top in starts[0] for left in starts[1]]
  room = [(n - starts[k][-1] - TILE) // 8 if len(starts[k]) else 0 for k, n in enumerate((height, width))]
  down, right = (8 * int(rng.integers(0, most + 1)) for most in room)
  found = []
  for k in rng.permutation(len(places))[:2]:
    top, left = places[k][0] + down, places[k][1] + right
    square = np.s_[top : top + TILE, left : left + TILE]
    found.append(shot._replace(pixels=shot.pixels[square], pattern=pattern[square]))
  return found


def _stacked(tiles: list[Delivered], number: int) -> Tiles:
  pattern = np.stack([tile.pattern for tile in tiles])
  deviation = pattern.std((1, 2))
  levels = np.clip(np.rint(pattern / (LEVEL * deviation[:, None, None])), -127, 127).astype(np.int8)
  quality, factor = (np.array([getattr(tile, name) for tile in tiles], np.float32) for name in ("quality", "factor"))
  pixels = np.stack([tile.pixels for tile in tiles])
  return Tiles(pixels, levels, deviation, quality, factor, np.full(len(tiles), number, np.float32))
