"""JPEGs of imaginary cameras whose sensors have a strong pattern, for tests of whole commands."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from tests import jpegs

SIDE = 160
CUT = (8, 16, 128, 128)  # Left, upper, right and lower edge of a part; one size for all tests, to be compiled once.


def pattern(camera: int) -> np.ndarray:
  return 1 + 0.04 * np.random.default_rng(camera).normal(size=(SIDE, SIDE, 1))


def photograph(scene: int, camera: int) -> Image.Image:
  return Image.fromarray(np.clip(jpegs.scene(SIDE, SIDE, seed=scene) * pattern(camera), 0, 255).astype(np.uint8))


def data(scene: int, camera: int, **options: object) -> bytes:
  buffer = io.BytesIO()
  photograph(scene, camera).save(buffer, "JPEG", quality=95, **options)
  return buffer.getvalue()


def save(path: Path, scene: int, camera: int, crop: tuple | None = None, **options: object) -> Path:
  image = photograph(scene, camera)
  image = image.crop(crop) if crop else image
  image.save(path, "JPEG", quality=95, **options)
  return path


def folder(path: Path, **cameras: tuple[int, range]) -> Path:
  """Photographs NAME_SCENE.jpg of each camera: NAME=(camera, scenes)."""
  path.mkdir()
  for name, (camera, scenes) in cameras.items():
    for scene in scenes:
      save(path / f"{name}_{scene}.jpg", 20 * camera + scene, camera)
  return path
