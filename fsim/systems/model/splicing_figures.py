"""The pictures and the facts of one image's splicing map."""

import io
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from PIL import Image

from fsim.boundary.drawing import png, subplots
from fsim.systems.model.splicing import Splicing, percent

MAX_SIDE = 1200  # Pixels of a picture's longer side, at most.
WIDTH, LETTERS = 15.0, 170  # Of a picture in inches, and of a line above it.
OPACITY, TINT = 0.6, 0.35  # Of the colours over the photograph.
COLOURS, MARK, OWN, GREY = "inferno", "#00e5ff", "#39d353", "#9a9a9a"
NEUTRAL = "#4477aa", "#ddcc77"  # Of parts of which none is taken for the image: neither looks like a warning.


def picture(image: UInt8[np.ndarray, "h w 3"], found: Splicing, said: str) -> bytes:
  """PNG: the photograph with an outline of what is marked, the reference patches, and the heat map; `said` above."""
  drawing, (plain, own, heat) = _panels(image, 3, said)
  _hatch(own, found)
  _hatch(heat, found)
  if found.chosen is None:
    _tint(own, found.reference_area, OWN)
  else:
    top, left = found.places[found.chosen]
    frame = {"fill": False, "edgecolor": OWN, "linewidth": 2}
    for axes in (plain, own, heat):
      axes.add_patch(Rectangle((left, top), found.size, found.size, **frame))
  for axes in (plain, own, heat):
    _outline(axes, found.mask)
  h, w = found.mask.shape
  step = _step(h, w)
  style = {"cmap": COLOURS, "vmin": 0, "vmax": 1, "alpha": OPACITY, "extent": (0, w, h, 0)}
  bar = drawing.colorbar(heat.imshow(found.heat[::step, ::step], **style), ax=heat, fraction=0.046, pad=0.02)
  bar.set_label(f"1 - {_mean(found)}", fontsize=9)
  bar.ax.axhline(found.limit, color=MARK, linewidth=2)
  plain.set_title("photograph", fontsize=10)
  own.set_title("reference patches" if found.chosen is None else "reference patch", fontsize=10)
  heat.set_title(f"difference, by patches of {found.size}x{found.size} every {found.stride} pixels", fontsize=10)
  drawing.legend(handles=_legend(found), loc="outside lower center", ncols=4, fontsize=9)
  return png(drawing)


def undecided(image: UInt8[np.ndarray, "h w 3"], compared: Splicing, said: str) -> bytes:
  """PNG: the photograph, and the parts that were compared, none of which can be said to be the image."""
  drawing, (plain, parts) = _panels(image, 2, said)
  judged, larger = ~np.isnan(compared.heat), compared.reference_area
  shown = {"patches that can be judged": judged}
  if compared.mask.any():
    shown = {"larger group of patches": larger, "smaller group of patches": judged & ~larger}
  handles = []
  for (name, area), colour in zip(shown.items(), NEUTRAL, strict=False):
    _tint(parts, area, colour)
    handles.append(Patch(facecolor=colour, alpha=OPACITY, label=f"{name}: {percent(area.mean())} of the image"))
  _hatch(parts, compared)
  plain.set_title("photograph", fontsize=10)
  parts.set_title(f"what was compared: patches of {compared.size}x{compared.size}", fontsize=10)
  drawing.legend(handles=[*handles, _silent(compared)], loc="outside lower center", ncols=3, fontsize=9)
  return png(drawing)


def mask_image(mask: Bool[np.ndarray, "h w"]) -> bytes:
  """PNG of the image's size: white where it is marked."""
  file = io.BytesIO()
  Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)).save(file, "PNG")
  return file.getvalue()


def facts(file: Path, found: Splicing, said: str, decided: bool) -> dict[str, Any]:
  """For JSON, and enough to draw the map again: `summary`, and of each patch its place and what came of it."""
  each = [
    {
      "x": int(x),
      "y": int(y),
      "difference": None if np.isnan(value) else round(float(value), 6),
      "reference": bool(own),
    }
    for (y, x), value, own in zip(found.places, found.difference, found.references, strict=True)
  ]
  return summary(file, found, said, decided) | {"patches": each}


