"""Figures as PNG bytes.

Without pyplot, which keeps figures and chooses a backend for the whole process: that is the user's choice.
"""

import io
from typing import Any

from matplotlib.figure import Figure


def subplots(rows: int = 1, columns: int = 1, *, figsize: tuple, layout: str | None = None, **settings: Any):
  """A figure of this size in inches with its axes, as pyplot.subplots gives them; `settings` are those of the axes."""
  figure = Figure(figsize=figsize, layout=layout)
  return figure, figure.subplots(rows, columns, **settings)


def png(figure: Figure, dpi: int = 130, tight: bool = True) -> bytes:
  buffer = io.BytesIO()
  figure.savefig(buffer, format="png", dpi=dpi, bbox_inches="tight" if tight else None)
  return buffer.getvalue()
