"""Likelihood ratios in words, by the scale of verbal_scale.json, in both directions; and as numbers for people."""

import functools
import math
from pathlib import Path
from typing import Any, NamedTuple

from fsim.boundary import inputs

SCALE = Path(__file__).parent / "verbal_scale.json"


class Support(NamedTuple):
  """words: of the scale. favours: 1 the first hypothesis, -1 the other, 0 neither."""

  words: str
  favours: int


@functools.cache
def scale() -> dict[str, Any]:
  """name, source, note, none, and levels from the weakest: from (a ratio), words."""
  return inputs.read_json(SCALE, "name", "source", "note", "none", "levels")


def support(log10: float) -> Support:
  """Of a likelihood ratio's logarithm to base 10."""
  reached = [level["words"] for level in scale()["levels"] if abs(log10) >= math.log10(level["from"])]
  return Support(reached[-1], 1 if log10 > 0 else -1) if reached else Support(scale()["none"], 0)


def number(log10: float) -> str:
  """A ratio with two digits: 1,200 or 1/8; from a billion on as a power of ten."""
  size = 10 ** min(abs(log10), 9)
  text = f"{float(f'{size:.2g}'):,.{1 if size < 9.95 else 0}f}".removesuffix(".0")
  text = f"10^{abs(log10):.0f}" if abs(log10) > 9 else text
  return text if log10 >= 0 or text == "1" else f"1/{text}"
