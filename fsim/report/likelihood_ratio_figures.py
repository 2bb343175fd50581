"""The four pictures of a validation of likelihood ratios. Each function draws one line of measures as PNG bytes.

Shaded: 95 % intervals over devices, point by point.
"""

import numpy as np
from matplotlib.axes import Axes
from scipy.stats import norm

from fsim.boundary.drawing import png, subplots
from fsim.metrics import likelihood_ratios
from fsim.metrics.likelihood_ratio_intervals import FALSE_ALARMS, LOG10_PRIOR_ODDS, Band, Measures

SAME, DIFFERENT, GIVEN, NEUTRAL = "#1b7837", "#d95f02", "#4575b4", "#777777"
DET_TICKS = (0.0001, 0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95)
DET_LIMITS = (5e-5, 0.97)
SIZE = (6.6, 4.8)


def tippett(line: Measures) -> bytes:
  """How many pairs have a ratio at least so large; on either side of 1 lies the evidence that misleads."""
  drawing, axes = subplots(figsize=SIZE)
  both = (
    (SAME, "one device (H1)", "tippett_same", line.same),
    (DIFFERENT, "two (H2)", "tippett_different", line.different),
  )
  for colour, name, curve, count in both:
    _draw(axes, line.log10_lr, Band(*(100 * x for x in line.curves[curve])), colour, f"{name}: {count:,} pairs")
  axes.axvline(0, color=NEUTRAL, lw=1, ls="--")
  above, below = (100 * line.values[name] for name in ("different_above_1", "same_below_1"))
  title = f"misleading: {above:.2g} % of two devices above 1, {below:.2g} % of one below"
  _ratios(axes.xaxis, line.log10_lr)
  axes.set(xlim=line.log10_lr[[0, -1]], ylim=(-2, 102), xlabel="likelihood ratio", ylabel="pairs with at least it (%)")
  return _finished(drawing, axes, line, title)


def det(line: Measures) -> bytes:
  """Misses against false alarms as the threshold moves, on axes on which normal scores give straight lines."""
  drawing, axes = subplots(figsize=(5.6, 5.4))
  curve, limits = line.curves["miss"], norm.ppf(DET_LIMITS)
  on_axes = Band(*(norm.ppf(np.clip(x, *DET_LIMITS)) for x in curve))
  resolved = (1 / line.different <= FALSE_ALARMS) & (DET_LIMITS[1] > FALSE_ALARMS)
  inside = Band(*(x[resolved] for x in on_axes))
  _draw(axes, norm.ppf(FALSE_ALARMS[resolved]), inside, GIVEN, f"from 1 false alarm in {line.different:,} pairs on")
  axes.plot(limits, limits, color=NEUTRAL, lw=1, ls=":")
  rate = norm.ppf(np.clip(line.values["eer"], *DET_LIMITS))
  low, high = (100 * x for x in line.intervals["eer"])
  axes.plot(rate, rate, "o", color=GIVEN, label=f"equal: {100 * line.values['eer']:.2g} % [{low:.2g}, {high:.2g}]")
  ticks = norm.ppf(DET_TICKS), [f"{100 * tick:g}" for tick in DET_TICKS]
  axes.set_xticks(*ticks, fontsize=8)
  axes.set_yticks(*ticks, fontsize=8)
  axes.set(xlim=limits, ylim=limits, xlabel="false alarms: of pairs of two devices (%)")
  axes.set(ylabel="misses: of pairs of one device (%)")
  return _finished(drawing, axes, line, "detection error tradeoff")


def ece(line: Measures) -> bytes:
  """What a user of the ratios still does not know, by what was known before."""
  drawing, axes = subplots(figsize=SIZE)
  axes.plot(
    LOG10_PRIOR_ODDS,
    likelihood_ratios.neutral_ece(LOG10_PRIOR_ODDS),
    color=NEUTRAL,
    ls=":",
    label="a ratio of 1 always",
  )
  _draw(axes, LOG10_PRIOR_ODDS, line.curves["ece"], GIVEN, "these ratios")
  _draw(axes, LOG10_PRIOR_ODDS, line.curves["ece_pav"], SAME, "the same, best calibrated (PAV)", "--")
  axes.axvline(0, color=NEUTRAL, lw=0.7)
  highest = np.concatenate(line.curves["ece"])
  top = 1.05 * highest[np.isfinite(highest)].max(initial=1)
  axes.set(xlim=LOG10_PRIOR_ODDS[[0, -1]], ylim=(0, min(top, 2)), ylabel="empirical cross-entropy (bits)")
  axes.set_xlabel("prior odds of one device")
  _powers(axes.xaxis, np.arange(-3, 4))
  cost, best = line.values["cllr"], line.values["cllr_min"]
  return _finished(drawing, axes, line, f"at even odds Cllr {cost:.3f}, at best {best:.3f}")


def pav(line: Measures) -> bytes:
  """The ratios that the truth asks for against those given; on the diagonal they are calibrated."""
  drawing, axes = subplots(figsize=(5.6, 5.4))
  curve, ends = line.curves["pav"], line.log10_lr[[0, -1]]
  span = ends[1] - ends[0]
  frame = ends[0] - 0.08 * span, ends[1] + 0.08 * span  # Infinite ratios are drawn on the frame, and it says so.
  _draw(axes, line.log10_lr, Band(*(np.clip(x, *frame) for x in curve)), GIVEN, "best calibration (PAV)")
  axes.plot(ends, ends, color=NEUTRAL, lw=1, ls="--", label="calibrated")
  for axis in (axes.xaxis, axes.yaxis):
    _ratios(axis, line.log10_lr)
  if np.isinf(np.concatenate(curve)).any():
    axes.set_yticks([*axes.get_yticks(), *frame], [*(t.get_text() for t in axes.get_yticklabels()), "0", "∞"])
  axes.set(xlim=ends, ylim=frame, xlabel="likelihood ratio as given", ylabel="likelihood ratio as the pairs bear out")
  return _finished(drawing, axes, line, f"devPAV {line.values['devpav']:.3f} powers of ten")


def _draw(axes: Axes, at: np.ndarray, band: Band, colour: str, label: str, style: str = "-"):
  axes.plot(at, band.value, style, color=colour, label=label)
  known = np.isfinite(band.low) & np.isfinite(band.high)
  axes.fill_between(at, band.low, band.high, where=known, color=colour, alpha=0.18, lw=0)


def _ratios(axis, log10_lr: np.ndarray):
  """At most nine powers of ten on the axis."""
  low, high = int(np.ceil(log10_lr[0])), int(np.floor(log10_lr[-1]))
  step = -(-(high - low + 1) // 9)
  _powers(axis, np.arange(-(-low // step) * step, high + 1, step))


def _powers(axis, powers: np.ndarray):
  names = [
    f"{10**p:,}" if 0 <= p <= 3 else f"1/{10**-p:,}" if -3 <= p < 0 else f"$10^{{{p}}}$" for p in powers.tolist()
  ]
  axis.set_ticks(powers, names, fontsize=8)


def _finished(drawing, axes: Axes, line: Measures, title: str) -> bytes:
  axes.set_title(f"{line.subset}, {line.devices} devices; shaded: 95 % intervals over devices\n{title}", fontsize=9)
  axes.grid(alpha=0.3)
  axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=3)
  return png(drawing)
