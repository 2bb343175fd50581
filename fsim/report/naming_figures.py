"""Figures of systems that name a class. Each function draws one figure from plain data and returns PNG bytes."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from fsim.evaluate import naming
from fsim.evaluate.naming import Naming
from fsim.report.figures import png

WRITTEN = 30  # Classes up to which the cells of a confusion matrix hold their percentage.


def confusion(answers: Naming) -> bytes:
  """The confusion matrix as in figure 2 of Bondi et al. 2017: rows are true classes, cells are percent of their row."""
  counts = naming.confusion(answers)
  c = len(answers.classes)
  with np.errstate(invalid="ignore"):
    percent = 100 * counts / counts.sum(1, keepdims=True)
  side = 3.2 + 0.36 * c
  drawing, axes = plt.subplots(figsize=(side + 1, side))
  image = axes.imshow(percent, cmap="viridis", vmin=0, vmax=100)
  axes.set_xticks(range(c), answers.classes, rotation=90, fontsize=8)
  axes.set_yticks(range(c), answers.classes, fontsize=8)
  axes.set(xlabel="said", ylabel="true")
  for (row, column), value in np.ndenumerate(percent):
    if c <= WRITTEN and value >= 0.5:
      colour = "white" if value < 60 else "black"
      axes.text(column, row, f"{value:.0f}", ha="center", va="center", color=colour, fontsize=7)
  drawing.colorbar(image, ax=axes, fraction=0.046, pad=0.03, label="percent of the true class")
  total, devices = len(answers.answers), answers.answers["device"].nunique()
  axes.set_title(f"{total:,} {answers.unit} of {devices} devices, {c} classes", fontsize=10)
  return png(drawing)


def voting(curve: pd.DataFrame) -> bytes:
  """Accuracy against the number of voting patches (figure 3 of Bondi et al. 2017).

  `curve` has the columns patches, rule, mean, low and high (accuracies; of random subsets of each image's patches).
  """
  drawing, axes = plt.subplots(figsize=(8, 4))
  for rule, rows in curve.groupby("rule", sort=False):
    axes.plot(rows["patches"], 100 * rows["mean"], marker=".", label=rule)
    axes.fill_between(rows["patches"], 100 * rows["low"], 100 * rows["high"], alpha=0.2)
  axes.set(xlabel="voting patches an image", ylabel="images named rightly (%)", xlim=(1, None))
  axes.grid(alpha=0.3)
  axes.legend(fontsize=8, loc="lower right")
  return png(drawing)
