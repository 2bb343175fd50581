"""How strongly a JPEG is compressed: the steps of its luma quantisation table.

ITU T.81, annex B.2.4.1.
"""

from typing import NamedTuple

from fsim.data.markers import BARE, EOI, SOI, SOS

DQT = 0xDB
LOW = 15  # Coefficients in zigzag order, without the mean, whose steps are looked at: where noise and detail are.
MAX_SEGMENTS = 10_000


class Compression(NamedTuple):
  """step: mean of the luma table's LOW first steps behind the mean; bits: of the file, a pixel."""

  step: float
  bits: float


def compression(data: bytes, pixels: int) -> Compression | None:
  """Of a file that has so many pixels; None where it names no table 0. Never raises: what is damaged says nothing."""
  step = _luma_step(data)
  return None if step is None or pixels < 1 else Compression(step, 8 * len(data) / pixels)


def _luma_step(data: bytes) -> float | None:
  place, found = 2, None
  for _ in range(MAX_SEGMENTS):
    while data[place : place + 2] == b"\xff\xff":
      place += 1
    if len(data) < place + 4 or data[place] != 0xFF or data[place + 1] in (SOS, EOI):
      return found
    code, place = data[place + 1], place + 2
    if code in BARE or code == SOI:
      continue
    length = int.from_bytes(data[place : place + 2], "big")
    if code == DQT:
      found = _step_of_table_0(data[place + 2 : place + length]) or found
    place += max(length, 2)
  return found


def _step_of_table_0(body: bytes) -> float | None:
  place = 0
  while place < len(body):
    width, number = 1 + (body[place] >> 4 > 0), body[place] & 15
    table = body[place + 1 : place + 1 + 64 * width]
    if number == 0 and len(table) == 64 * width:
      steps = [int.from_bytes(table[k * width : (k + 1) * width], "big") for k in range(1, LOW + 1)]
      return sum(steps) / LOW if all(steps) else None
    place += 1 + 64 * width
  return None
