"""The structure of a JPEG, read without decoding it: its frame, its scans, where it ends, and whether it can be true.

ITU T.81, annex B. What a file claims is held against the bytes that are there before anything is allocated.
"""

import re
import struct
from math import ceil
from typing import NamedTuple

SOI, EOI, SOS, EXIF = 0xD8, 0xD9, 0xDA, 0xE1
METADATA = (*range(0xE1, 0xEE), 0xEF, 0xFE)  # Comments, and APPn but for JFIF and Adobe, which say what colours mean.
BASELINE, EXTENDED, PROGRESSIVE = 0xC0, 0xC1, 0xC2
TABLES = (0xC4, 0xC8, 0xCC)  # Among the numbers of frames, but none: DHT, JPG and DAC.
FRAMES = tuple(code for code in range(0xC0, 0xD0) if code not in TABLES)
# Segments that libjpeg knows: tables of numbers, codes, restarts and lines, APPn and comments.
SEGMENTS = (0xC4, 0xCC, 0xDB, 0xDC, 0xDD, *range(0xE0, 0xF0), 0xFE)
BARE = (0x01, *range(0xD0, 0xD8))  # Markers without a segment: TEM and restarts.
OTHER_CODINGS = {0xC3: "lossless", 0xC7: "lossless"} | dict.fromkeys(range(0xC9, 0xD0), "arithmetic-coded")
# Neither a stuffed byte nor a restart nor filling; or an end marker cut in two.
END_OF_SCAN = re.compile(rb"\xff(?:[^\x00\xd0-\xd7\xff]|\Z)")
FILLED = re.compile(rb"[^\xff]")
COEFFICIENTS = 64  # In a block of 8x8 pixels.
JPEG_GRID = 8  # Pixels a side of the blocks of a JPEG.
MAX_PIXELS = 256_000_000
MAX_BYTES_IN_PASSES = 500_000_000  # Where pixels come in several passes, libjpeg keeps all coefficients beside them.
MAX_SEGMENTS = 10_000
MAX_SCANS = 64  # Encoders that search for the smallest file send about 20.
MAX_VISITS = 1 << 24  # Blocks over all scans: 80 megapixels in ten passes have fewer.
UNSENT = 99  # In place of the number of bits of a coefficient that are still to come.


class BadImage(ValueError):
  """A file that cannot serve as a camera JPEG; the message gives the cause, the caller adds the file's name."""


class Component(NamedTuple):
  """A colour plane and its sampling factors."""

  name: int
  across: int
  down: int


class Frame(NamedTuple):
  coding: int
  width: int
  height: int
  components: tuple[Component, ...]

  def blocks(self, component: Component) -> int:
    """Of 8x8 samples that the plane needs at least."""
    across = ceil(ceil(self.width * component.across / max(c.across for c in self.components)) / 8)
    down = ceil(ceil(self.height * component.down / max(c.down for c in self.components)) / 8)
    return across * down


class Scan(NamedTuple):
  """One pass over some planes: coefficients first..last, from the bit `high` (0: all bits) down to `low` (0: exact)."""

  components: tuple[int, ...]
  first: int
  last: int
  high: int
  low: int
  bytes: int  # Of entropy-coded data.


class Structure(NamedTuple):
  """Of the first image in a file: what follows it (a second image, a film) does not matter here.

  Attributes:
    end: bytes up to the end of the image. cut: whether the last byte of its end marker is missing, and no more.
    exif: the EXIF block, b"" if there is none.
    metadata: from where to where segments stand that no pixel depends on.
  """

  frame: Frame
  scans: list[Scan]
  end: int
  cut: bool
  exif: bytes
  metadata: list[tuple[int, int]]


def read(data: bytes) -> Structure:
  """Raises BadImage for what is no 8-bit colour JPEG of a sane size, or has less in it than it claims."""
  frame, scans, exif, metadata, place = None, [], b"", [], 2
  for _ in range(MAX_SEGMENTS):
    code, place = _marker(data, place)
    if code == EOI:
      _require_sane(frame, scans)
      return Structure(frame, scans, place, place > len(data), exif, metadata)
    if code in BARE:
      continue
    body, after = _segment(data, place)
    if code in FRAMES:
      if frame:
        raise BadImage("damaged JPEG: it has two frames")
      frame = _frame(code, body)
    elif code == SOS:
      if frame is None:
        raise BadImage("damaged JPEG: image data without a frame")
      found = END_OF_SCAN.search(data, after)
      end = found.start() if found else len(data)
      scans.append(_scan(body, end - after))
      after = end
    elif code in METADATA:
      metadata.append((place - 2, after))
      exif = exif or (body if code == EXIF and body.startswith(b"Exif\0\0") else b"")
    elif code not in SEGMENTS:
      raise BadImage(f"damaged JPEG: a segment of the unknown kind {code:02X}")
    place = after
  raise BadImage(f"damaged JPEG: more than {MAX_SEGMENTS:,} segments")


def header(data: bytes) -> Frame:
  """The frame alone, from the first bytes of a file. Raises BadImage as `read`."""
  place = 2
  for _ in range(MAX_SEGMENTS):
    code, place = _marker(data, place)
    if code in (EOI, SOS):
      break
    if code in BARE:
      continue
    body, place = _segment(data, place)
    if code in FRAMES:
      return _frame(code, body)
  raise BadImage("damaged JPEG: no frame before its data")


