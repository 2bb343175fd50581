"""Figures of forensic similarity. Each function draws one figure from plain data and returns PNG bytes."""

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from fsim.boundary import labels
from fsim.boundary.drawing import png, subplots
from fsim.report.figures import LINES
from fsim.systems.model.model_pair_accuracy import ModelPairAccuracy

WRITTEN = 30  # Models up to which the cells hold their percentage.
LOWEST_PERCENT = 50  # Percent below which all colours are the same.
MEASURES = {"accuracy": "accuracy (%)", "auc": "AUC (%)"}


def model_pair_accuracy(found: ModelPairAccuracy) -> bytes:
  """Percent of right decisions for every two models and, in a column of its own, for each model with itself ("Self").

  As in figure 2 of Mayer & Stamm 2018; lines part known models from unknown ones.
  """
  d = len(found.models)
  percent = np.where(np.tri(d, dtype=bool), 100 * found.right, np.nan)
  others = np.where(np.eye(d, dtype=bool), np.nan, percent)[:, : max(d - 1, 1)]
  side = 1.4 + 0.36 * d
  drawing, (left, right) = subplots(
    1, 2, figsize=(side + 3, side), width_ratios=(1, others.shape[1]), gridspec_kw={"wspace": 0.4 / d}
  )
  _cells(left, percent.diagonal()[:, None], d)
  image = _cells(right, others, d)
  left.set_xticks([0], ["Self"], fontsize=8)
  names = labels.drawable(found.models)
  left.set_yticks(range(d), names, fontsize=8)
  right.set_xticks(range(others.shape[1]), names[: others.shape[1]], rotation=90, fontsize=8)
  right.set_yticks([])
  right.spines[["top", "right"]].set_visible(False)
  for name in dict.fromkeys(found.sides):
    rows = np.flatnonzero(np.array(found.sides) == name)
    at = right.get_yaxis_transform()
    right.text(1.02, rows.mean(), name, rotation=270, ha="left", va="center", fontsize=9, transform=at)
    if rows[0]:
      for axes in (left, right):
        axes.axhline(rows[0] - 0.5, color="black", lw=1.5)
      right.axvline(rows[0] - 0.5, color="black", lw=1.5)
  drawing.colorbar(image, ax=(left, right), fraction=0.046, pad=0.07, extend="min", label="right decisions (%)")
  pairs = found.counts[np.tril_indices(d)].sum()
  numbered = labels.legend(found.models, "the models from the top")
  right.set_title(f"{d} models, {pairs:,} pairs of patches{numbered}", fontsize=10, loc="left")
  return png(drawing)


def _cells(axes: Axes, percent: np.ndarray, models: int) -> AxesImage:
  colours = matplotlib.colormaps["viridis"].with_extremes(bad="white")
  image = axes.imshow(percent, cmap=colours, vmin=LOWEST_PERCENT, vmax=100, aspect="auto")
  for (row, column), value in np.ndenumerate(percent):
    if models <= WRITTEN and not np.isnan(value):
      colour = "white" if value < LOWEST_PERCENT + 0.6 * (100 - LOWEST_PERCENT) else "black"
      axes.text(column, row, f"{value:.0f}", ha="center", va="center", color=colour, fontsize=7)
  return image


def images(curve: pd.DataFrame) -> bytes:
  """Accuracy and AUC of pairs of images against the number of patches of each; `curve` is of `image_scores.decide`."""
  drawing, both = subplots(1, 2, figsize=(11, 4))
  for axes, (name, label) in zip(both, MEASURES.items(), strict=True):
    for group, rows in curve.dropna(subset=name).groupby("group", sort=False):
      axes.plot(rows["patches"], 100 * rows[name], marker=".", color=LINES[group], label=group)
      low, high = 100 * rows[f"{name}_low"], 100 * rows[f"{name}_high"]
      axes.fill_between(rows["patches"], low, high, color=LINES[group], alpha=0.2, lw=0)
    sizes = sorted(curve["patches"].unique())
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes, [str(k) for k in sizes])
    axes.set(xlabel="patches of each image", ylabel=label)
    axes.grid(alpha=0.3)
  both[0].legend(fontsize=8, loc="lower right")
  return png(drawing)
