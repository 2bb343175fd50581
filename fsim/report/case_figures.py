"""The pictures of one case, as SVG for its page; drawn narrow, so that they can be read on a phone."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from fsim.boundary.drawing import subplots, svg
from fsim.metrics import likelihood_ratios
from fsim.report.likelihood_ratio_figures import COLOURS, DIFFERENT, GIVEN, NEUTRAL, SAME, SMALL, WIDTH, powers


def ratios(rows: Sequence[tuple[str, float, float, float]], levels: Sequence[float]) -> str:
  """Likelihood ratios (label, log10, its bounds) on one axis; dotted where a level of the verbal scale begins."""
  figure, axes = subplots(figsize=(WIDTH, 0.95 + 0.5 * len(rows)))
  for place, (_, log10, low, high) in enumerate(rows):
    axes.plot([low, high], [place, place], color=NEUTRAL, lw=7, alpha=0.35, solid_capstyle="butt")
    axes.plot([0, log10], [place, place], color=SAME if log10 > 0 else DIFFERENT, lw=3, solid_capstyle="butt")
    axes.plot(log10, place, "o", ms=9, color=SAME if log10 > 0 else DIFFERENT)
  for level in levels:
    for side in (-level, level):
      axes.axvline(side, color=NEUTRAL, lw=0.6, ls=":")
  axes.axvline(0, color="#000000", lw=1)
  ends = [0.0, *(end for _, *ends in rows for end in ends)]
  low, high = min(-1.0, *ends) - 0.4, max(1.0, *ends) + 0.4
  axes.set(xlim=(low, high), ylim=(len(rows) - 0.4, -0.6))
  axes.set_yticks(range(len(rows)), [label for label, *_ in rows], fontsize=SMALL)
  powers(axes.xaxis, low, high)
  axes.set_xlabel("likelihood ratio", fontsize=SMALL)
  for side in ("top", "right", "left"):
    axes.spines[side].set_visible(False)
  axes.tick_params(axis="y", length=0)
  return svg(figure, COLOURS)


def surface(z: Float[np.ndarray, "s s"], row: int, column: int) -> str:
  """The correlation around its peak, which is ringed; row, column: the shifts of the first value."""
  figure, axes = subplots(figsize=(WIDTH, 3.3))
  n = len(z)
  sides = (column - 0.5, column + n - 0.5, row + n - 0.5, row - 0.5)
  image = axes.imshow(
    z, cmap="viridis", extent=sides, interpolation="none", vmin=min(-3, z.min()), vmax=max(6, z.max())
  )
  axes.plot(column + n // 2, row + n // 2, "o", ms=15, mfc="none", mec="#d95f02", mew=1.6)
  bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03)
  bar.set_label("correlation (standard deviations)", fontsize=SMALL)
  bar.ax.tick_params(labelsize=SMALL)
  axes.tick_params(labelsize=SMALL)
  axes.set_xlabel("shift across (pixels)", fontsize=SMALL)
  axes.set_ylabel("shift down (pixels)", fontsize=SMALL)
  return svg(figure, COLOURS)


def tippett(same: Sequence[float], different: Sequence[float], log10: float) -> str:
  """Ratios (log10) of devices that were left out of the calibration, and where this case's lies among them."""
  figure, axes = subplots(figsize=(WIDTH, 3.0))
  ratios = np.array([*same, *different])
  low, high = min(ratios.min(), log10, -0.5) - 0.4, max(ratios.max(), log10, 0.5) + 0.4
  at = np.linspace(low, high, 240)
  shares = likelihood_ratios.tippett(ratios, np.arange(len(ratios)) < len(same), at)
  axes.plot(at, 100 * shares.same, color=SAME, label="one camera")
  axes.plot(at, 100 * shares.different, color=DIFFERENT, label="two cameras")
  axes.axvline(0, color=NEUTRAL, lw=0.8, ls=":")
  axes.axvline(log10, color=GIVEN, lw=2, ls="--", label="this case")
  axes.set(xlim=(low, high), ylim=(-2, 102))
  powers(axes.xaxis, low, high)
  axes.tick_params(labelsize=SMALL)
  axes.set_xlabel("likelihood ratio", fontsize=SMALL)
  axes.set_ylabel("comparisons with at least it (%)", fontsize=SMALL)
  axes.legend(fontsize=SMALL, frameon=False, loc="upper center", bbox_to_anchor=(0.5, 1.14), ncols=3)
  axes.grid(alpha=0.25)
  return svg(figure, COLOURS)
