import io
import resource
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsim.boundary import arrays
from fsim.boundary.arrays import Field
from fsim.boundary.inputs import Unreadable

GOOD = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "n": np.array(3), "t": np.array(["x", "写"])}
FIELDS = {"a": Field("f", 2), "n": Field("iu", 0), "t": Field("U", 1)}


def header(text, values=b""):
  """An array whose head says this."""
  return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text.encode() + values


def archive(members, compression=zipfile.ZIP_STORED):
  buffer = io.BytesIO()
  with zipfile.ZipFile(buffer, "w", compression) as file:
    for name, data in members:
      file.writestr(name, data)
  return buffer.getvalue()


def claiming(shape, kind="<f4", values=b""):
  return archive([("a.npy", header(f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n", values))])


def refusal(tmp_path, data, fields=None):
  (tmp_path / "x.npz").write_bytes(data)
  with pytest.raises(Unreadable) as caught:
    arrays.read_npz(tmp_path / "x.npz", fields)
  assert "\n" not in str(caught.value)
  return caught.value.cause


def test_arrays_are_read_as_they_were_written(tmp_path):
  odd = {
    "order": np.asfortranarray(GOOD["a"]),
    "none": np.zeros((0, 5)),
    "flags": np.array([True, False]),
    "half": np.array(0.5, np.float16),
    "big": np.array([1, 2], ">i8"),
    "empty": np.array([""]),
  }
  (tmp_path / "x.npz").write_bytes(arrays.to_npz(GOOD | odd))
  found = arrays.read_npz(tmp_path / "x.npz")
  assert found.keys() == (GOOD | odd).keys()
  for name, array in (GOOD | odd).items():
    np.testing.assert_array_equal(found[name], array)
    assert found[name].dtype == array.dtype
  np.savez(tmp_path / "good.npz", **GOOD)
  assert arrays.read_npz(tmp_path / "good.npz", FIELDS).keys() == FIELDS.keys()


@pytest.mark.parametrize(
  ("made", "cause"),
  [
    ({"a": GOOD["a"], "n": GOOD["n"]}, "the array 't' is missing"),
    (GOOD | {"more": np.zeros(1)}, "the array 'more' has no place there"),
    (GOOD | {"a": GOOD["a"].astype(int)}, "the array 'a' is int64 with 2 axes"),
    (GOOD | {"a": GOOD["a"][0]}, "the array 'a' is float32 with 1 axes"),
    (GOOD | {"a": GOOD["a"] * np.nan}, "the array 'a' holds numbers that are not finite"),
    (GOOD | {"a": GOOD["a"] + np.inf}, "the array 'a' holds numbers that are not finite"),
    (GOOD | {"a": np.full((1, 1), 1e300)}, "or beyond 1e+30"),
    (GOOD | {"a": np.array([[None]])}, "no array of numbers or text"),
    (GOOD | {"a": np.zeros((1, 1), complex)}, "no array of numbers or text"),
    (GOOD | {"a": np.zeros((1, 1), [("x", "f4")])}, "no array of numbers or text"),
    (GOOD | {"a": np.array([[b"x"]])}, "no array of numbers or text"),
  ],
)
def test_other_arrays_are_refused_by_name(tmp_path, made, cause):
  buffer = io.BytesIO()
  np.savez(buffer, **made)
  assert cause in refusal(tmp_path, buffer.getvalue(), FIELDS)


@pytest.mark.parametrize(
  ("data", "cause"),
  [
    (b"", "damaged or no .npz file"),
    (b"PK\3\4", "damaged or no .npz file"),
    (header("{}"), "damaged or no .npz file"),
    (claiming("(250000000000,)"), "claims (250000000000,), and has 0 bytes"),
    (claiming("(2, 3)", values=bytes(20)), "claims (2, 3), and has 20 bytes"),
    (claiming("(-1,)", values=bytes(4)), "no array of numbers or text"),
    (claiming("(" + "-" * 9000 + "1,)"), "no array of numbers or text"),  # The parser of Python has no memory for it.
    (claiming("(" + "9" * 5000 + ",)"), "no array of numbers or text"),
    (claiming("(" + "1, " * 500 + ")", values=bytes(4)), "damaged or no .npz file"),
    (claiming("(0, 999999999999999999)"), ""),
    (claiming("(1,)", "<f3", bytes(3)), "damaged or no .npz file"),
    (claiming("(1,)", "|O", bytes(8)), "no array of numbers or text"),
    (claiming("(1,)", "<U1", b"\xff\xff\xff\xff"), "letters that do not exist"),
    (claiming("(1,)", "<U0"), "damaged or no .npz file"),
    (archive([("a.npy", header("{'descr': [" * 900))]), "no array of numbers or text"),
    (archive([("a.npy", header("("))]), "no array of numbers or text"),
    (archive([("a.npy", b"\x93NUMPY\3\0")]), "no array of numbers or text"),
    (archive([("a.npy", b"")]), "no array of numbers or text"),
    (archive([("a.npy", bytes(1 << 20))], zipfile.ZIP_DEFLATED), "it claims to hold more than it has"),
    (archive([("a.npy", bytes(range(200)))], zipfile.ZIP_DEFLATED), "a.npy is compressed"),
    (archive([(f"{k}.npy", b"") for k in range(2000)]), "more than 1,000 arrays"),
    (archive([("evil\n\x1b[31m.npy", b"")]), "no array of numbers or text"),
  ],
)
def test_what_is_no_such_file_is_refused_before_it_costs_memory(tmp_path, data, cause):
  before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
  if cause:
    assert cause in refusal(tmp_path, data)
  else:
    (tmp_path / "x.npz").write_bytes(data)
    assert arrays.read_npz(tmp_path / "x.npz")["a"].size == 0
  assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB.


def test_two_arrays_of_one_name_are_refused(tmp_path):
  with pytest.warns(UserWarning, match="Duplicate name"):
    data = archive([("a.npy", header("{}")), ("a.npy", header("{}"))])
  refusal(tmp_path, data)


def test_members_that_share_their_bytes_claim_more_than_there_is(tmp_path):
  buffer = io.BytesIO()
  with zipfile.ZipFile(buffer, "w") as file:
    file.writestr("a.npy", header("{}") + bytes(10_000))
    for k in range(500):
      file.filelist.append(file.filelist[0])
      file.NameToInfo[f"{k}.npy"] = file.filelist[0]
  assert "damaged or no .npz file" in refusal(tmp_path, buffer.getvalue())


@settings(max_examples=300)
@given(st.floats(0, 1), st.sampled_from(["flip", "cut", "drop", "insert"]), st.integers(0, 255))
def test_damage_is_refused_or_does_not_matter(tmp_path_factory, where, kind, value):
  path = tmp_path_factory.getbasetemp() / "damaged.npz"
  data = arrays.to_npz(GOOD)
  place = int(where * (len(data) - 1))
  changed = {
    "flip": data[:place] + bytes([data[place] ^ 1 << value % 8]) + data[place + 1 :],
    "cut": data[:place],
    "drop": data[:place] + data[place + 1 :],
    "insert": data[:place] + bytes([value]) + data[place:],
  }[kind]
  path.write_bytes(changed)
  try:
    found = arrays.read_npz(path, FIELDS)
  except Unreadable:
    return
  for name, array in GOOD.items():
    np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize(("count", "filled"), [(0, 0), (1, 4), (4, 4), (5, 8)])
def test_batches_are_filled_with_the_last_row(count, filled):
  rows = np.arange(2 * count).reshape(count, 2)
  found = arrays.filled(rows, 4)
  np.testing.assert_array_equal(found, [*rows, *[[2 * count - 2, 2 * count - 1]] * (filled - count)] or rows)