def summary(file: Path, found: Splicing, said: str, decided: bool) -> dict[str, Any]:
  """The facts without the single patches; docs/model.md lists the fields. Nothing is marked where nothing is said."""
  height, width = found.mask.shape
  return {
    "file": str(file),
    "statement": said if decided else None,
    "no_statement": None if decided else said,
    "width": width,
    "height": height,
    "size": found.size,
    "stride": found.stride,
    "limit": found.limit,
    "score": found.score,
    "judged": found.judged,
    "reference_share": None if found.chosen is not None else float(found.reference_area.mean()),
    "chosen_patch": found.chosen,
    "marked": float(found.mask.mean()) if decided else None,
    "marked_box": _box(found.mask) if decided else None,
    "usable_patches": int((~np.isnan(found.difference)).sum()),
    "reference_patches": int(found.references.sum()),
  }


def _box(mask: Bool[np.ndarray, "h w"]) -> dict[str, int] | None:
  """The smallest rectangle around what is marked."""
  rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
  if not len(rows):
    return None
  height, width = int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1
  return {"x": int(columns[0]), "y": int(rows[0]), "width": width, "height": height}


def _panels(image: UInt8[np.ndarray, "h w 3"], count: int, said: str) -> tuple[Figure, list[Axes]]:
  """The photograph so many times, side by side, below what is said of it."""
  h, w = image.shape[:2]
  step, lines = _step(h, w), textwrap.wrap(said, LETTERS)
  tall = WIDTH / count * h / w
  drawing, panels = subplots(1, count, figsize=(WIDTH, 0.9 + 0.2 * len(lines) + tall), layout="constrained")
  for axes in panels:
    axes.imshow(image[::step, ::step], extent=(0, w, h, 0))
    axes.set(xticks=[], yticks=[])
  drawing.suptitle("\n".join(lines), fontsize=11)
  return drawing, list(panels)


def _step(h: int, w: int) -> int:
  """Every so many-th pixel is drawn."""
  return -(-max(h, w) // MAX_SIDE)


def _tint(axes: Axes, area: Bool[np.ndarray, "h w"], colour: str) -> None:
  h, w = area.shape
  if area.any():
    padded = np.pad(area[:: _step(h, w), :: _step(h, w)].astype(float), 1)
    axes.contourf(padded[1:-1, 1:-1], levels=[0.5, 1.5], colors=[colour], alpha=TINT, extent=(0, w, 0, h))


def _outline(axes: Axes, mask: Bool[np.ndarray, "h w"]) -> None:
  h, w = mask.shape
  if mask.any():
    axes.contour(mask[:: _step(h, w), :: _step(h, w)], levels=[0.5], colors=MARK, linewidths=1.4, extent=(0, w, 0, h))


def _hatch(axes: Axes, found: Splicing) -> None:
  """Where nothing is said."""
  silent, (h, w) = np.isnan(found.heat), found.heat.shape
  if silent.any():
    style = {"levels": [0.5, 1.5], "colors": [GREY], "hatches": ["////"], "alpha": OPACITY, "extent": (0, w, 0, h)}
    axes.contourf(silent[:: _step(h, w), :: _step(h, w)], **style)


def _mean(found: Splicing) -> str:
  return "mean score with the reference patches" if found.chosen is None else "score with the reference patch"


def _silent(found: Splicing) -> Patch:
  label = f"no texture or saturated, nothing is said: {percent(1 - found.judged)} of the image"
  return Patch(facecolor=GREY, hatch="////", alpha=OPACITY, label=label)


def _legend(found: Splicing) -> list[Any]:
  if found.chosen is None:
    share = percent(found.reference_area.mean())
    own = Patch(facecolor=OWN, alpha=TINT, label=f"reference patches: {share} of the image")
  else:
    own = Patch(fill=False, edgecolor=OWN, linewidth=2, label="reference patch, chosen by hand")
  whose = "patches" if found.chosen is None else "patch"
  marked = f"marked, differs from the reference {whose} (above {found.limit:.2f}): {percent(found.mask.mean())}"
  return [
    Line2D([], [], color=MARK, label=marked),
    own,
    Patch(alpha=0, label=f"judged: {percent(found.judged)} of the image"),
    _silent(found),
  ]
