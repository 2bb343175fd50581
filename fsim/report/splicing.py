"""The picture and the facts of one image's splicing map."""

import io
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Bool, UInt8
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from PIL import Image

from fsim.evaluate.splicing import Splicing
from fsim.report.figures import png

SHOWN = 1200  # Pixels of a picture's longer side, at most.
OPACITY = 0.6  # Of the colours over the photograph.
COLOURS, MARK, GREY = "inferno", "#00e5ff", "#9a9a9a"


def picture(image: UInt8[np.ndarray, "h w 3"], found: Splicing) -> bytes:
  """PNG: the photograph with the outline of what is marked, and the heat map over it; hatched where nothing is said."""
  step = -(-max(image.shape[:2]) // SHOWN)
  photo, heat, mask = (x[::step, ::step] for x in (image, found.heat, found.mask))
  h, w = image.shape[:2]
  tall = 6.2 * h / w
  drawing, (left, right) = plt.subplots(1, 2, figsize=(14, 1.6 + tall), layout="constrained")
  for axes in (left, right):
    axes.imshow(photo, extent=(0, w, h, 0))
    axes.set(xticks=[], yticks=[])
    if mask.any():
      axes.contour(mask, levels=[0.5], colors=MARK, linewidths=1.2, extent=(0, w, 0, h))
  shown = right.imshow(heat, cmap=COLOURS, vmin=0, vmax=1, alpha=OPACITY, extent=(0, w, h, 0))
  silent = np.isnan(heat)
  if silent.any():
    style = {"levels": [0.5, 1.5], "colors": [GREY], "extent": (0, w, 0, h)}
    right.contourf(np.pad(silent, 0), hatches=["////"], alpha=OPACITY, **style)
  bar = drawing.colorbar(shown, ax=right, fraction=0.046, pad=0.02)
  bar.set_label("1 - mean score with " + ("the image's patches" if found.reference is None else "the reference"))
  bar.ax.axhline(found.limit, color=MARK, linewidth=2)
  if found.reference is not None:
    top, column = found.places[found.reference]
    for axes in (left, right):
      axes.add_patch(Rectangle((column, top), found.size, found.size, fill=False, edgecolor="lime", linewidth=1.5))
  left.set_title("photograph", fontsize=10)
  right.set_title(f"patches of {found.size}x{found.size} every {found.stride} pixels", fontsize=10)
  drawing.legend(handles=_legend(found, bool(silent.any())), loc="outside lower center", ncols=3, fontsize=9)
  return png(drawing)


def mask_image(mask: Bool[np.ndarray, "h w"]) -> bytes:
  """PNG of the image's size: white where it is marked."""
  file = io.BytesIO()
  Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)).save(file, "PNG")
  return file.getvalue()


def facts(file: Path, found: Splicing) -> dict[str, Any]:
  """For JSON, and enough to draw the map again: of each patch its place, value (null: no statement) and side."""
  each = [
    {"x": int(x), "y": int(y), "foreign": None if np.isnan(value) else round(float(value), 6), "image": bool(own)}
    for (y, x), value, own in zip(found.places, found.foreign, found.image, strict=True)
  ]
  return summary(file, found) | {"patches": each}


def summary(file: Path, found: Splicing) -> dict[str, Any]:
  """The facts without the single patches."""
  top, left, height, width = _box(found.mask)
  return {
    "file": str(file),
    "width": found.mask.shape[1],
    "height": found.mask.shape[0],
    "size": found.size,
    "stride": found.stride,
    "limit": found.limit,
    "score": found.score,
    "marked": float(found.mask.mean()),
    "marked_box": None if not found.mask.any() else {"x": left, "y": top, "width": width, "height": height},
    "no_statement": float(np.isnan(found.heat).mean()),
    "reference": found.reference,
  }


def _box(mask: Bool[np.ndarray, "h w"]) -> tuple[int, int, int, int]:
  """Top, left, height and width of the smallest rectangle around what is marked; zeros if nothing is."""
  rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
  if not len(rows):
    return 0, 0, 0, 0
  return int(rows[0]), int(columns[0]), int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1


def _legend(found: Splicing, silent: bool) -> list[Any]:
  marked = f"marked (above {found.limit:.2f}): {100 * found.mask.mean():.1f} % of the image"
  handles: list[Any] = [Line2D([], [], color=MARK, label=marked)]
  if silent:
    share = f"no statement: {100 * np.isnan(found.heat).mean():.1f} %"
    handles.append(Patch(facecolor=GREY, hatch="////", alpha=OPACITY, label=share))
  if found.reference is not None:
    handles.append(Patch(fill=False, edgecolor="lime", label="reference"))
  return handles
