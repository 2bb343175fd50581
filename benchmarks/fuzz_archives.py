"""Crafted .npz files: everything in a good one replaced by what should not be there, and archives that lie."""

import copy
import io
import json
import warnings
import zipfile
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

MISSING = object()
Arrays = dict[str, Shaped[np.ndarray, "..."]]


def crafted(path: Path, hostile: tuple[Any, ...]) -> Iterator[bytes]:
  """From a good file, whatever its fields are; of each kind of craft in turn."""
  with np.load(path, allow_pickle=False) as file:
    arrays = {name: file[name] for name in file.files}
  kinds = (other_archives(path.read_bytes(), arrays), other_arrays(arrays), other_texts(arrays, hostile))
  for files in zip_longest(*kinds):
    yield from (data for data in files if data is not None)


def other_texts(arrays: Arrays, hostile: tuple[Any, ...]) -> Iterator[bytes]:
  """Every field of the JSON that is in it."""
  for name, array in arrays.items():
    if array.dtype.kind != "U":
      continue
    about = json.loads(str(array))
    for value in (*hostile, MISSING):
      changes = [] if value is MISSING else [value]
      for changed in (*changes, *replaced(about, value)):
        yield saved(arrays | {name: np.array(json.dumps(changed))})
    for text in ("", "{", "[" * 100_000, "null", str(array)[:-1]):
      yield saved(arrays | {name: np.array(text)})


def replaced(value: Any, by: Any) -> Iterator[Any]:
  """Copies in which one part is another value, or is MISSING; one place after the other, whatever it is nested in."""
  for place in list(value) if isinstance(value, dict) else range(min(len(value), 3)) if isinstance(value, list) else ():
    for part in (by, *replaced(value[place], by)):
      changed = copy.copy(value)
      changed[place] = part
      if part is MISSING:
        del changed[place]
      yield changed


def other_arrays(arrays: Arrays) -> Iterator[bytes]:
  for name, array in arrays.items():
    yield saved({other: value for other, value in arrays.items() if other != name})
    kinds = (np.float64, np.complex64, np.int8, np.uint64, np.bool_, ">f4", "S4", "U4", "M8[s]")
    others = [np.zeros(array.shape, kind) for kind in kinds]
    others += [np.zeros(shape, np.float16) for shape in ((), (0,), (0, 0), (1, 1), (7, 160), (160, 0), (1, 160, 160))]
    if array.dtype.kind == "f":
      others += [np.full_like(array, value) for value in (np.nan, np.inf, -np.inf, 0, np.finfo(array.dtype).max)]
      others += [np.asfortranarray(array), -array, array[:-1], array.astype(np.float64) * 1e300]
      for value in (np.nan, np.inf):
        others.append(array.copy())
        others[-1].flat[7] = value
    others += [np.array([{}, None], dtype=object), np.zeros(3, [("a", "f4")])]
    yield from (saved(arrays | {name: other}) for other in others)


def other_archives(data: bytes, arrays: Arrays) -> Iterator[bytes]:
  """Packed, empty, doubled, nested, encrypted; headers that claim what is not there; no archives at all."""
  yield saved(arrays, zipfile.ZIP_DEFLATED)
  yield saved({"bomb": np.zeros(10_000_000, np.uint8)} | arrays, zipfile.ZIP_DEFLATED)
  yield from (b"", b"PK\5\6" + bytes(18), data * 2, b"x" * 100 + data, data + b"x" * 70_000, b"\x80\4N.", b"\x93NUMPY")
  for name in ("../estimate.npy", "/estimate.npy", "about.npy", "a" * 60_000, "folder/", "\x1b[2J.npy"):
    yield archive([*members(arrays), (name, b"\x93NUMPY\1\0")])
  yield archive([*members(arrays), *members(arrays)])
  yield data.replace(b"PK\1\2\x14\3\x14\0\0\0", b"PK\1\2\x14\3\x14\0\1\0")
  for name, body in members(arrays):
    rest = [member for member in members(arrays) if member[0] != name]
    for shape in (
      "(100000, 100000)",
      "(-1, 160)",
      "(160,",
      "(10**9,)",
      "(2**62, 4)",
      "(True, 3)",
      "(1.5,)",
      "__import__('os')",
    ):
      head = ("{'descr': '<f2', 'fortran_order': False, 'shape': " + shape + ", }\n").encode()
      yield archive([*rest, (name, b"\x93NUMPY\1\0" + len(head).to_bytes(2, "little") + head + body[128:])])
    for head in (
      b"",
      b"\x93NUMPY\7\7" + body[8:],
      b"\x93NUMPY\2\0\xff\xff\xff\xff" + body[10:],
      body[:60],
      body[:128],
      body + b"x",
    ):
      yield archive([*rest, (name, head)])


def members(arrays: Arrays) -> list[tuple[str, bytes]]:
  found = []
  for name, array in arrays.items():
    body = io.BytesIO()
    np.save(body, array)
    found.append((f"{name}.npy", body.getvalue()))
  return found


def archive(files: list[tuple[str, bytes]]) -> bytes:
  """Members may have any name, and a name may come twice."""
  body = io.BytesIO()
  with zipfile.ZipFile(body, "w") as packed, warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Of names that come twice.
    for name, data in files:
      packed.writestr(zipfile.ZipInfo(name), data)
  return body.getvalue()


def saved(arrays: Arrays, packing: int = zipfile.ZIP_STORED) -> bytes:
  """As NumPy writes it, pickled objects too."""
  body = io.BytesIO()
  (np.savez if packing == zipfile.ZIP_STORED else np.savez_compressed)(body, **arrays)
  return body.getvalue()
