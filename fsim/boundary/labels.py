"""Names from outside as labels of figures: no formulas, no control characters, no letters that the font lacks."""

from collections.abc import Sequence

from fsim.boundary.text import shown


def plain(name: object) -> str:
  """As matplotlib draws it letter by letter: `$` begins no formula there, and the rest is as in `shown`."""
  return shown(name).replace("$", r"\$")


def drawable(names: Sequence[object]) -> list[str]:
  """Plain labels; a name with a letter that the font lacks, which would be a box, becomes its number: "no. 3"."""
  lacks = _lacking(names)
  return [f"no. {place}" if place in lacks else plain(name) for place, name in enumerate(names, start=1)]


def legend(names: Sequence[object], order: str) -> str:
  """A line for the title of a figure whose labels are `drawable(names)`: what its numbers mean, "" without any."""
  return f"\nno. k: the k-th of {order}, in letters that the font lacks" if _lacking(names) else ""


def _lacking(names: Sequence[object]) -> set[int]:
  """Places, from 1, of the names that cannot be drawn."""
  from matplotlib import font_manager  # Here, so that commands without figures do not wait for it.

  font = font_manager.get_font(font_manager.findfont(font_manager.FontProperties()))
  return {k for k, name in enumerate(names, start=1) if not all(map(font.get_char_index, map(ord, shown(name))))}
