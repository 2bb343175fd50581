"""Names from outside, made harmless for terminals, tables and figures."""

import os
import unicodedata

import pandas as pd

UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")  # Unicode categories that a terminal obeys or cannot show.
FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # First letters at which a spreadsheet computes.


def shown(name: object) -> str:
  """For people: control characters, terminal codes and bytes that are no UTF-8 are written as escapes (\\xe9, \\n)."""
  return "".join(_escaped(letter) if unicodedata.category(letter) in UNSEEN else letter for letter in str(name))


def _escaped(letter: str) -> str:
  if "\udc80" <= letter <= "\udcff":  # How Python holds a byte of a file name that is not UTF-8.
    return f"\\x{os.fsencode(letter).hex()}"
  return letter.encode("unicode_escape").decode()


def csv(table: pd.DataFrame) -> bytes:
  """A CSV in UTF-8 whose cells no spreadsheet takes for formulas: such text gets an apostrophe in front."""
  safe = table.copy()
  for column in safe.columns[[not pd.api.types.is_numeric_dtype(kind) for kind in safe.dtypes]]:
    # As Python holds them: pandas' own texts refuse names with bytes that are no UTF-8.
    safe[column] = pd.Series([_cell(value) for value in table[column]], index=table.index, dtype=object)
  return safe.to_csv(index=False).encode("utf-8", "backslashreplace")


def _cell(value: object) -> object:
  return f"'{value}" if isinstance(value, str) and value.startswith(FORMULAS) else value
