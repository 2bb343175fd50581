"""Names from outside as labels of figures: no formulas, no control characters, no letters that the font lacks."""

from collections.abc import Sequence

from fsim.boundary.text import shown


def plain(name: object) -> str:
  """As matplotlib draws it letter by letter: `$` begins no formula there, and the rest is as in `shown`."""
  return shown(name).replace("$", r"\$")


def drawable(names: Sequence[object]) -> list[str]:
  """Plain labels; a name with a letter that the font lacks, which would be a box, becomes its number: "no. 3"."""
  from matplotlib import font_manager  # Here, so that commands without figures do not wait for it.

  font = font_manager.get_font(font_manager.findfont(font_manager.FontProperties()))
  return [
    plain(name) if all(font.get_char_index(ord(letter)) for letter in shown(name)) else f"no. {place}"
    for place, name in enumerate(names, start=1)
  ]
