"""Pictures of PRNU results. Each function draws one figure and returns PNG bytes."""

import io

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LogNorm

from fsim.prnu.allpairs import Matrix

NAMED = 60  # Images up to which each is named beside the matrix; more are named by device.
ROOM = 1 / 60  # Share of the side that a device's images must take for its name to fit beside them.


def matrix(result: Matrix) -> bytes:
  """All pairs, PCE in colour on a logarithmic scale that starts at 1; grey where sizes differ."""
  n = len(result.table)
  side = min(4.5 + 0.14 * n, 14)
  figure, axes = plt.subplots(figsize=(side + 1.6, side), layout="constrained")
  colours = plt.get_cmap("viridis").with_extremes(bad="lightgrey")
  shown = np.where(np.isfinite(result.pce), np.clip(result.pce, 1, None), np.nan)
  image = axes.imshow(shown, cmap=colours, norm=LogNorm(1, max(np.nanmax(shown), 100)), interpolation="nearest")
  bar = figure.colorbar(image, ax=axes, fraction=0.045, label="PCE (below 1 drawn as 1)")
  bar.ax.axhline(result.threshold, color="red", lw=1.5)
  _name(axes, result)
  matches = int((result.pce[np.triu_indices(n, 1)] >= result.threshold).sum())
  axes.set_title(
    f"{n} photographs, {result.pairs:,} pairs, {matches:,} above the threshold of {result.threshold:.1f} (red)",
    fontsize=10,
  )
  buffer = io.BytesIO()
  figure.savefig(buffer, format="png", dpi=110)
  plt.close(figure)
  return buffer.getvalue()


def _name(axes: plt.Axes, result: Matrix) -> None:
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
    labels = [device[k] or "?" for k in starts[:-1][wide]]
  elif len(device) <= NAMED:
    places, labels = np.arange(len(device)), [file.rsplit("/", 1)[-1] for file in result.table["file"]]
  else:
    places, labels = [], []
  axes.set_xticks(places, labels, rotation=90, fontsize=7)
  axes.set_yticks(places, labels, fontsize=7)
  axes.set(xlabel="photograph", ylabel="photograph")
