"""Figures of noise patterns. Each function draws one figure from plain data and returns PNG bytes."""

import numpy as np
import pandas as pd

from fsim.boundary.drawing import png, subplots
from fsim.report.figures import COLOURS

LINEAR = 10.0  # PCE up to which the axis is linear.


def pces(comparisons: pd.DataFrame, threshold: float) -> bytes:
  """How PCE is distributed over comparisons with the camera itself, its model's others, and other models."""
  names = list(comparisons["classification"].unique())
  drawing, all_axes = subplots(1, len(names), figsize=(5.6 * len(names), 3.8), sharey=True, squeeze=False)
  far = max(float(comparisons["pce"].max()), LINEAR, threshold) * 1.2
  bins = np.concatenate([np.linspace(-LINEAR, LINEAR, 41)[:-1], np.geomspace(LINEAR, far, 40)])
  for axes, name in zip(all_axes[0], names, strict=True):
    own = comparisons[comparisons["classification"] == name]
    for truth, colour in COLOURS.items():
      values = own.loc[own["truth"] == truth, "pce"].clip(bins[0], bins[-1])
      if len(values):
        weights = np.full(len(values), 1 / len(values))
        label = f"{truth} ({len(values):,})"
        axes.hist(values, bins, weights=weights, histtype="step", lw=1.6, color=colour, label=label)
    axes.axvline(threshold, color="black", ls="--", lw=1, label=f"threshold {threshold:.1f}")
    axes.set_xscale("symlog", linthresh=LINEAR)
    axes.set(xlabel="PCE (linear up to 10, then logarithmic)", title=name, xlim=(bins[0], far))
    axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)
  all_axes[0, 0].set(ylabel="share of comparisons of the kind")
  return png(drawing)
