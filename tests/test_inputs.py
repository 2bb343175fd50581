import os
import resource
import socket

import pytest

from fsim.boundary import fields, inputs
from fsim.boundary.inputs import Unreadable


def test_regular_files_are_read_and_nothing_else(tmp_path):
  (tmp_path / "file").write_bytes(b"abc")
  assert inputs.read_bytes(tmp_path / "file", 3) == b"abc"
  os.mkfifo(tmp_path / "pipe")
  (tmp_path / "zero").symlink_to("/dev/zero")
  with socket.socket(socket.AF_UNIX) as one:
    one.bind(str(tmp_path / "socket"))
  causes = {
    "pipe": "not a regular file",
    "zero": "not a regular file",
    "socket": "not a regular file",
    ".": "a folder",
    "absent": "No such file or directory",
    "file/below": "Not a directory",
    "n" * 300: "File name too long",
    "a\0b": "a zero byte in its name",
  }
  for name, cause in causes.items():
    with pytest.raises(Unreadable) as caught:
      inputs.read_bytes(tmp_path / name, 3)
    assert caught.value.cause == cause


def test_a_file_that_is_too_large_is_not_read(tmp_path):
  with (tmp_path / "terabyte").open("wb") as file:
    file.truncate(1 << 40)
  before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
  with pytest.raises(Unreadable, match="terabyte: larger than 2,147 MB"):
    inputs.read_bytes(tmp_path / "terabyte", 1 << 31)
  assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB.


def test_causes_are_one_short_line(tmp_path):
  error = Unreadable(tmp_path / "a\nb", "it says \x1b[31m" + 1000 * "x")
  assert "\n" not in str(error)
  assert "\\x1b[31m" in error.cause
  assert len(error.cause) <= inputs.LONGEST


@pytest.mark.parametrize(
  ("text", "cause"),
  [
    (b"", "not JSON"),
    (b"[1]", "not a JSON object"),
    (b"null", "not a JSON object"),
    (b'{"a": 1', "not JSON"),
    (b'{"a": NaN}', "NaN is no number of JSON"),
    (b'{"a": -Infinity}', "-Infinity is no number of JSON"),
    (b"[" * 100_000, "not JSON"),
    (b'{"a":' * 100_000, "not JSON"),
    (b'{"a": ' + b"9" * 5000 + b"}", "not JSON"),
    (b"\xff\xfe\x00", "not JSON"),
    (b"{}", "the field 'a' is missing"),
  ],
)
def test_what_is_no_such_json_is_refused(tmp_path, text, cause):
  (tmp_path / "x.json").write_bytes(text)
  with pytest.raises(Unreadable) as caught:
    inputs.read_json(tmp_path / "x.json", "a")
  assert cause in caught.value.cause


def test_json_is_read(tmp_path):
  (tmp_path / "x.json").write_bytes(b'{"a": {"b": [1, null]}}')
  assert inputs.read_json(tmp_path / "x.json", "a") == {"a": {"b": [1, None]}}


RULES = {
  "size": fields.whole(1, 10),
  "share": fields.number(0, 1),
  "shift": fields.number(),
  "kind": fields.one_of(("good", "bad")),
  "flag": fields.FLAG,
  "name": fields.TEXT,
  "inner": fields.object_of({"size": fields.whole(1, 10)}),
}
GOOD = {"size": 1, "share": 1, "shift": -1e9, "kind": "bad", "flag": False, "name": "", "inner": {"size": 10}}


@pytest.mark.parametrize(
  ("field", "value"),
  [
    *(("size", value) for value in (0, 11, True, 1.0, "1", None, [1])),
    *(("share", value) for value in (-0.1, 1.1, float("nan"), float("inf"), True, "0.5")),
    *(("shift", value) for value in (float("inf"), 10**400, 1e301, False)),
    *(("kind", value) for value in ("ugly", "", None, ["good"], {})),
    *(("flag", value) for value in (0, 1, None, "true")),
    *(("name", value) for value in (0, None, ["a"])),
    *(("inner", value) for value in ({}, {"size": 11}, {"size": 1, "more": 1}, [1], None)),
  ],
)
def test_fields_are_of_their_type_and_within_their_bounds(tmp_path, field, value):
  fields.require(tmp_path, GOOD, RULES)
  with pytest.raises(Unreadable, match=f"the field '{field}' must be "):
    fields.require(tmp_path, GOOD | {field: value}, RULES)


def test_fields_are_all_there_and_no_others(tmp_path):
  with pytest.raises(Unreadable, match=r"the field 'in\.size' is missing"):
    fields.require(tmp_path, {}, RULES, inside="in.")
  with pytest.raises(Unreadable, match="the field 'more' is unknown"):
    fields.require(tmp_path, GOOD | {"more": 1}, RULES)


def test_a_nested_value_is_quoted_in_short(tmp_path):
  nested = []
  for _ in range(100_000):
    nested = [nested]
  with pytest.raises(Unreadable) as caught:
    fields.require(tmp_path, GOOD | {"size": nested}, RULES)
  assert len(str(caught.value)) < 300
  while nested:  # Taken apart from outside: to free it in one go would overflow the stack.
    nested = nested[0]


def test_a_link_to_itself_has_a_place(tmp_path):
  (tmp_path / "loop").symlink_to(tmp_path / "loop")
  assert inputs.resolved(tmp_path / "loop").name == "loop"
  (tmp_path / "there").symlink_to(tmp_path)
  assert inputs.resolved(tmp_path / "there" / "x") == tmp_path.resolve() / "x"
