"""Arrays in .npz files from anybody: schema, shapes, types, size and finiteness are checked before they are used.

fsim writes its arrays uncompressed, so that no file can claim more than the bytes that it has; nothing in it is run.
"""

import io
import math
import re
import struct
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Shaped

from fsim.boundary.inputs import Unreadable, read_bytes

LIMIT = 1 << 31  # Bytes of a file: a fingerprint of 200 megapixels in 32 bits is smaller.
LARGEST = 1e30  # Size of a number; nothing that fsim writes comes near it.
AT_ONCE = 256  # Rows that are written together.
MAX_ARRAYS = 1_000  # Of a file; each costs memory before it is looked at.
ENTRY = b"PK\x01\x02"  # Each of an archive's table of contents begins so.
# The head of an array as NumPy writes it, for numbers and text. Its own reader evaluates what stands there as Python.
HEAD = re.compile(
  rb"\{'descr': '([<>|][fiubU]\d{1,6})', 'fortran_order': (True|False), "
  rb"'shape': \(((?:\d{1,18}, ?)*(?:\d{1,18})?)\), \} *\n"
)
LENGTHS = {b"\x93NUMPY\x01\x00": 2, b"\x93NUMPY\x02\x00": 4}  # Bytes of the head's length, by version.
# What zipfile and NumPy raise for damage; none of it is ours.
DAMAGE = (zipfile.BadZipFile, struct.error, ValueError, TypeError, EOFError, OSError, NotImplementedError, RuntimeError)


class Field(NamedTuple):
  """What an array must be: its NumPy kinds (letters), and its number of axes."""

  kinds: str
  axes: int


def read_npz(
  path: Path, fields: Mapping[str, Field] | None = None, limit: int = LIMIT
) -> dict[str, Shaped[np.ndarray, "..."]]:
  """All arrays by name; with `fields`, these and no others.

  Raises Unreadable for what is no such file, and where numbers are not sane.
  """
  data = read_bytes(path, limit)
  try:
    found = _arrays(data)
  except DAMAGE as error:
    raise Unreadable(path, f"damaged or no .npz file ({error or type(error).__name__})") from error
  for name, field in (fields or {}).items():
    if name not in found:
      raise Unreadable(path, f"the array {name!r} is missing")
    if found[name].dtype.kind not in field.kinds or found[name].ndim != field.axes:
      raise Unreadable(path, f"the array {name!r} is {found[name].dtype} with {found[name].ndim} axes")
  if fields is not None and found.keys() - fields.keys():
    raise Unreadable(path, f"the array {min(found.keys() - fields.keys())!r} has no place there")
  for name, array in found.items():
    if array.dtype.kind == "f" and not is_sane(array):
      raise Unreadable(path, f"the array {name!r} holds numbers that are not finite, or beyond {LARGEST:g}")
  return found


def to_npz(arrays: Mapping[str, Any]) -> bytes:
  """A file that `read_npz` reads."""
  buffer = io.BytesIO()
  np.savez(buffer, **arrays)
  return buffer.getvalue()


class Rows(NamedTuple):
  """An array that is made some rows at a time. of: rows of a slice. kind: of its numbers, by NumPy's name."""

  of: Callable[[slice], Shaped[np.ndarray, "..."]]
  shape: tuple[int, ...]
  kind: str


def write_npz(path: Path, parts: Mapping[str, Rows]) -> None:
  """A file that `read_npz` reads, of arrays that need not fit into memory."""
  with zipfile.ZipFile(path, "w") as archive:
    for name, part in parts.items():
      kind = np.dtype(part.kind)
      with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as file:
        head = {"descr": kind.str, "fortran_order": False, "shape": part.shape}
        np.lib.format.write_array_header_1_0(file, head)
        for first in range(0, part.shape[0], AT_ONCE):
          some = part.of(slice(first, min(first + AT_ONCE, part.shape[0])))
          file.write(np.ascontiguousarray(some, kind).tobytes())


def filled(rows: Shaped[np.ndarray, " n *d"], batch: int) -> Shaped[np.ndarray, " m *d"]:
  """Full batches: the last row is repeated until their number is a multiple, so that few shapes are compiled."""
  return np.concatenate([rows, np.repeat(rows[-1:], -len(rows) % batch, axis=0)])


def is_sane(values: Float[np.ndarray, "..."]) -> bool:
  """Whether all are finite, and so small that sums and products of a few stay finite too."""
  return values.size == 0 or (float(values.min()) >= -LARGEST and float(values.max()) <= LARGEST)


def _arrays(data: bytes) -> dict[str, Shaped[np.ndarray, "..."]]:
  """Raises one of DAMAGE."""
  if data.count(ENTRY) > MAX_ARRAYS:
    raise ValueError(f"more than {MAX_ARRAYS:,} arrays")
  with zipfile.ZipFile(io.BytesIO(data)) as archive:
    members = archive.infolist()
    if sum(info.file_size for info in members) > len(data):
      raise ValueError("it claims to hold more than it has")
    found = {info.filename.removesuffix(".npy"): _member(archive, info) for info in members}
  if len(found) < len(members):
    raise ValueError("two arrays of one name")
  return found


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Shaped[np.ndarray, "..."]:
  """Raises ValueError where the head claims anything else than the bytes behind it."""
  if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
    raise ValueError(f"{info.filename} is compressed")
  body = archive.read(info)
  version = body[:8]
  if version not in LENGTHS:
    raise ValueError(f"{info.filename} is no array of numbers or text")
  start = 8 + LENGTHS[version]
  end = start + int.from_bytes(body[8:start], "little")
  head = HEAD.fullmatch(body[start:end])
  if not head:
    raise ValueError(f"{info.filename} is no array of numbers or text")
  kind, shape = np.dtype(head[1].decode()), tuple(int(n) for n in head[3].split(b",") if n.strip())
  if kind.itemsize * math.prod(shape) != len(body) - end:
    raise ValueError(f"{info.filename} claims {shape}, and has {len(body) - end:,} bytes")
  if kind.kind == "U" and np.frombuffer(body, kind.byteorder + "u4", offset=end).max(initial=0) > sys.maxunicode:
    raise ValueError(f"{info.filename} holds letters that do not exist")
  return np.frombuffer(body, kind, offset=end).reshape(shape, order="F" if head[2] == b"True" else "C")
