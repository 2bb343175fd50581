"""Figures as PNG bytes, and as SVG that takes its colours from the page around it.

Without pyplot, which keeps figures and chooses a backend for the whole process: that is the user's choice.
"""

import io
from collections.abc import Mapping
from typing import Any

import matplotlib
from matplotlib.figure import Figure


def subplots(rows: int = 1, columns: int = 1, *, figsize: tuple, layout: str | None = None, **settings: Any):
  """A figure of this size in inches with its axes, as pyplot.subplots gives them; `settings` are those of the axes."""
  figure = Figure(figsize=figsize, layout=layout)
  return figure, figure.subplots(rows, columns, **settings)


def png(figure: Figure, dpi: int = 130, tight: bool = True) -> bytes:
  buffer = io.BytesIO()
  figure.savefig(buffer, format="png", dpi=dpi, bbox_inches="tight" if tight else None)
  return buffer.getvalue()


def svg(figure: Figure, colours: Mapping[str, str], tight: bool = True) -> str:
  """An element for HTML, whose text stays text. colours: those of the figure, #rrggbb -> what CSS puts there.

  Whatever is black takes the colour of the text around it; text needs `svg text { fill: currentColor }` there.
  """
  buffer = io.StringIO()
  with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "fsim"}):
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    bounds = "tight" if tight else None
    figure.savefig(buffer, format="svg", transparent=True, metadata=nothing, bbox_inches=bounds)
  text = buffer.getvalue()
  for colour, name in {"#000000": "currentColor", **colours}.items():
    text = text.replace(colour, name)
  return text[text.index("<svg") :]
