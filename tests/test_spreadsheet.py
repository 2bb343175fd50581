import csv
import io

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from fsim.boundary import spreadsheet


@given(st.lists(st.text(st.characters(codec=None), max_size=12), min_size=1, max_size=5))
def test_tables_are_read_back_and_no_cell_is_a_formula(cells):
  table = pd.DataFrame({"name": cells, "pce": range(len(cells))})
  data = spreadsheet.csv(table).decode("utf-8")
  head, *rows = csv.reader(io.StringIO(data, newline=""))
  assert head == ["name", "pce"]
  assert [row[1] for row in rows] == [str(k) for k in range(len(cells))]
  for cell, (name, _) in zip(cells, rows, strict=True):
    assert not name.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert name.removeprefix("'") == cell.removeprefix("'").encode("utf-8", "backslashreplace").decode()


def test_numbers_stay_numbers():
  table = pd.DataFrame({"pce": [-1.5, float("nan")], "mixed": [-2, "-2"], "device": pd.Categorical(["=a", "b"])})
  assert spreadsheet.csv(table).decode().splitlines() == ["pce,mixed,device", "-1.5,-2,'=a", ",'-2,b"]
