import csv
import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsim.boundary import text


@pytest.mark.parametrize(
  ("name", "expected"),
  [
    ("Zoë 写真.jpg", "Zoë 写真.jpg"),
    ("a\nb\r\tc", "a\\nb\\r\\tc"),
    ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
    ("caf\udce9", "caf\\xe9"),
    ("\u202egpj.exe", "\\u202egpj.exe"),
    ("a\u2028b\u200b", "a\\u2028b\\u200b"),
    ("\ud800", "\\ud800"),
    ("\x9b31m", "\\x9b31m"),
  ],
)
def test_names_are_shown_without_what_a_terminal_obeys(name, expected):
  assert text.shown(name) == expected


@given(st.text(st.characters(codec=None), max_size=30))
def test_any_name_is_one_line_that_can_be_printed(name):
  shown = text.shown(name)
  assert len(shown.splitlines()) <= 1
  assert "".join(shown.split()).isprintable()  # Between the spaces that other scripts have.
  shown.encode("utf-8")
  assert text.shown(shown) == shown


@given(st.lists(st.text(st.characters(codec=None), max_size=12), min_size=1, max_size=5))
def test_tables_are_read_back_and_no_cell_is_a_formula(cells):
  table = pd.DataFrame({"name": cells, "pce": range(len(cells))})
  data = text.csv(table).decode("utf-8")
  head, *rows = csv.reader(io.StringIO(data, newline=""))
  assert head == ["name", "pce"]
  assert [row[1] for row in rows] == [str(k) for k in range(len(cells))]
  for cell, (name, _) in zip(cells, rows, strict=True):
    assert not name.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert name.removeprefix("'") == cell.removeprefix("'").encode("utf-8", "backslashreplace").decode()


def test_numbers_stay_numbers():
  table = pd.DataFrame({"pce": [-1.5, float("nan")], "mixed": [-2, "-2"], "device": pd.Categorical(["=a", "b"])})
  assert text.csv(table).decode().splitlines() == ["pce,mixed,device", "-1.5,-2,'=a", ",'-2,b"]
