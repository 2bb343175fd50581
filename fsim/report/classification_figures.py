"""Figures of systems that name a class. Each function draws one figure from plain data and returns PNG bytes."""

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.patches import Patch

from fsim.boundary import labels
from fsim.boundary.drawing import png, subplots
from fsim.data.patches import Choice
from fsim.metrics import classification
from fsim.metrics.classification import Classification

TRANSFERRED = {"patch_accuracy": "patches", "image_accuracy": "images, majority of their patches"}
GREY = (0.6, 0.6, 0.6)
DRAWN = 2000  # Pixels of the longer side that are drawn; more are not seen, and cost memory.
TALLEST = 5  # Height of a photograph, in widths, beyond which it is drawn smaller.
OPACITY = 0.75  # Of the colours over a photograph.
WRITTEN = 30  # Classes up to which the cells of a confusion matrix hold their percentage.


def confusion(answers: Classification) -> bytes:
  """The confusion matrix as in figure 2 of Bondi et al. 2017: rows are true classes, cells are percent of their row."""
  counts = classification.confusion(answers)
  c = len(answers.classes)
  with np.errstate(invalid="ignore"):
    percent = 100 * counts / counts.sum(1, keepdims=True)
  side = 3.2 + 0.36 * c
  drawing, axes = subplots(figsize=(side + 1, side))
  image = axes.imshow(percent, cmap="viridis", vmin=0, vmax=100)
  names = labels.drawable(answers.classes)
  axes.set_xticks(range(c), names, rotation=90, fontsize=8)
  axes.set_yticks(range(c), names, fontsize=8)
  axes.set(xlabel="predicted", ylabel="true")
  for (row, column), value in np.ndenumerate(percent):
    if c <= WRITTEN and value >= 0.5:
      colour = "white" if value < 60 else "black"
      axes.text(column, row, f"{value:.0f}", ha="center", va="center", color=colour, fontsize=7)
  drawing.colorbar(image, ax=axes, fraction=0.046, pad=0.03, label="percent of the true class")
  total, devices = len(answers.answers), answers.answers["device"].nunique()
  numbered = labels.legend(answers.classes, "the classes in the table")
  axes.set_title(f"{total:,} {answers.unit} of {devices} devices, {c} classes{numbered}", fontsize=10)
  return png(drawing)


def by_class(classifications: list[Classification]) -> bytes:
  """Accuracy of each class as bars, a colour a set of examples."""
  classes = classifications[0].classes
  drawing, axes = subplots(figsize=(2.5 + 0.9 * len(classes), 3.6))
  thick = 0.8 / len(classifications)
  for k, answers in enumerate(classifications):
    percent = 100 * classification.per_class(answers)
    bars = axes.bar(
      np.arange(len(classes)) + (k - (len(classifications) - 1) / 2) * thick, percent, thick, label=answers.name
    )
    if len(classes) * len(classifications) <= WRITTEN:
      axes.bar_label(bars, fmt="%.0f", fontsize=7)
  axes.set_xticks(range(len(classes)), labels.drawable(classes), rotation=30, ha="right", fontsize=8)
  axes.set(ylabel="accuracy (%)", ylim=(0, 108))
  axes.grid(axis="y", alpha=0.3)
  axes.set_axisbelow(True)
  axes.set_title(labels.legend(classes, "the classes in the table").strip(), fontsize=9)
  axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
  return png(drawing)


def voting(curve: pd.DataFrame) -> bytes:
  """Accuracy against the number of voting patches (figure 3 of Bondi et al. 2017).

  `curve` has the columns patches, rule, mean, low and high (accuracies; of random subsets of each image's patches).
  """
  drawing, axes = subplots(figsize=(8, 4))
  for rule, rows in curve.groupby("rule", sort=False):
    axes.plot(rows["patches"], 100 * rows["mean"], marker=".", label=rule)
    axes.fill_between(rows["patches"], 100 * rows["low"], 100 * rows["high"], alpha=0.2)
  axes.set(xlabel="voting patches an image", ylabel="accuracy of images (%)", xlim=(1, None))
  axes.grid(alpha=0.3)
  axes.legend(fontsize=8, loc="lower right")
  return png(drawing)


