"""Ways in which a JPEG is damaged, altered or forged, each a function of (random numbers, a file, another file)."""

import re
import struct
from collections.abc import Callable

import numpy as np

from benchmarks.fuzz_photographs import inserted, segment
from benchmarks.fuzz_pieces import DHT, DQT, DRI, SOF, SOS, Piece, pieces

# What other files begin with, and what an image library may take for an image of another kind.
FOREIGN = (
  b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"DDS \x7c\0\0\0", b"\x01\0\0\0\x6c\0\0\0", b"GIF89a", b"BM\x36\0\0\0",
  b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"8BPS\0\x01", b"RIFF\0\0\0\0WEBPVP8 ", b"\0\0\0\x18ftypheic", b"%PDF-1.4",
  b"%!PS-Adobe-3.0 EPSF-3.0", b"P6\n9 9\n255\n", b"\x1f\x8b\x08\0", b"PK\3\4", b"\xff\xd8", b"\xff\xd8\xff",
  b"\xff\xd8\xff\xd9", b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51", b"", b"\0",
)  # fmt: skip
ENDS = (
  b"", b"\xff", b"\xff" * 999 + b"\xd9", b"\0\xff\xd9", b"\0\0\0\xff\xd9", b"\xff\0\xff\xd9", b"\xff\xd0\xff\xd9",
  b"\xff\xd9\xff\xd9", b"\xff\xd8\xff\xd9", b"\xd9", b"\xff\xda", b"\xff\xe1", b"\xff\xfe\0\4ab\xff\xd9",
  b"\xff\xd9\xff", b"\xff\xff", b"\xff\xff\0",
)  # fmt: skip
NUMBERS = (0, 1, 2, 7, 8, 255, 256, 4096, 16_000, 32_767, 32_768, 65_500, 65_535)

Random = np.random.Generator
Mutation = Callable[[Random, bytes, bytes], bytes]


def _any(rng: Random, data: bytes, *codes: int) -> Piece:
  """One of these pieces, or of all where there are none of them."""
  all_pieces = pieces(data)
  return _one(rng, [piece for piece in all_pieces if piece.code in codes] or all_pieces)


def _one(rng: Random, values):
  return values[rng.integers(len(values))]


def _scan(rng: Random, data: bytes) -> tuple[int, int]:
  """A stretch of entropy-coded data, short or long."""
  scan = _any(rng, data, SOS)
  start = rng.integers(min(scan.start + 14, scan.end - 1), scan.end)
  return start, min(scan.end, start + int(2 ** rng.uniform(0, 11)))


def _put(data: bytes, start: int, end: int, what: bytes) -> bytes:
  return data[:start] + what + data[end:]


def _bytes_in(rng: Random, data: bytes, start: int, end: int, count: int) -> bytes:
  changed = bytearray(data)
  for place in rng.integers(start, max(end, start + 1), count):
    changed[min(place, len(data) - 1)] = rng.integers(256)
  return bytes(changed)


def as_made(rng: Random, data: bytes, other: bytes) -> bytes:
  return data


def harmless(rng: Random, data: bytes, other: bytes) -> bytes:
  """What changes no pixel: comments, profiles, EXIF from anywhere, filling before markers, any end after the end."""
  noise = rng.bytes(int(2 ** rng.uniform(0, 15)))
  kinds = [segment(0xFE, noise), segment(0xE2, b"ICC_PROFILE\0" + noise), segment(0xE1, b"Exif\0\0" + noise)]
  kinds += [segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + noise), segment(int(rng.integers(0xE3, 0xEE)), noise)]
  changed = inserted(data, _one(rng, kinds) * int(rng.integers(1, 4)))
  piece = _any(rng, changed)
  if piece.start:
    changed = _put(changed, piece.start, piece.start, b"\xff" * int(2 ** rng.uniform(0, 12)))
  return changed + noise if changed.endswith(b"\xff\xd9") else changed


def bits(rng: Random, data: bytes, other: bytes) -> bytes:
  changed = bytearray(data)
  for place in rng.integers(len(data), size=rng.integers(1, 9)):
    changed[place] ^= 1 << int(rng.integers(8))
  return bytes(changed)


