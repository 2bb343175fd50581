"""Figures of a run. Each function draws one figure from plain data and returns PNG bytes."""

import numpy as np
import pandas as pd
from scipy.special import ndtri

from fsim.boundary import labels
from fsim.boundary.drawing import png, subplots
from fsim.metrics.matrix import SimilarityMatrix
from fsim.metrics.rates import Rates
from fsim.metrics.scores import OTHER_MODEL, SAME_DEVICE, SAME_MODEL

COLOURS = {SAME_DEVICE: "#1b7837", SAME_MODEL: "#d95f02", OTHER_MODEL: "#4575b4"}
LINES = {  # By kind of pairs, or by group of models.
  "all pairs": "#222222",
  "same model": "#d95f02",
  "different models": "#4575b4",
  "all": "#222222",
  "known-known": "#1b7837",
  "known-unknown": "#7b3294",
  "unknown-unknown": "#d95f02",
}
DET_TICKS = (0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95)


def matrix(similarity: SimilarityMatrix, models: list[str]) -> bytes:
  """The similarity matrix as in the paper's Figure 4; `models` names the model of each device, in order."""
  d = len(similarity.devices)
  side = 3.2 + 0.36 * d
  figure, axes = subplots(figsize=(side + 1, side))
  image = axes.imshow(similarity.values, cmap="viridis", vmin=0, vmax=1)
  names = labels.drawable(similarity.devices)
  axes.set_xticks(range(d), names, rotation=90, fontsize=8)
  axes.set_yticks(range(d), names, fontsize=8)
  for k in range(1, d):
    if models[k] != models[k - 1]:
      axes.axhline(k - 0.5, color="white", lw=1)
      axes.axvline(k - 0.5, color="white", lw=1)
  if d <= 20:
    for (row, column), value in np.ndenumerate(similarity.values):
      colour = "white" if value < 0.6 else "black"
      axes.text(column, row, f"{value:.2f}".lstrip("0") or "0", ha="center", va="center", color=colour, fontsize=7)
  figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03, label="share of pairs called the same device")
  numbered = labels.legend(similarity.devices, "all devices by name")
  axes.set_title(f"Similarity matrix, {d} devices; white lines part models{numbered}", fontsize=10)
  return png(figure)


def roc_and_det(lines: list[Rates]) -> bytes:
  figure, (left, right) = subplots(1, 2, figsize=(11, 4.6))
  for line in lines:
    fpr, tpr = line.curve
    low, high = line.intervals["auc"]
    label = f"{line.subset}: AUC {line.values['auc']:.3f} [{low:.3f}, {high:.3f}]"
    left.plot(fpr, tpr, color=LINES[line.subset], label=label, drawstyle="steps-post")
    inside = (fpr > 0) & (fpr < 1) & (tpr > 0) & (tpr < 1)
    eer = f"{line.subset}: EER {line.values['eer']:.3f}"
    right.plot(ndtri(fpr[inside]), ndtri(1 - tpr[inside]), color=LINES[line.subset], label=eer)
  smallest = min(1 / line.different for line in lines)
  left.set_xscale("symlog", linthresh=max(smallest, 1e-4), linscale=0.3)
  left.set(xlim=(0, 1), ylim=(0, 1.01), xlabel="false positive rate (log)", ylabel="true positive rate", title="ROC")
  left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), fontsize=8)
  left.grid(alpha=0.3)
  ticks = ndtri(DET_TICKS)
  names = [f"{100 * t:g} %" for t in DET_TICKS]
  right.set_xticks(ticks, names, fontsize=8)
  right.set_yticks(ticks, names, fontsize=8)
  limits = (ndtri(5e-4), ndtri(0.97))
  right.plot(limits, limits, color="grey", lw=0.7, ls=":")
  right.set(xlim=limits, ylim=limits, xlabel="false positive rate", ylabel="miss rate", title="DET")
  right.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), fontsize=8)
  right.grid(alpha=0.3)
  return png(figure)


def histograms(pairs: pd.DataFrame, threshold: float) -> bytes:
  figure, axes = subplots(figsize=(8, 3.8))
  bins = np.linspace(0, 1, 51)
  for truth, colour in COLOURS.items():
    scores = pairs.loc[pairs["truth"] == truth, "score"]
    if len(scores):
      label = f"{truth} ({len(scores):,} pairs)"
      axes.hist(
        scores, bins, weights=np.full(len(scores), 1 / len(scores)), histtype="step", lw=1.6, color=colour, label=label
      )
  axes.axvline(threshold, color="black", ls="--", lw=1, label=f"threshold {threshold:.3f}")
  axes.set_yscale("log")
  axes.set(xlabel="score (not a probability)", ylabel="share of pairs of the kind", xlim=(0, 1))
  axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
  return png(figure)


def training(rows: list[dict], phase: str) -> bytes:
  """Loss and accuracy of one phase, training beside validation, epoch by epoch."""
  rows = pd.DataFrame([row for row in rows if row["phase"] == phase])
  epoch = np.arange(1, len(rows) + 1)
  figure, both = subplots(1, 2, figsize=(10, 3.4))
  for axes, name in zip(both, ("loss", "accuracy"), strict=True):
    axes.plot(epoch, rows[name], marker=".", color="#4575b4", label="training")
    axes.plot(epoch, rows[f"validation_{name}"], marker=".", color="#d95f02", label="validation")
    axes.set(xlabel="epoch", ylabel=name + (" (nats)" if name == "loss" else ""))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
  best = int(rows["validation_loss"].idxmin())
  both[0].axvline(best + 1, color="grey", lw=0.8, ls=":")
  both[0].set_title(f"dotted: smallest validation loss, epoch {best + 1}", fontsize=9)
  return png(figure)
