"""One table, however it was written, and one line for what is none."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsim.boundary.inputs import Unreadable
from fsim.data import tables

ROWS = 'filename{0}place{0}position_num\r\nA_1.JPG{0}"Großer {0} Garten"{0}10\r\n\r\nA_2.JPG{0}x{0}\r\n'
CELLS = [{"filename": "A_1.JPG", "position_num": "10"}, {"filename": "A_2.JPG", "position_num": ""}]


def written(folder, data: bytes):
  path = folder / "metadata.csv"
  path.write_bytes(data)
  return path


def read(folder, data: bytes) -> list[dict[str, str]]:
  found = tables.read(written(folder, data), "filename")
  assert found.problems == []
  assert tables.cause_against(folder / "metadata.csv", "filename") == ""
  return [{name: line.cells.get(name, "") for name in CELLS[0]} for line in found.lines]


@pytest.mark.parametrize("separator", tables.SEPARATORS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_separators_and_encodings_make_no_difference(tmp_path, separator, encoding):
  assert read(tmp_path, ROWS.format(separator).encode(encoding)) == CELLS


@pytest.mark.parametrize("first", ["sep=;\r\n", '"sep=;"\n', "SEP=;\r\n", "\r\n\r\n"])
def test_a_line_for_spreadsheets_and_empty_lines_before_the_columns_are_passed_over(tmp_path, first):
  assert read(tmp_path, first.encode("utf-8-sig") + ROWS.format(";").encode()) == CELLS


def test_a_mark_that_was_converted_with_the_rest_is_no_part_of_a_name(tmp_path):
  assert read(tmp_path, ("\ufeff" + ROWS.format(";")).encode("utf-16")) == CELLS


@pytest.mark.parametrize("ending", ["\n", "\r", "\r\n"])
def test_line_endings_make_no_difference(tmp_path, ending):
  assert read(tmp_path, ROWS.format(",").replace("\r\n", ending).encode()) == CELLS


def test_columns_are_found_whatever_their_letters_quotes_and_spaces(tmp_path):
  assert read(tmp_path, b'POSITION_NUM ; "FileName" ;;\n10;A_1.JPG;;\n;A_2.JPG\n') == CELLS


def test_lines_are_numbered_as_an_editor_does(tmp_path):
  found = tables.read(written(tmp_path, b'sep=,\nfilename,note\na,"two\nlines"\nb,\n'), "filename")
  assert [(line.number, line.cells["filename"]) for line in found.lines] == [(4, "a"), (5, "b")]


def test_a_row_whose_cells_moved_is_not_used(tmp_path):
  found = tables.read(written(tmp_path, b"filename,place,n\na,Gate, old,1\nb,Gate,2,,\nc\n"), "filename")
  assert [line.cells for line in found.lines] == [
    {"filename": "b", "place": "Gate", "n": "2"},
    {"filename": "c"},
  ]
  assert found.problems == [(2, "4 cells below 3 columns: not used")]


def test_a_quotation_mark_without_its_other_swallows_no_row_in_silence(tmp_path):
  found = tables.read(written(tmp_path, b'filename,place\na,x\nb,"Gate\nc,y\nd,z\n'), "filename")
  assert [line.cells["filename"] for line in found.lines] == ["a"]
  assert found.problems == [(3, "a quotation mark without its other: not read from here on")]


@pytest.mark.parametrize(
  ("data", "cause"),
  [
    (b"", "no column filename in its first line, which is empty"),
    (b"x;y\n1;2\n", r"no column filename in its first line \(x, y, separated by semicolons\)"),
    (b'"a,filename,b"\nx\n', "no column filename"),
    (b"filename,Filename\n", "two columns are named filename"),
    (b"PK\x03\x04xx", "a spreadsheet's own file"),
    ("filename,x".encode("utf-16-le"), "UTF-16 without the mark"),
    (b"\x1b[2Jx\n", r"\(\\x1b\[2jx"),
  ],
)
def test_what_is_no_table_of_files_says_why_in_one_line(tmp_path, data, cause):
  with pytest.raises(Unreadable, match=cause) as error:
    tables.read(written(tmp_path, data), "filename")
  assert "\n" not in str(error.value)
  assert tables.cause_against(tmp_path / "metadata.csv", "filename") == error.value.cause


def test_a_table_is_read_with_limits(tmp_path, monkeypatch):
  monkeypatch.setattr(tables, "MAX_BYTES", 20)
  with pytest.raises(Unreadable, match="larger than"):
    tables.read(written(tmp_path, ROWS.encode()), "filename")
  monkeypatch.undo()
  for harm, cause in ((b"x" * 70_000, "a line of more than"), (b"\n" * 200_001, "more than 200,000 lines")):
    with pytest.raises(Unreadable, match=cause):
      tables.read(written(tmp_path, b"filename\n" + harm), "filename")
  with pytest.raises(Unreadable, match="field larger than field limit"):
    tables.read(written(tmp_path, b'filename\n"' + b"xxxxxxxxx\n" * 20_000), "filename")


@given(st.binary(max_size=60) | st.binary(max_size=60).map(lambda data: b"filename;n\n" + data))
def test_any_bytes_are_a_table_or_have_a_cause(data):
  with tempfile.TemporaryDirectory() as folder:
    path = written(Path(folder), data)
    cause = tables.cause_against(path, "filename")
    assert "\n" not in cause
    if not cause:
      found = tables.read(path, "filename")
      assert all(line.number <= data.count(b"\n") + data.count(b"\r") + 1 for line in found.lines)