def _marker(data: bytes, place: int) -> tuple[int, int]:
  """The next marker, and what follows it. The end marker may lack its last byte."""
  if data[place : place + 1] != b"\xff":
    cut = place >= len(data)
    raise BadImage(
      "damaged JPEG: it ends before its end marker" if cut else "damaged JPEG: no marker where one must be"
    )
  found = FILLED.search(data, place)
  if not found:
    return EOI, len(data) + 1
  return data[found.start()], found.end()


def _segment(data: bytes, place: int) -> tuple[bytes, int]:
  """Its body, and where it ends."""
  length = int.from_bytes(data[place : place + 2], "big")
  if length < 2 or place + length > len(data):
    raise BadImage("damaged JPEG: a segment is longer than what is left of the file")
  return data[place + 2 : place + length], place + length


def _frame(coding: int, body: bytes) -> Frame:
  if coding not in (BASELINE, EXTENDED, PROGRESSIVE):
    raise BadImage(f"{OTHER_CODINGS.get(coding, 'hierarchical')} JPEG, which no camera writes and fsim does not read")
  if len(body) < 6 or len(body) != 6 + 3 * body[5]:
    raise BadImage("damaged JPEG: its frame header is cut")
  bits, height, width, count = struct.unpack(">BHHB", body[:6])
  planes = [Component(body[k], body[k + 1] >> 4, body[k + 1] & 15) for k in range(6, len(body), 3)]
  if bits != 8:
    raise BadImage(f"a {bits}-bit JPEG, but 8 bits are needed")
  if count != 3:
    kind = {1: "greyscale", 4: "CMYK"}.get(count, f"{count} colours")
    raise BadImage(f"{kind}, but a colour JPEG is needed")
  if not (width and height) or not all(1 <= n <= 4 for plane in planes for n in plane[1:]):
    raise BadImage(f"damaged JPEG: {width}x{height} pixels, sampled {planes[0].across}x{planes[0].down}")
  if len({plane.name for plane in planes}) < len(planes):
    raise BadImage("damaged JPEG: two colours of one name")
  if width * height > MAX_PIXELS:
    raise BadImage(f"{width}x{height} pixels, more than the limit of {MAX_PIXELS:,}")
  return Frame(coding, width, height, tuple(planes))


def _scan(body: bytes, size: int) -> Scan:
  count = body[0] if body else 0
  if not 1 <= count <= 4 or len(body) != 4 + 2 * count:
    raise BadImage("damaged JPEG: a scan header is cut")
  first, last, bits = body[-3:]
  return Scan(tuple(body[1 : 1 + 2 * count : 2]), first, last, bits >> 4, bits & 15, size)


def _require_sane(frame: Frame | None, scans: list[Scan]) -> None:
  """Whether so many bytes can hold so many blocks, and every plane is sent to its last bit."""
  if frame is None or not scans:
    raise BadImage("damaged JPEG: it holds no image data")
  blocks = {c.name: frame.blocks(c) for c in frame.components}
  if any(set(scan.components) - blocks.keys() for scan in scans):
    raise BadImage("damaged JPEG: a scan of a colour that the frame does not have")
  visits = [sum(blocks[name] for name in scan.components) for scan in scans]
  # A block takes one bit at least, and one more for the end of its block where it is sent in one piece. Passes without
  # the first coefficient may say in a few bits that thousands of blocks have nothing.
  bits = 1 if frame.coding == PROGRESSIVE else 2
  if any(8 * scan.bytes < bits * n for scan, n in zip(scans, visits, strict=True) if bits == 2 or scan.first == 0):
    raise BadImage(
      f"damaged JPEG: {sum(scan.bytes for scan in scans):,} bytes of data cannot hold the {frame.width}x{frame.height}"
      " pixels it claims"
    )
  if len(scans) > MAX_SCANS or sum(visits) > MAX_VISITS:
    raise BadImage(f"{len(scans)} passes over {frame.width}x{frame.height} pixels, more than any camera writes")
  needed = 3 * frame.width * frame.height + 2 * COEFFICIENTS * sum(blocks.values())
  if len(scans) > 1 and needed > MAX_BYTES_IN_PASSES:
    raise BadImage(f"{frame.width}x{frame.height} pixels in several passes, which need {needed / 1e6:.0f} MB")
  _require_complete(frame, scans)


def _require_complete(frame: Frame, scans: list[Scan]) -> None:
  """Every plane is sent; and in passes, each coefficient from its first bit to its last, one pass after the other."""
  if frame.coding != PROGRESSIVE:
    if {name for scan in scans for name in scan.components} != {c.name for c in frame.components}:
      raise BadImage("damaged JPEG: passes are missing")
    return
  left = {c.name: [UNSENT] * COEFFICIENTS for c in frame.components}
  for scan in scans:
    for bits in (left[name] for name in scan.components):
      band = bits[scan.first : scan.last + 1]
      begun = scan.first == 0 or bits[0] != UNSENT
      # What libjpeg warns of, but only after all its work.
      if not begun or any(scan.high != (0 if low == UNSENT else low) for low in band):
        raise BadImage("damaged JPEG: its passes do not follow each other")
      bits[scan.first : scan.last + 1] = [scan.low] * len(band)
  if any(any(bits) for bits in left.values()):
    raise BadImage("damaged JPEG: passes are missing")
