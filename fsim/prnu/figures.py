"""Pictures of PRNU results. Each function draws one figure and returns PNG bytes.

Shapes: n images, m cells a side that are drawn.
"""

import matplotlib
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.font_manager import FontProperties, findfont, get_font

from fsim.boundary.drawing import png, subplots
from fsim.boundary.text import shown
from fsim.prnu.allpairs import Matrix

CELLS = 1200  # Of a side; more photographs share a cell.
NAMED = 60  # Images up to which each is named beside the matrix; more are named by device.
LONGEST = 40  # Letters of a name beside the matrix.
ROOM = 1 / 60  # Share of the side that a device's images must take for its name to fit beside them.


def matrix(result: Matrix) -> bytes:
  """All pairs, PCE in colour on a logarithmic scale that starts at 1; grey where sizes differ."""
  n = len(result.table)
  side = min(4.5 + 0.14 * n, 14)
  figure, axes = subplots(figsize=(side + 1.6, side), layout="constrained")
  colours = matplotlib.colormaps["viridis"].with_extremes(bad="lightgrey")
  shown = np.clip(fewer(result.pce), 1, None)
  scale, extent = LogNorm(1, max(np.nanmax(shown), 100)), (-0.5, n - 0.5, n - 0.5, -0.5)
  image = axes.imshow(shown, cmap=colours, norm=scale, interpolation="nearest", extent=extent)
  bar = figure.colorbar(image, ax=axes, fraction=0.045, label="PCE (below 1 drawn as 1)")
  bar.ax.axhline(result.threshold, color="red", lw=1.5)
  _name(axes, result)
  matches = int((result.pce >= result.threshold).sum()) // 2
  axes.set_title(
    f"{n} photographs, {result.pairs:,} pairs, {matches:,} above the threshold of {result.threshold:.1f} (red)",
    fontsize=10,
  )
  return png(figure, dpi=110, tight=False)


def fewer(pce: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "m m"]:
  """At most CELLS a side, each the largest PCE of those it stands for; NaN where it stands for none."""
  starts = np.arange(0, len(pce), -(-len(pce) // CELLS))
  return np.fmax.reduceat(np.fmax.reduceat(pce, starts, axis=0), starts, axis=1)


def _name(axes: Axes, result: Matrix) -> None:
  """White lines between devices where names tell them; the devices' names, or the files' where there are few."""
  device = result.table["device"].to_numpy()
  ends = np.flatnonzero(device[1:] != device[:-1]) + 1
  for k in ends:
    axes.axhline(k - 0.5, color="white", lw=0.7)
    axes.axvline(k - 0.5, color="white", lw=0.7)
  if len(ends):
    starts = np.concatenate([[0], ends, [len(device)]])
    wide = np.diff(starts) >= ROOM * len(device)
    places = ((starts[1:] + starts[:-1] - 1) / 2)[wide]
    names = [device[k] or "?" for k in starts[:-1][wide]]
  elif len(device) <= NAMED:
    places, names = np.arange(len(device)), [file.rsplit("/", 1)[-1] for file in result.table["file"]]
  else:
    places, names = np.arange(0), []
  labels = [_label(name, int(np.ceil(place)) + 1) for place, name in zip(places, names, strict=True)]
  axes.set_xticks(places, labels, rotation=90, fontsize=7, parse_math=False)  # A $ is a letter of a name.
  axes.set_yticks(places, labels, fontsize=7, parse_math=False)
  said = "photograph (no.: line of images.csv)" if set(labels) - {_shortened(name) for name in names} else "photograph"
  axes.set(xlabel=said, ylabel=said)


def _label(name: str, line: int) -> str:
  """A name that is not too long, or its line in images.csv if the font lacks one of its letters."""
  letters = get_font(findfont(FontProperties()))
  return _shortened(name) if all(letters.get_char_index(ord(x)) for x in _shortened(name)) else f"no. {line}"


def _shortened(name: str) -> str:
  name = shown(name)
  return name if len(name) <= LONGEST else f"{name[: LONGEST // 2]}…{name[-LONGEST // 2 :]}"
