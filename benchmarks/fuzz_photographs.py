"""Whole photographs for `benchmarks.fuzz`: several sizes, samplings and codings, and what cameras put around them."""

import io
import struct
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import simplejpeg
from jaxtyping import UInt8
from PIL import Image

from fsim.virtual import jpeg_encoder, scene

SIZES = ((160, 160), (208, 136), (333, 217))  # The first is that of the folders for commands.
LABEL = jpeg_encoder.Label("Acme", "A1", "00217", datetime(2024, 5, 17, 10, 30), 0)
# Pillow's settings of every way in which a photograph is coded.
CODINGS: dict[str, dict[str, Any]] = {
  "4:2:0": {"subsampling": "4:2:0"},
  "4:2:2": {"subsampling": "4:2:2", "quality": 75},
  "4:4:4": {"subsampling": "4:4:4", "quality": 97},
  "own tables": {"subsampling": "4:2:0", "optimize": True, "quality": 88},
  "restarts": {"subsampling": "4:2:0", "restart_marker_rows": 1},
  "many restarts": {"subsampling": "4:2:2", "restart_marker_blocks": 2},
  "progressive": {"subsampling": "4:2:0", "progressive": True},
  "progressive 4:4:4": {"subsampling": "4:4:4", "progressive": True},
  "progressive restarts": {"subsampling": "4:2:2", "progressive": True, "restart_marker_rows": 1},
  "RGB": {"keep_rgb": True, "subsampling": "4:4:4"},
}
# What Pillow does not write; libjpeg's samplings as simplejpeg names them.
SAMPLINGS = ("440", "411")


class Photograph(NamedTuple):
  """A whole file; `name` says how it is coded."""

  name: str
  data: bytes


def photographs(seed: int) -> list[Photograph]:
  """Each way of coding in one size, the first way in all of them, and each thing that may stand around pixels."""
  made = [Photograph(name, encoded(pixels(seed, k, *SIZES[k % 3]), **CODINGS[name])) for k, name in enumerate(CODINGS)]
  first = [pixels(seed, 100 + k, *size) for k, size in enumerate(SIZES)]
  made += [Photograph(f"{w}x{h}", encoded(image)) for (w, h), image in zip(SIZES, first, strict=True)]
  made += [
    Photograph(kind, simplejpeg.encode_jpeg(first[k], 90, "RGB", kind, fastdct=False))
    for k, kind in enumerate(SAMPLINGS)
  ]
  grain = np.random.default_rng([seed, 4]).normal(scale=6, size=(6 * SIZES[2][1], 6 * SIZES[2][0], 3))
  large = np.clip(np.tile(first[2], (6, 6, 1)) + grain, 0, 255).astype(np.uint8)
  made += [Photograph("large", encoded(large, quality=97))]  # So many bytes that they could be any size's.
  made += [Photograph("large, progressive", encoded(large, quality=97, progressive=True))]
  plain = made[0].data
  small = encoded(pixels(seed, 200, 64, 48), quality=60)
  around = {
    "EXIF": encoded(first[0], exif=jpeg_encoder.exif(LABEL)),
    "EXIF with thumbnail": inserted(plain, segment(0xE1, exif_with_thumbnail(small))),
    "JFIF thumbnail": inserted(plain, segment(0xE0, b"JFXX\0\x10" + small)),
    "long profile": inserted(
      plain, b"".join(segment(0xE2, b"ICC_PROFILE\0" + bytes([k + 1, 5]) + bytes(60_000)) for k in range(5))
    ),
    "long comment": inserted(plain, segment(0xFE, b"a" * 65_533)),
    "second image": inserted(plain, segment(0xE2, b"MPF\0II*\0\x08\0\0\0\0\0")) + made[1].data,
    "film": plain + b"\0\0\0\x18ftypmp42" + np.random.default_rng(seed).bytes(5000),
    "end marker lacks a byte": plain[:-1],
  }
  return made + [Photograph(name, data) for name, data in around.items()]


def pixels(seed: int, number: int, width: int, height: int) -> UInt8[np.ndarray, "h w 3"]:
  """A scene of the virtual cameras with the grain that a sensor leaves."""
  light = scene.render(seed, number, 0, max(width, height))[:, :height, :width]
  levels = 255 * (np.clip(light / np.quantile(light, 0.95), 0, 1).transpose(1, 2, 0) * 0.9) ** (1 / 2.2)
  grain = np.random.default_rng([seed, number]).normal(scale=3, size=levels.shape)
  return np.clip(levels + grain, 0, 255).astype(np.uint8)


def encoded(image: UInt8[np.ndarray, "h w 3"], **settings: Any) -> bytes:
  buffer = io.BytesIO()
  Image.fromarray(image).save(buffer, "JPEG", **{"quality": 92, **settings})
  return buffer.getvalue()


def segment(code: int, body: bytes) -> bytes:
  return bytes([0xFF, code]) + struct.pack(">H", len(body) + 2) + body


def inserted(data: bytes, what: bytes) -> bytes:
  """After the beginning of the file, where cameras have their metadata."""
  return data[:2] + what + data[2:]


def exif_with_thumbnail(small: bytes) -> bytes:
  """Little-endian TIFF: an empty first directory, and a second with the place and the length of a JPEG."""
  tags = struct.pack("<HHHIIHHIII", 2, 0x0201, 4, 1, 44, 0x0202, 4, 1, len(small), 0)
  return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<HI", 0, 14) + tags + small


def of_one_camera(seed: int, number: int, count: int) -> list[bytes]:
  """Photographs of one size that bear the pattern of one sensor."""
  width, height = SIZES[0]
  pattern = 1 + 0.04 * np.random.default_rng([seed, 2, number]).normal(size=(height, width, 1))
  images = [pixels(seed, 1000 * number + k, width, height) for k in range(count)]
  return [encoded(np.clip(image * pattern, 0, 255).astype(np.uint8), quality=95) for image in images]
