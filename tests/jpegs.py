"""Small real JPEG files for the tests, and files that are not what they seem."""

import io

import numpy as np
from PIL import Image


def pixels(seed: int, width: int = 64, height: int = 48) -> np.ndarray:
  return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def jpeg(seed: int = 0, width: int = 64, height: int = 48, **options) -> bytes:
  return encode(Image.fromarray(pixels(seed, width, height)), **options)


def encode(image: Image.Image, kind: str = "JPEG", **options) -> bytes:
  buffer = io.BytesIO()
  image.save(buffer, kind, **options)
  return buffer.getvalue()


def greyscale() -> bytes:
  return encode(Image.fromarray(pixels(1)).convert("L"))


def cmyk() -> bytes:
  return encode(Image.fromarray(pixels(1)).convert("CMYK"))


def png() -> bytes:
  return encode(Image.fromarray(pixels(1)), "PNG")


def truncated() -> bytes:
  data = jpeg(2, 200, 200)
  return data[: len(data) // 2]


def twelve_bit() -> bytes:
  """A JPEG whose frame header says 12 bits a sample."""
  data = bytearray(jpeg(3))
  frame = data.index(b"\xff\xc0")
  data[frame + 4] = 12
  return bytes(data)


def announcing(width: int, height: int) -> bytes:
  """A JPEG whose frame header announces another size than its data have."""
  data = bytearray(jpeg(4))
  frame = data.index(b"\xff\xc0")
  data[frame + 5 : frame + 9] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
  return bytes(data)


def scene(height: int, width: int, seed: int = 0) -> np.ndarray:
  """Pixels like a photograph's: smooth areas, an edge, grain."""
  rng = np.random.default_rng(seed)
  y, x = np.mgrid[:height, :width]
  waves = sum(20 * np.sin(x * a + y * b + c) for a, b, c in rng.uniform(-0.1, 0.1, (3, 3)))
  edge = 30 * (x * rng.uniform(0.5, 2) > y)
  grain = rng.normal(scale=2, size=(height, width, 3))
  return np.clip((110 + waves + edge)[..., None] + grain, 0, 255).astype(np.uint8)
