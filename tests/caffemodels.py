"""A small caffemodel, written byte by byte."""

import struct

import numpy as np

SHAPES = [(32, 3, 4, 4), (48, 32, 5, 5), (64, 48, 5, 5), (128, 64, 5, 5), (128, 128), (7, 128)]


def varint(value):
  out = b""
  while value > 0x7F:
    out += bytes([value & 0x7F | 0x80])
    value >>= 7
  return out + bytes([value])


def field(number, value):
  if isinstance(value, int):
    return varint(number << 3) + varint(value)
  return varint(number << 3 | 2) + varint(len(value)) + value


def blob(array, form, doubles=False):
  values = array.ravel()
  if form == "v1":  # Four sides, and every value with a tag of its own.
    sides = [1] * (4 - array.ndim) + list(array.shape)
    head = b"".join(field(k + 1, side) for k, side in enumerate(sides))
    return head + b"".join(varint(5 << 3 | 5) + struct.pack("<f", v) for v in values)
  shape = field(1, b"".join(varint(side) for side in array.shape))
  if doubles:
    return field(7, shape) + field(8, values.astype("<f8").tobytes())
  return field(7, shape) + field(5, values.astype("<f4").tobytes())


def caffemodel(weights, form, doubles=False):
  message = field(1, b"patch net")
  for k, (kernel, bias) in enumerate(weights):
    blobs = [blob(kernel, form, doubles), blob(bias, form, doubles)]
    name = f"layer{k}".encode()
    if form == "v1":
      head = field(4, name) + field(5, 4 if kernel.ndim == 4 else 14)
      message += field(2, head + b"".join(field(6, b) for b in blobs))
    else:
      head = field(1, name) + field(2, b"Convolution" if kernel.ndim == 4 else b"InnerProduct")
      message += field(100, head + b"".join(field(7, b) for b in blobs))
    pool = field(1, b"pool") + field(2, b"Pooling") if form == "new" else field(4, b"pool") + field(5, 17)
    message += field(100 if form == "new" else 2, pool)
  return message


def weights():
  rng = np.random.default_rng(0)
  return [
    (rng.normal(0, (1 / np.prod(s[1:])) ** 0.5, s).astype(np.float32), rng.normal(0, 0.1, s[0]).astype(np.float32))
    for s in SHAPES
  ]


def mean():
  return np.random.default_rng(1).uniform(50, 200, (3, 64, 64)).astype(np.float32)
