"""Which camera a photograph's EXIF block names: make, model and serial number of the body; and when, and what saved it.

Read by us and not by Pillow: five texts are wanted, and a block from a stranger must neither warn, raise nor loop.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

BEGINNING = b"Exif\0\0"
ORDERS = {b"II*\0": "<", b"MM\0*": ">"}  # How a TIFF says in which order its bytes are.
MAKE, MODEL, SOFTWARE, EXIF_IFD, TAKEN, SERIAL = 271, 272, 305, 34665, 36867, 42033
OUTER, INNER = (MAKE, MODEL, SOFTWARE), (TAKEN, SERIAL)
TEXT, OFFSET = 2, 4  # Types of fields: ASCII, and a number of 32 bits.
LONGEST = 200  # Letters of a name; longer ones are not what a camera writes.


class Camera(NamedTuple):
  """As the camera wrote it; "" for what the block does not say."""

  make: str = ""
  model: str = ""
  serial: str = ""

  def __str__(self) -> str:
    model = self.model if self.model.lower().startswith(self.make.lower()) else f"{self.make} {self.model}".strip()
    return f"{model or self.make} no. {self.serial}" if self.serial else model or self.make


class Said(NamedTuple):
  """What a block says, "" for what it does not. taken: date and time as the camera wrote them, of no time zone."""

  make: str = ""
  model: str = ""
  serial: str = ""
  taken: str = ""
  software: str = ""


def camera(block: bytes) -> Camera:
  """Never raises: what is damaged says nothing."""
  return Camera(*said(block)[:3])


def said(block: bytes) -> Said:
  """Never raises: what is damaged says nothing."""
  tiff = block.removeprefix(BEGINNING)
  order = ORDERS.get(tiff[:4])
  if order is None or len(tiff) < 8:
    return Said()
  (first,) = struct.unpack(order + "I", tiff[4:8])
  texts, inner = {}, 0
  for tag, kind, value in _fields(tiff, order, first):
    if tag in OUTER and kind == TEXT:
      texts.setdefault(tag, _text(value))
    elif tag == EXIF_IFD and kind == OFFSET and len(value) == 4:
      (inner,) = struct.unpack(order + "I", value)
  for tag, kind, value in _fields(tiff, order, inner):
    if tag in INNER and kind == TEXT:
      texts.setdefault(tag, _text(value))
  return Said(*(texts.get(tag, "") for tag in (MAKE, MODEL, SERIAL, TAKEN, SOFTWARE)))


def _fields(tiff: bytes, order: str, place: int) -> Iterator[tuple[int, int, bytes]]:
  """(tag, type, value) of a directory's texts and offsets; those that point outside the block are left out."""
  if place < 8:  # No directory: it would lie in the head.
    return
  head = tiff[place : place + 2]
  count = struct.unpack(order + "H", head)[0] if len(head) == 2 else 0
  for start in range(place + 2, min(place + 2 + 12 * count, len(tiff) - 11), 12):
    tag, kind, length, value = struct.unpack(order + "HHI4s", tiff[start : start + 12])
    if kind == OFFSET and length == 1:
      yield tag, kind, value
    elif kind == TEXT and length <= LONGEST:
      (elsewhere,) = struct.unpack(order + "I", value)
      found = value[:length] if length <= 4 else tiff[elsewhere : elsewhere + length]
      if len(found) == length:
        yield tag, kind, found


def _text(value: bytes) -> str:
  return " ".join(value.split(b"\0")[0].decode("utf-8", "replace").split())
