"""The picture of photographs grouped by device: ratios of all pairs, ordered by group, frames, and small photographs.

Shapes: n photographs, m cells a side that are drawn.
"""

from collections.abc import Callable, Sequence

import matplotlib
import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Rectangle
from PIL import Image

from fsim.boundary import labels
from fsim.boundary.drawing import png
from fsim.data import photographs
from fsim.evidence.linked import Linked

NAMED = 40  # Photographs up to which each has its name beside the matrix.
LONGEST = 30  # Letters of a name.
CELLS = 1200  # Of a side; more photographs share a cell, which has the largest ratio.
ROWS, COLUMNS = 12, 5  # Of small photographs: groups, and members of each.
SIDE = 96  # Pixels of a small photograph.
GREY = "#777777"  # Of those alone.
COLOURS = [k for k in range(10) if k != 7]  # Of "tab10": its grey would be taken for that one.


def picture(found: Linked) -> bytes:
  """Needs at least one pair. Ratios against another model (H2b), which the calibration's data bear out farthest."""
  n, rows = len(found.members), min(len(found.groups) + bool(found.alone), ROWS)
  figure = Figure(figsize=(12.5, 8), layout="constrained")
  left, right = figure.subfigures(1, 2, width_ratios=[1.9, 1])
  axes = left.subplots()
  cells, extent = fewer(found.ratios["H2b"].of, found.order), (-0.5, n - 0.5, n - 0.5, -0.5)
  colours = matplotlib.colormaps["RdBu"].with_extremes(bad="lightgrey")
  reach = max(float(np.nanmax(cells)), -float(np.nanmin(cells)), 1.0)
  image = axes.imshow(cells, cmap=colours, vmin=-reach, vmax=reach, interpolation="nearest", extent=extent)
  left.colorbar(image, ax=axes, fraction=0.045, label="log10 of the ratio of one device against one of another model")
  _frames(axes, found)
  _name(axes, [found.members[k].path.name for k in found.order])
  said = f"{n} photographs, {found.n_pairs:,} pairs: {len(found.groups)} groups (frames), {len(found.alone)} alone"
  axes.set_title(f"{said}\ngrey: not compared", fontsize=9)
  _small(right, found, rows)
  return png(figure, dpi=110, tight=False)


def colour(number: int) -> str:
  """Of a group's frame, from 0."""
  return matplotlib.colors.to_hex(matplotlib.colormaps["tab10"](COLOURS[number % len(COLOURS)]))


def fewer(of: Callable[[Sequence[int]], Float[np.ndarray, "k n"]], order: list[int]) -> Float[np.ndarray, "m m"]:
  """At most CELLS a side, each the largest of those it stands for; NaN where it stands for none. of: some rows."""
  step = -(-len(order) // CELLS)
  starts = np.arange(0, len(order), step)
  rows = [np.fmax.reduce(of(order[k : k + step])[:, order], axis=0) for k in starts.tolist()]
  return np.fmax.reduceat(np.stack(rows), starts, axis=1)


def _frames(axes: Axes, found: Linked) -> None:
  start = 0
  for number, group in enumerate(found.groups):
    size = len(group.members)
    frame = Rectangle((start - 0.5,) * 2, size, size, fill=False, ec=colour(number), lw=2.2, clip_on=False)
    axes.add_patch(frame)
    start += size


def _name(axes: Axes, names: list[str]) -> None:
  if len(names) > NAMED:
    axes.set(xticks=[], yticks=[], xlabel="photographs, group after group, then those alone (listed in groups.json)")
    return
  short = [name if len(name) <= LONGEST else "…" + name[-LONGEST + 1 :] for name in names]
  drawn = labels.drawable(short)
  axes.set_xticks(range(len(names)), drawn, rotation=90, fontsize=7)
  axes.set_yticks(range(len(names)), drawn, fontsize=7)
  axes.set_xlabel(f"photographs{labels.legend(short, 'the matrix')}", fontsize=8)


def _small(figure: SubFigure, found: Linked, rows: int) -> None:
  """A row a group, framed in its colour, and one of those alone; the last row says how many groups are not drawn."""
  shown = [(group.members, f"group {k + 1}: {len(group.members)}", colour(k)) for k, group in enumerate(found.groups)]
  shown += [(tuple(found.alone), f"alone: {len(found.alone)}", GREY)] if found.alone else []
  axes = figure.subplots(max(rows, 1), COLUMNS, squeeze=False)
  for place in axes.flat:
    place.set_axis_off()
  for line, (members, title, edge) in zip(axes, shown[:rows], strict=True):
    for place, k in zip(line, members[:COLUMNS], strict=False):
      small = _thumbnail(found, k)
      if small is not None:
        place.imshow(small)
        height, width = small.shape[:2]
        place.add_patch(Rectangle((-0.5, -0.5), width, height, fill=False, ec=edge, lw=3, clip_on=False))
    line[0].set_title(title, fontsize=8, loc="left", color=edge)
  if len(shown) > rows:
    figure.supxlabel(f"and {len(shown) - rows} more rows (groups.json)", fontsize=8)


def _thumbnail(found: Linked, k: int) -> UInt8[np.ndarray, "h w 3"] | None:
  """As the pixels lie in the file; None if it has gone meanwhile, or is another one."""
  photograph = photographs.read(found.members[k].path)
  if photograph.pixels is None or photograph.sha256 != found.members[k].sha256:
    return None
  image = Image.fromarray(photograph.pixels)
  image.thumbnail((SIDE, SIDE))
  return np.asarray(image)
