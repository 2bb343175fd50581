"""The pieces of a JPEG, read once more and apart from fsim: a reader must not be tested with its own eyes."""

import re
from typing import NamedTuple

SOF, DHT, SOI, EOI, SOS, DQT, DRI = (0xC0, 0xC1, 0xC2), 0xC4, 0xD8, 0xD9, 0xDA, 0xDB, 0xDD
END_OF_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


class Piece(NamedTuple):
  """A marker with its segment, and with the entropy-coded data behind the head of a scan."""

  code: int
  start: int
  end: int


def pieces(data: bytes) -> list[Piece]:
  """Of a whole file, up to its end marker (which may lack its last byte)."""
  found, place = [Piece(SOI, 0, 2)], 2
  while len(data) > place + 4 and data[place + 1] != EOI:
    end = place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    if data[place + 1] == SOS:
      stop = END_OF_SCAN.search(data, end)
      end = stop.start() if stop else len(data) - 1
    found.append(Piece(data[place + 1], place, end))
    place = end
  return [*found, Piece(EOI, place, min(place + 2, len(data)))]
