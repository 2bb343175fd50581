"""The picture of images grouped by camera model: a dendrogram over the matrix of all pairs, as PNG bytes."""

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from mpl_toolkits.axes_grid1 import make_axes_locatable
from scipy.cluster.hierarchy import dendrogram

from fsim.boundary import labels
from fsim.boundary.drawing import png, subplots
from fsim.systems.model.clustering import Clustering

NAMED = 60  # Images up to which each has its name beside the matrix.
LONGEST = 36  # Characters of a name.
RANGE = 4  # Log-odds beyond which all colours are the same.


def picture(found: Clustering, names: list[str]) -> bytes:
  """Log-odds of all pairs in the dendrogram's order, with a box around each group."""
  m, count = len(names), found.groups.max()
  side = 3 + 0.15 * min(m, NAMED)
  drawing, axes = subplots(figsize=(side + 1.5, side + 1.5))
  shown = np.where(np.eye(m, dtype=bool), np.nan, found.scores)[np.ix_(found.order, found.order)]
  colours = matplotlib.colormaps["RdBu"].with_extremes(bad="lightgrey")
  image = axes.imshow(shown, cmap=colours, vmin=-RANGE, vmax=RANGE, interpolation="nearest")
  _boxes(axes, found.groups[found.order])
  if m <= NAMED:
    drawn = labels.drawable([_short(name) for name in names])
    ordered = [drawn[k] for k in found.order]
    axes.set_xticks(range(m), ordered, rotation=90, fontsize=7)
    axes.set_yticks(range(m), ordered, fontsize=7)
  else:
    axes.set(xticks=[], yticks=[], xlabel=f"{m} images, too many to name here")
  around = make_axes_locatable(axes)
  above = around.append_axes("top", size="25%", pad=0.08)
  _tree(above, found)
  label = f"log-odds of one model (beyond ±{RANGE}: as ±{RANGE})"
  drawing.colorbar(image, cax=around.append_axes("right", size=0.15, pad=0.1), extend="both", label=label)
  numbered = labels.legend(names, "the files in groups.json") if m <= NAMED else ""
  groups = f"{count} groups (boxes)" if count > 1 else "one group"
  above.set_title(f"{m} images, {groups}\ngroups part at log-odds 0 (dashed){numbered}", fontsize=9)
  return png(drawing)


def _boxes(axes: Axes, ordered: np.ndarray) -> None:
  starts = np.flatnonzero(np.diff(ordered, prepend=0))
  for start, end in zip(starts, [*starts[1:], len(ordered)], strict=True):
    corner, size = (start - 0.5, start - 0.5), end - start
    axes.add_patch(Rectangle(corner, size, size, fill=False, edgecolor="black", lw=1.5, clip_on=False))


def _tree(axes: Axes, found: Clustering) -> None:
  """Where groups join, in log-odds that fall upwards; below the dashed line they are one."""
  axes.set_xticks([])
  dendrogram(found.tree, ax=axes, no_labels=True, color_threshold=0, above_threshold_color="black")
  for lines in axes.collections:
    lines.set_linewidth(0.9)
  axes.axhline(found.top, color="#d95f02", ls="--", lw=1)
  highest = max(found.tree[:, 2].max(), found.top) * 1.1
  levels = MaxNLocator(4).tick_values(found.top - highest, found.top)
  levels = levels[(levels >= found.top - highest) & (levels <= found.top)]
  axes.set_yticks(found.top - levels, [f"{level:g}" for level in levels], fontsize=7)
  axes.set_ylim(0, highest)
  axes.set_ylabel("log-odds", fontsize=8)


def _short(name: str) -> str:
  """The end of a long name tells files apart better than its beginning."""
  return name if len(name) <= LONGEST else "…" + name[-LONGEST + 1 :]
