"""The pictures of a validation of likelihood ratios, as SVG for its page; drawn narrow, to be read on a phone.

Each of the first four draws one line of measures. Shaded: 95 % intervals over devices, point by point.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from scipy.special import ndtri

from fsim.boundary.drawing import subplots, svg
from fsim.metrics import likelihood_ratios
from fsim.metrics.likelihood_ratio_intervals import FALSE_ALARMS, LOG10_PRIOR_ODDS, Band, Estimate, Measures

SAME, DIFFERENT, GIVEN, NEUTRAL = "#1b7837", "#d95f02", "#4575b4", "#777777"
COLOURS = {SAME: "var(--same)", DIFFERENT: "var(--different)", GIVEN: "var(--given)", NEUTRAL: "var(--neutral)"}
DET_TICKS = (0.0001, 0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95)
DET_LIMITS = (5e-5, 0.97)
WIDTH = 4.5  # Inches.
SIZE = (WIDTH, 3.3)
SQUARE = (WIDTH, 4.0)
SMALL = 8.5  # Points of letters.
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def tippett(line: Measures) -> str:
  """How many pairs have a ratio at least so large; on either side of 1 lies the evidence that misleads."""
  figure, axes = subplots(figsize=SIZE)
  both = ((SAME, "one device (H1)", "tippett_same"), (DIFFERENT, "two (H2)", "tippett_different"))
  for colour, name, curve in both:
    _draw(axes, line.log10_lr, Band(*(100 * x for x in line.curves[curve])), colour, name)
  axes.axvline(0, color=NEUTRAL, lw=1, ls="--")
  axes.set(
    xlim=line.log10_lr[[0, -1]], ylim=(-2, 102), xlabel="likelihood ratio", ylabel="comparisons with at least it (%)"
  )
  powers(axes.xaxis, *line.log10_lr[[0, -1]])
  return _finished(figure, axes)


def det(line: Measures) -> str:
  """Misses against false alarms as the threshold moves, on axes on which normal scores give straight lines."""
  figure, axes = subplots(figsize=SQUARE)
  curve, limits = line.curves["miss"], ndtri(DET_LIMITS)
  on_axes = Band(*(ndtri(np.clip(x, *DET_LIMITS)) for x in curve))
  resolved = (1 / line.different <= FALSE_ALARMS) & (DET_LIMITS[1] > FALSE_ALARMS)
  inside = Band(*(x[resolved] for x in on_axes))
  _draw(axes, ndtri(FALSE_ALARMS[resolved]), inside, GIVEN, "these ratios")
  axes.plot(limits, limits, color=NEUTRAL, lw=1, ls=":")
  rate = ndtri(np.clip(line.values["eer"], *DET_LIMITS))
  axes.plot(rate, rate, "o", color=GIVEN, label="both rates equal")
  ticks = ndtri(DET_TICKS), [f"{100 * tick:g}" for tick in DET_TICKS]
  axes.set_xticks(*ticks)
  axes.set_yticks(*ticks)
  axes.set(xlim=limits, ylim=limits, xlabel="false alarms: two devices (%)", ylabel="misses: one device (%)")
  return _finished(figure, axes)


def ece(line: Measures) -> str:
  """What a user of the ratios still does not know, by what was known before."""
  figure, axes = subplots(figsize=SIZE)
  neutral = likelihood_ratios.neutral_ece(LOG10_PRIOR_ODDS)
  axes.plot(LOG10_PRIOR_ODDS, neutral, color=NEUTRAL, ls=":", label="ratio of 1 always")
  _draw(axes, LOG10_PRIOR_ODDS, line.curves["ece"], GIVEN, "these ratios")
  _draw(axes, LOG10_PRIOR_ODDS, line.curves["ece_pav"], SAME, "best calibrated", "--")
  axes.axvline(0, color=NEUTRAL, lw=0.7)
  highest = np.concatenate(line.curves["ece"])
  top = 1.05 * highest[np.isfinite(highest)].max(initial=1)
  axes.set(xlim=LOG10_PRIOR_ODDS[[0, -1]], ylim=(0, min(top, 2)), ylabel="empirical cross-entropy (bits)")
  axes.set_xlabel("prior odds of one device")
  powers(axes.xaxis, *LOG10_PRIOR_ODDS[[0, -1]])
  return _finished(figure, axes)


def pav(line: Measures) -> str:
  """The ratios that the truth asks for against those given; on the diagonal they are calibrated."""
  figure, axes = subplots(figsize=SQUARE)
  curve, ends = line.curves["pav"], line.log10_lr[[0, -1]]
  span = ends[1] - ends[0]
  frame = ends[0] - 0.08 * span, ends[1] + 0.08 * span  # Infinite ratios are drawn on the frame, and it says so.
  _draw(axes, line.log10_lr, Band(*(np.clip(x, *frame) for x in curve)), GIVEN, "best calibration (PAV)")
  axes.plot(ends, ends, color=NEUTRAL, lw=1, ls="--", label="calibrated")
  for axis in (axes.xaxis, axes.yaxis):
    powers(axis, *ends)
  if np.isinf(np.concatenate(curve)).any():
    axes.set_yticks([*axes.get_yticks(), *frame], [*(t.get_text() for t in axes.get_yticklabels()), "0", "∞"])
  axes.set(xlim=ends, ylim=frame, xlabel="likelihood ratio as given", ylabel="ratio that the data bear out")
  return _finished(figure, axes)


def strata(rows: Sequence[tuple[str, Estimate, Estimate]]) -> str:
  """Cllr with its interval, and its minimum, of each stratum (name, Cllr, Cllr_min)."""
  figure, axes = subplots(figsize=(0.8 * WIDTH, 0.9 + 0.24 * len(rows)))
  for place, (_, cost, best) in enumerate(rows):
    axes.plot([cost.low, cost.high], [place, place], color=GIVEN, lw=5, alpha=0.3, solid_capstyle="butt")
    axes.plot(cost.value, place, "o", color=GIVEN, ms=6, label=None if place else "Cllr")
    axes.plot(best.value, place, "|", color=SAME, ms=11, mew=2, label=None if place else "at best (Cllr_min)")
  axes.axvline(1, color=NEUTRAL, lw=1, ls=":", label="no evidence")
  axes.set_yticks(range(len(rows)), [name for name, *_ in rows])
  highest = max((cost.high for _, cost, _ in rows if np.isfinite(cost.high)), default=1)
  axes.set(xlim=(0, max(1.05, min(1.05 * highest, 2))), ylim=(len(rows) - 0.4, -0.6), xlabel="bits")
  return _finished(figure, axes)


def powers(axis, low: float, high: float) -> None:
  """At most seven powers of ten on the axis; 1 among them."""
  step = max(1, int(np.ceil((high - low) / 7)))
  found = np.arange(int(np.ceil(low / step)), int(np.floor(high / step)) + 1) * step
  axis.set_ticks(found, [_power(int(power)) for power in found], fontsize=SMALL)


def _power(power: int) -> str:
  if abs(power) > 3:
    return f"10{str(power).translate(RAISED)}"
  return f"{10**power:,}" if power >= 0 else f"1/{10**-power:,}"


def _draw(axes: Axes, at: np.ndarray, band: Band, colour: str, label: str, style: str = "-") -> None:
  axes.plot(at, band.value, style, color=colour, label=label)
  known = np.isfinite(band.low) & np.isfinite(band.high)
  axes.fill_between(at, band.low, band.high, where=known, color=colour, alpha=0.18, lw=0)


def _finished(figure, axes: Axes) -> str:
  axes.grid(alpha=0.25)
  axes.tick_params(labelsize=SMALL)
  for axis in (axes.xaxis, axes.yaxis):
    axis.label.set_size(SMALL)
  figure.legend(fontsize=SMALL, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 0.89), ncols=3)
  return svg(figure, COLOURS)
