"""Platforms that pass photographs on, and change them: which copies take part."""

import pandas as pd

from fsim.boundary.errors import UserError
from fsim.boundary.text import shown

ORIGINAL = "original"  # From no platform: "" in the table.
ANY = "any"


def kept_out(table: pd.DataFrame, wanted: str) -> pd.Series:
  """Causes, by index, for images of other platforms than `wanted`: "original", "any", or several with commas.

  Letter case does not matter. Raises UserError for a platform of which the table has no image.
  """
  if wanted == ANY:
    return pd.Series([], table.index[:0], dtype=object)
  names = [name.strip().casefold() for name in wanted.split(",")]
  platforms = table["platform"].where(table["platform"] != "", ORIGINAL)
  there = set(platforms.map(str.casefold))
  unknown = [name for name in names if name not in {*there, ORIGINAL}]
  if unknown:
    said = ", ".join(sorted(map(shown, set(platforms)))) or "none"
    raise UserError(f'no image is from the platform {unknown[0]!r}; platforms are {said}, and "{ANY}" means all')
  others = platforms[~platforms.map(str.casefold).isin(names)]
  causes = ["an original" if name == ORIGINAL else f"a copy from {name}" for name in others]
  return pd.Series([f"{cause}, and the platform asked for is {wanted}" for cause in causes], others.index, dtype=object)
