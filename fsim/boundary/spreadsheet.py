"""Tables for spreadsheets."""

import pandas as pd

FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # First letters at which a spreadsheet computes.


def csv(table: pd.DataFrame) -> bytes:
  """A CSV in UTF-8 whose cells no spreadsheet takes for formulas: such text gets an apostrophe in front."""
  safe = table.copy()
  for column in safe.columns[[not pd.api.types.is_numeric_dtype(kind) for kind in safe.dtypes]]:
    # As Python holds them: pandas' own texts refuse names with bytes that are no UTF-8.
    safe[column] = pd.Series([_cell(value) for value in table[column]], index=table.index, dtype=object)
  return safe.to_csv(index=False).encode("utf-8", "backslashreplace")


def _cell(value: object) -> object:
  return f"'{value}" if isinstance(value, str) and value.startswith(FORMULAS) else value