def transfer(draws: pd.DataFrame) -> bytes:
  """Accuracy on models that the network never saw against the images learned from (figure 4 of Bondi et al. 2017)."""
  drawing, axes = subplots(figsize=(7, 3.8))
  for name, label in TRANSFERRED.items():
    grouped = draws.groupby("images")[name]
    axes.errorbar(
      list(grouped.groups), 100 * grouped.mean(), yerr=100 * grouped.std(), marker="o", capsize=3, label=label
    )
  axes.set(xlabel="images of each model to learn from", ylabel="accuracy (%)")
  axes.set_xticks(sorted(draws["images"].unique()))
  axes.grid(alpha=0.3)
  axes.legend(fontsize=8, loc="lower right")
  return png(drawing)


def unknown(facts: dict) -> bytes:
  """ROC of the answer "none of these", with the threshold's place on it."""
  drawing, axes = subplots(figsize=(5, 4.6))
  label = f"{facts['score']}: AUC {facts['auc'][facts['score']]:.3f}"
  axes.plot(facts["curve"]["known_rejected"], facts["curve"]["unknown_rejected"], drawstyle="steps-post", label=label)
  axes.plot(facts["known_rejected"], facts["unknown_rejected"], "o", color="#d95f02", label="threshold from validation")
  axes.set(
    xlim=(0, 1),
    ylim=(0, 1.01),
    xlabel=f"learned models called none of these ({facts['known_images']:,} images)",
    ylabel=f"other models called none of these ({facts['unknown_images']:,} images)",
  )
  axes.grid(alpha=0.3)
  axes.legend(fontsize=8, loc="lower right")
  return png(drawing)


def _shades(count: int) -> np.ndarray:
  """As many colours (RGBA), none of them the grey of "no statement"."""
  listed = [(*colour, 1.0) for colour in matplotlib.colormaps["tab20"].colors if max(colour) - min(colour) > 0.1]
  return (
    np.array(listed[:count]) if count <= len(listed) else matplotlib.colormaps["gist_rainbow"](np.linspace(0, 1, count))
  )


def blocks(image: np.ndarray, found: np.ndarray, classes: list[str], choice: Choice, known: str) -> bytes:
  """A photograph, and beside it the class of every block in its colour (Bondi et al. 2017, figure 5).

  `found`: rows and columns of class numbers, -1 (grey) where there is no statement. `known`: what the classes are.
  """
  present, counts = np.unique(found[found >= 0], return_counts=True)
  shades = _shades(len(classes))
  colours = np.where((found >= 0)[..., None], shades[found], (*GREY, 1.0))
  height, width = image.shape[:2]
  drawing, (left, right) = subplots(1, 2, figsize=(12, 1.5 + 5.5 * min(height / width, TALLEST)))
  step = -(-max(height, width) // DRAWN)
  for axes in (left, right):
    axes.imshow(image[::step, ::step], extent=(0, width, height, 0))
  rows, columns = found.shape
  right.imshow(colours, extent=(0, columns * choice.stride, rows * choice.stride, 0), alpha=OPACITY)
  right.set(xlim=(0, width), ylim=(height, 0))
  names = labels.drawable(classes)
  texts = [f"{names[k]}: {count} blocks" for k, count in zip(present, counts, strict=True)]
  handles = [Patch(facecolor=shades[k], alpha=OPACITY, label=text) for k, text in zip(present, texts, strict=True)]
  if (found < 0).any():
    handles.append(Patch(facecolor=GREY, alpha=OPACITY, label=f"no statement: {(found < 0).sum()} blocks"))
  right.legend(handles=handles, fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.06), ncols=3)
  numbered = labels.legend(classes, known)
  for axes, title in ((left, "image"), (right, f"model of each {choice.size}x{choice.size} block, alone{numbered}")):
    axes.set(xticks=[], yticks=[])
    axes.set_title(title, fontsize=9)
  return png(drawing)
