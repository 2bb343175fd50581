"""Scored pairs as a table that lir of the Netherlands Forensic Institute reads."""

import pandas as pd

from fsim.boundary import spreadsheet
from fsim.metrics.scores import SAME_DEVICE


def csv(pairs: pd.DataFrame) -> bytes:
  """One row a pair: both devices, 1 for H1 (one device) or 0 for H2, both files, the log10 likelihood ratio.

  `pairs` is a table as in `scores.pair_table` with the column `log10_lr`. lir's `parse_features_from_csv_file` reads it
  once it is told the columns (docs/likelihood_ratios.md): it knows none by name, and takes what is not assigned for a
  feature. Ratios keep all digits; infinite ones are "inf" and "-inf".
  """
  table = pd.DataFrame(
    {
      "source_a": pairs["device_a"],
      "source_b": pairs["device_b"],
      "hypothesis": (pairs["truth"] == SAME_DEVICE).astype(int),
      "instance": [f"{a} | {b}" for a, b in zip(pairs["file_a"], pairs["file_b"], strict=True)],
      "llr": pairs["log10_lr"],
    }
  )
  return spreadsheet.csv(table)
