"""The Protocol Buffers wire format, as much of it as Caffe's files need: numbered fields of bytes, without a schema.

https://protobuf.dev/programming-guides/encoding/
"""

from typing import Any

import numpy as np
from jaxtyping import Float

from fsim.boundary.errors import UserError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # Kinds of fields that still occur.
TYPES = {FIXED32: "<f4", FIXED64: "<f8"}
MAX_FIELDS = 250_000  # Of a message: the largest of Caffe's blobs here has 204,800 values, each a field in old files.
Fields = dict[int, list[tuple[int, Any]]]  # Number of the field -> (kind, int or bytes) of each time it occurs.


class Malformed(UserError):
  """Bytes that are no message; the message says where."""


def fields(data: bytes) -> Fields:
  """Raises Malformed if the bytes end in mid-field or hold a kind of field that does not exist."""
  found: Fields = {}
  place = count = 0
  while place < len(data):
    key, place = _varint(data, place)
    number, kind = key >> 3, key & 7
    if kind == VARINT:
      value, place = _varint(data, place)
    elif kind in (FIXED32, FIXED64, BYTES):
      length, place = _varint(data, place) if kind == BYTES else ({FIXED32: 4, FIXED64: 8}[kind], place)
      value, place = data[place : place + length], place + length
    else:
      raise Malformed(f"field {number} at byte {place} is of kind {kind}, which does not exist")
    if place > len(data) or number == 0:
      raise Malformed(f"field {number} ends at byte {place} of {len(data)}")
    found.setdefault(number, []).append((kind, value))
    count += 1
    if count > MAX_FIELDS:
      raise Malformed(f"a message of more than {MAX_FIELDS:,} fields")
  return found


def messages(found: Fields, number: int) -> list[bytes]:
  """The values of a field of strings, bytes or messages; none if it is absent."""
  return [value for kind, value in found.get(number, []) if kind == BYTES]


def integers(found: Fields, number: int) -> list[int]:
  """The values of a field of integers, packed or one by one."""
  values = []
  for kind, value in found.get(number, []):
    place = 0
    if kind == VARINT:
      values.append(value)
    while kind == BYTES and place < len(value):
      one, place = _varint(value, place)
      values.append(one)
  return values


def floats(found: Fields, number: int, kind: int) -> Float[np.ndarray, " n"]:
  """The values of a field of floats (kind FIXED32) or doubles (FIXED64), packed or one by one."""
  parts = b"".join(value for own, value in found.get(number, []) if own in (kind, BYTES))
  width = np.dtype(TYPES[kind]).itemsize
  if len(parts) % width:
    raise Malformed(f"field {number} holds {len(parts)} bytes, no whole number of values of {width}")
  return np.frombuffer(parts, TYPES[kind])


def _varint(data: bytes, place: int) -> tuple[int, int]:
  value = 0
  for shift in range(0, 70, 7):
    if place >= len(data):
      raise Malformed(f"an integer is cut off at byte {place}")
    byte = data[place]
    place += 1
    value |= (byte & 0x7F) << shift
    if byte < 0x80:
      return value, place
  raise Malformed(f"an integer of more than 64 bits before byte {place}")
