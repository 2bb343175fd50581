"""Photographs by virtual cameras of models that the noise network has not learned from, with their sensors' patterns.

Twins are two photographs of one scene from one place by two devices of a model: all is alike in them but the sensor.
Shapes: n photographs, s pixels a side.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int, UInt8

from fsim.boundary import arrays, outputs
from fsim.systems.noise import examples
from fsim.systems.noise.examples import Delivered
from fsim.virtual import camera, in_parallel, scene, shots
from fsim.virtual.camera import Model
from fsim.virtual.seeds import generator

SEED = 905  # That of training is another: neither scenes nor sensors are shared.
TWIN_SCENES, TWIN_SIDE = 2, 512
SCENES, SHOTS, SIDE = 14, 4, 256  # Of each of `devices`.


class Photos(NamedTuple):
  """Squares on the JPEG grid.

  Attributes:
    pixels: as decoded.
    pattern: the true PRNU factor of each.
    device: its number; of twins 2 k and 2 k + 1.
  """

  pixels: UInt8[np.ndarray, "n s s 3"]
  pattern: Float[np.ndarray, "n s s"]
  device: Int[np.ndarray, " n"]


def paired() -> tuple[Model, ...]:
  """The models of twins."""
  return examples.unlearned()[::3]


def devices() -> tuple[Model, ...]:
  """One of each model."""
  return examples.unlearned()[4::10]


def make(folder: Path, workers: int) -> tuple[Photos, Photos]:
  """Twins, and those of `devices` in the order of their shots; what lies in the folder is not made again."""
  folder.mkdir(parents=True, exist_ok=True)
  tasks = [(folder, "twins", k) for k in range(TWIN_SCENES)] + [(folder, "series", k) for k in range(SCENES)]
  for _ in in_parallel.done(_write, tasks, workers):
    pass
  twins, series = (
    [_read(folder, kind, k) for k in range(n)] for kind, n in (("twins", TWIN_SCENES), ("series", SCENES))
  )
  apart = [photos._replace(device=photos.device + 2 * len(paired()) * k) for k, photos in enumerate(twins)]
  return joined(apart), joined(series)


def joined(parts: Iterable[Photos]) -> Photos:
  return Photos(*map(np.concatenate, zip(*parts, strict=True)))


def _path(folder: Path, kind: str, number: int) -> Path:
  return folder / f"{kind}_{number}.npz"


def _read(folder: Path, kind: str, number: int) -> Photos:
  found = Photos(**arrays.read_npz(_path(folder, kind, number)))
  return found._replace(pattern=found.pattern.astype(np.float32))


def _write(folder: Path, kind: str, number: int) -> None:
  if _path(folder, kind, number).exists() or in_parallel.is_over():
    return
  canvas = scene.render(SEED, *shots.place(number + (SCENES if kind == "twins" else 0)), examples.CANVAS)
  taken, device = _twins(canvas, number) if kind == "twins" else _series(canvas, number)
  pixels, pattern = (np.stack(part) for part in zip(*taken, strict=True))
  made = Photos(pixels, pattern.astype(np.float16), np.array(device))
  outputs.replace(_path(folder, kind, number), arrays.to_npz(made._asdict()))


def _twins(canvas: Float[np.ndarray, "3 n n"], number: int) -> tuple[list[tuple], list[int]]:
  taken = []
  for model in paired():
    rng = generator(SEED, "twins", number, model.make, model.name)
    shot = examples.nearer(camera.draw(rng, zoomed=0.0), rng)
    for k in range(2):
      seen = examples.photograph(canvas, model, f"{number} {k}", SEED, shot, rng, TWIN_SIDE)
      taken.append(_square(seen, TWIN_SIDE))
  return taken, list(range(len(taken)))


def _series(canvas: Float[np.ndarray, "3 n n"], number: int) -> tuple[list[tuple], list[int]]:
  taken, device = [], []
  for k, model in enumerate(devices()):
    for shot_number in range(SHOTS):
      rng = generator(SEED, "series", number, k, shot_number)
      shot = camera.draw(rng, zoomed=0.0)
      level = examples.nearer(replace(shot, view=replace(shot.view, turns=0)), rng)
      taken.append(_square(examples.photograph(canvas, model, "series", SEED, level, rng, SIDE), SIDE))
      device.append(k)
  return taken, device


def _square(seen: Delivered, side: int) -> tuple[UInt8[np.ndarray, "s s 3"], Float[np.ndarray, "s s"]]:
  return tuple(centre(x, side) for x in seen[:2])


def centre(x: np.ndarray, side: int) -> np.ndarray:
  """The square in the middle, on the JPEG grid."""
  top, left = ((n - side) // 2 // 8 * 8 for n in x.shape[:2])
  return x[top : top + side, left : left + side]
