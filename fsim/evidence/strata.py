"""Parts of a validation's comparisons, by what may change how much the photographs show.

Shapes: p comparisons.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool

from fsim.evidence.selecting import COUNTS

ALL, MANY, REFERENCES, SIZE, EXPOSURE, COMPRESSION = (
  "all",
  "five references or more",
  "references",
  "size",
  "exposure",
  "compression",
)
SIZES = (1e5, 3e5, 1e6)  # Pixels at which a class begins.
DARK, SATURATED = 0.3, 0.1  # Mean intensity below, share of pixels above.
STEPS = (2.5, 6.0)  # Mean luma steps of the JPEG's table: of libjpeg's qualities about 92 and 82.


class Stratum(NamedTuple):
  """chosen: of a table as `Compared.pairs`, which rows are in it."""

  name: str
  chosen: Callable[[pd.DataFrame], pd.Series]


def _classes(column: str, edges: tuple[float, ...], names: tuple[str, ...]) -> list[Stratum]:
  bounds = (-np.inf, *edges, np.inf)
  parts = zip(names, bounds[:-1], bounds[1:], strict=True)
  return [
    Stratum(name, lambda t, low=low, high=high: (t[column] >= low) & (t[column] < high)) for name, low, high in parts
  ]


def _is_saturated(table: pd.DataFrame) -> pd.Series:
  return table["saturated"] > SATURATED


def _is_dark(table: pd.DataFrame) -> pd.Series:
  return (table["intensity"] < DARK) & ~_is_saturated(table)


# In the strata of a group named in ORDERED, each shows more than the one before.
ORDERED = (REFERENCES, SIZE)
GROUPS: dict[str, list[Stratum]] = {
  ALL: [Stratum("all comparisons", lambda t: t["references"] > 0)],
  MANY: [Stratum("5 references or more", lambda t: t["references"] >= 5)],
  REFERENCES: [Stratum(f"{n} reference{'s' if n > 1 else ''}", lambda t, n=n: t["references"] == n) for n in COUNTS],
  SIZE: _classes(
    "pixels",
    SIZES,
    ("below 0.1 MP", "0.1 to 0.3 MP", "0.3 to 1 MP", "1 MP and more"),
  ),
  EXPOSURE: [
    Stratum("dark", _is_dark),
    Stratum("usual light", lambda t: ~_is_dark(t) & ~_is_saturated(t)),
    Stratum("saturated", _is_saturated),
  ],
  COMPRESSION: _classes("step", STEPS, ("JPEG over 92", "JPEG 82 to 92", "JPEG below 82")),
}


def of(group: str, table: pd.DataFrame) -> list[tuple[str, Bool[np.ndarray, " p"]]]:
  """Names of a group's strata that hold something, and which comparisons are in each."""
  found = [(stratum.name, stratum.chosen(table).to_numpy()) for stratum in GROUPS[group]]
  return [(name, chosen) for name, chosen in found if chosen.any()]