def bits_of_data(rng: Random, data: bytes, other: bytes) -> bytes:
  start, _ = _scan(rng, data)
  return _put(data, start, start + 1, bytes([data[start] ^ (1 << int(rng.integers(8)))]))


def cut(rng: Random, data: bytes, other: bytes) -> bytes:
  place = int(rng.integers(len(data)) if rng.random() < 0.7 else len(data) - rng.integers(1, 6))
  return data[:place] + _one(rng, (b"", b"", b"\xff\xd9", b"\xff", b"\0\0"))


def stretch_lost(rng: Random, data: bytes, other: bytes) -> bytes:
  return _put(data, *_scan(rng, data), b"")


def stretch_overwritten(rng: Random, data: bytes, other: bytes) -> bytes:
  start, end = _scan(rng, data)
  return _put(data, start, end, _one(rng, (bytes(end - start), b"\xff" * (end - start), rng.bytes(end - start))))


def stretch_repeated(rng: Random, data: bytes, other: bytes) -> bytes:
  start, end = _scan(rng, data)
  return _put(data, start, start, data[start:end])


def sectors_zeroed(rng: Random, data: bytes, other: bytes) -> bytes:
  start = int(rng.integers(len(data) // 512 + 1)) * 512
  return _put(data, start, start + 512, bytes(len(data[start : start + 512])))


def marker_changed(rng: Random, data: bytes, other: bytes) -> bytes:
  piece = _any(rng, data)
  return _put(data, piece.start + 1, piece.start + 2, bytes([rng.integers(1, 256)]))


def marker_in_data(rng: Random, data: bytes, other: bytes) -> bytes:
  start, _ = _scan(rng, data)
  return _put(data, start, start + int(rng.integers(2)), bytes([0xFF, rng.integers(1, 256)]))


def length_changed(rng: Random, data: bytes, other: bytes) -> bytes:
  piece = _one(rng, pieces(data)[1:-1])
  now = int.from_bytes(data[piece.start + 2 : piece.start + 4], "big")
  new = _one(rng, (0, 1, 2, 3, now - 1, now + 1, now + 2, 65_535, int(rng.integers(65_536))))
  return _put(data, piece.start + 2, piece.start + 4, struct.pack(">H", max(new, 0)))


def tables_changed(rng: Random, data: bytes, other: bytes) -> bytes:
  piece = _any(rng, data, DHT, DQT)
  return _bytes_in(rng, data, piece.start + 4, piece.end, int(rng.integers(1, 5)))


def head_of_scan_changed(rng: Random, data: bytes, other: bytes) -> bytes:
  piece = _any(rng, data, SOS)
  return _bytes_in(rng, data, piece.start + 4, piece.start + 14, int(rng.integers(1, 3)))


def frame_changed(rng: Random, data: bytes, other: bytes) -> bytes:
  """Precision, number of colours, their names, samplings and tables; or the way of coding."""
  piece = _any(rng, data, *SOF)
  if rng.random() < 0.2:
    return _put(data, piece.start + 1, piece.start + 2, bytes([_one(rng, range(0xC0, 0xD0))]))
  place = int(_one(rng, [piece.start + 4, *range(piece.start + 9, piece.end)]))
  low = _one(rng, (0x11, 0x21, 0x12, 0x22, 0x41, 0x14, 0x31, 0x13, 0, 1, 2, 3, 4, 12, int(rng.integers(256))))
  return _put(data, place, place + 1, bytes([low]))


def size_changed(rng: Random, data: bytes, other: bytes) -> bytes:
  piece = _any(rng, data, *SOF)
  sides = list(struct.unpack(">HH", data[piece.start + 5 : piece.start + 9]))
  for k in _one(rng, ((0,), (1,), (0, 1))):
    near = sides[k] + int(rng.integers(-17, 18))
    sides[k] = max(0, _one(rng, (near, near, 2 * sides[k], sides[k] // 2, sides[k] * 300 % 65_536, _one(rng, NUMBERS))))
  return _put(data, piece.start + 5, piece.start + 9, struct.pack(">HH", *sides))


def restarts_changed(rng: Random, data: bytes, other: bytes) -> bytes:
  """An interval that is not kept, or markers that are lost, doubled, renumbered."""
  places = [match.start() for match in re.finditer(rb"\xff[\xd0-\xd7]", data)]
  if not places or rng.random() < 0.3:
    scan = _any(rng, data, SOS)
    return _put(data, scan.start, scan.start, segment(DRI, struct.pack(">H", _one(rng, NUMBERS))))
  place = _one(rng, places)
  marker = bytes([0xFF, 0xD0 + int(rng.integers(8))])
  return _put(data, place, place + 2, _one(rng, (b"", marker, marker + data[place : place + 2], b"\xff\xff" + marker)))


def foreign_head(rng: Random, data: bytes, other: bytes) -> bytes:
  head = _one(rng, FOREIGN)
  return head + data[len(head) if rng.random() < 0.5 else 0 :] if rng.random() < 0.8 else head + rng.bytes(300)


def piece_lost(rng: Random, data: bytes, other: bytes) -> bytes:
  piece = _any(rng, data)
  return _put(data, piece.start, piece.end, b"")


def piece_repeated(rng: Random, data: bytes, other: bytes) -> bytes:
  """A second frame, scan, table or beginning; at once or elsewhere."""
  piece, place = _any(rng, data), _any(rng, data).start
  return _put(data, place, place, data[piece.start : piece.end])


def pieces_exchanged(rng: Random, data: bytes, other: bytes) -> bytes:
  a, b = sorted((_any(rng, data), _any(rng, data)), key=lambda piece: piece.start)
  if a == b:
    return data
  return data[: a.start] + data[b.start : b.end] + data[a.end : b.start] + data[a.start : a.end] + data[b.end :]


def passes_changed(rng: Random, data: bytes, other: bytes) -> bytes:
  """Scans lost, repeated, or in another order; those of a progressive file have many."""
  scans = [piece for piece in pieces(data) if piece.code == SOS]
  a, b = _one(rng, scans), _one(rng, scans)
  copies = data[a.start : a.end] * int(_one(rng, (0, 2, 3, 30)))
  return _put(data, a.start, a.end, copies) if rng.random() < 0.6 else _put(data, b.end, b.end, data[a.start : a.end])


def another_files_piece(rng: Random, data: bytes, other: bytes) -> bytes:
  """Tables, a frame or scans of another photograph, or the rest of it from somewhere on."""
  if rng.random() < 0.3:
    place = int(rng.integers(2, len(data)))
    return data[:place] + other[place:]
  mine, theirs = _any(rng, data), _any(rng, other)
  same = [piece for piece in pieces(other) if piece.code == mine.code]
  taken = _one(rng, same) if same else theirs
  return _put(data, mine.start, mine.end, other[taken.start : taken.end])


def end_changed(rng: Random, data: bytes, other: bytes) -> bytes:
  end = pieces(data)[-1]
  return data[: end.start] + _one(rng, ENDS) + _one(rng, (b"", b"", data[end.end :], other))


def metadata_changed(rng: Random, data: bytes, other: bytes) -> bytes:
  """Segments that no pixel depends on, but which somebody may read."""
  apart = [piece for piece in pieces(data) if 0xE1 <= piece.code <= 0xED or piece.code == 0xFE]
  if not apart:
    tags = rng.bytes(int(rng.integers(200)))
    endless = b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 65_535, 0x8769, 4, 1, 8) + tags
    return inserted(data, segment(0xE1, b"Exif\0\0" + _one(rng, (endless, tags, b"MM\0*\xff\xff\xff\xff" + tags))))
  piece = _one(rng, apart)
  return _bytes_in(rng, data, piece.start + 4, piece.end, int(rng.integers(1, 20)))


MUTATIONS: dict[str, Mutation] = {
  function.__name__.replace("_", " "): function
  for function in (
    as_made, harmless, bits, bits_of_data, cut, stretch_lost, stretch_overwritten, stretch_repeated, sectors_zeroed,
    marker_changed, marker_in_data, length_changed, tables_changed, head_of_scan_changed, frame_changed, size_changed,
    restarts_changed, foreign_head, piece_lost, piece_repeated, pieces_exchanged, passes_changed, another_files_piece,
    end_changed, metadata_changed,
  )
}  # fmt: skip
