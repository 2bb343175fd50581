"""Arrays in .npz files from anybody: schema, shapes, types, size and finiteness are checked before they are used.

fsim writes its arrays uncompressed, so that no file can claim more than the bytes that it has; nothing in it is run.
"""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Shaped

from fsim.boundary.inputs import Unreadable, read_bytes

LIMIT = 1 << 31  # Bytes of a file: a fingerprint of 200 megapixels in 32 bits is smaller.
KINDS = "fiubU"  # NumPy's letters for floating, integer, unsigned and boolean numbers, and text.


class Field(NamedTuple):
  """What an array must be: its NumPy kinds (letters), and its number of axes."""

  kinds: str
  axes: int


def read_npz(path: Path, fields: Mapping[str, Field] | None = None) -> dict[str, Shaped[np.ndarray, "..."]]:
  """All arrays by name; with `fields`, these and no others.

  Raises Unreadable for what is no such file, and where a number is not finite.
  """
  data = read_bytes(path, LIMIT)
  try:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
      found = {info.filename.removesuffix(".npy"): _member(archive, info) for info in archive.infolist()}
  # What zipfile and NumPy raise for damage; none of it is ours.
  except (zipfile.BadZipFile, ValueError, EOFError, OSError, NotImplementedError, RuntimeError, SyntaxError) as error:
    raise Unreadable(path, f"damaged or no .npz file ({error})") from error
  for name, field in (fields or {}).items():
    if name not in found:
      raise Unreadable(path, f"the array {name!r} is missing")
    if found[name].dtype.kind not in field.kinds or found[name].ndim != field.axes:
      raise Unreadable(path, f"the array {name!r} is {found[name].dtype} with {found[name].ndim} axes")
  for name, array in found.items():
    if array.dtype.kind == "f" and not np.isfinite(array).all():
      raise Unreadable(path, f"the array {name!r} holds numbers that are not finite")
  return found if fields is None else {name: found[name] for name in fields}


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Shaped[np.ndarray, "..."]:
  """Raises ValueError where the header claims anything else than the bytes behind it."""
  if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
    raise ValueError(f"{info.filename} is compressed")
  body = io.BytesIO(archive.read(info))
  version = np.lib.format.read_magic(body)
  read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
  if version not in read_header:
    raise ValueError(f"{info.filename} has the unknown version {version}")
  shape, by_columns, kind = read_header[version](body)
  if kind.kind not in KINDS:
    raise ValueError(f"{info.filename} holds {kind}")
  rest = body.getbuffer()[body.tell() :]
  if any(n < 0 for n in shape) or kind.itemsize * np.prod(shape, dtype=object) != len(rest):
    raise ValueError(f"{info.filename} claims {shape}, and has {len(rest):,} bytes")
  return np.frombuffer(rest, kind).reshape(shape, order="F" if by_columns else "C")
