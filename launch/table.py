"""What the runs of a sweep found, side by side: tables, and figures with error bars over repetitions."""

import html
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from fsim.boundary import console, lock
from fsim.boundary.drawing import png, subplots
from fsim.boundary.errors import UserError
from fsim.boundary.outputs import replace
from fsim.report import classification_figures
from fsim.systems import finished
from launch.runs import Run, Sweep

DRAWN = 6  # Measures in the figure if the sweep names none.
ACROSS = 3  # Panels in a row.
ASIDE = 0.06  # By which neighbouring lines are set apart, so that error bars do not hide each other.


class Found(NamedTuple):
  """A finished run and its measures."""

  run: Run
  numbers: dict[str, float]


def found_by(runs: Sequence[Run]) -> list[Found]:
  """Of the runs that have finished; one whose files were damaged since is named and left out."""
  found = []
  for run in filter(Run.finished, runs):
    try:
      found.append(Found(run, finished.numbers(run.folder)))
    except UserError as error:
      console.note(str(error))
  return found


def described(sweep: Sweep, found: Sequence[Found]) -> dict[str, Any]:
  """What the JSON says of all runs; "numbers" of those that have finished, null where one is not finite."""
  known = {run.name: numbers for run, numbers in found}
  finite = {name: {k: v if math.isfinite(v) else None for k, v in own.items()} for name, own in known.items()}
  rows = [
    {
      "run": run.name,
      "folder": str(run.folder),
      "settings": run.settings,
      "numbers": finite.get(run.name),
      "failure": run.failure() or None,
    }
    for run in sweep.runs
  ]
  return {"table": str(sweep.workdir / "table.html"), "runs": rows}


def by_run(found: Sequence[Found]) -> pd.DataFrame:
  """A row a measure, a column a run; if they are repetitions of one experiment, their mean and deviation."""
  whole = pd.DataFrame({run.name: numbers for run, numbers in found})
  if len({run.group() for run, _ in found}) > 1:
    return whole
  return whole.assign(mean=whole.mean(axis=1), std=whole.std(axis=1))


def by_group(found: Sequence[Found]) -> pd.DataFrame:
  """Columns group, measure, mean, std (of repetitions; NaN of a single one) and runs."""
  rows = [
    {"group": run.group(), "measure": measure, "value": value}
    for run, numbers in found
    for measure, value in numbers.items()
  ]
  values = pd.DataFrame(rows, columns=["group", "measure", "value"]).groupby(["group", "measure"], sort=False)["value"]
  return values.agg(mean="mean", std="std", runs="count").reset_index()


def voting(runs: Sequence[Run]) -> pd.DataFrame | None:
  """Mean and mean ± standard deviation over finished runs of accuracy against voting patches; None if there is none."""
  files = [run.folder / "voting.csv" for run in runs if run.finished()]
  curves = [pd.read_csv(file) for file in files if file.exists()]
  if not curves:
    return None
  grouped = pd.concat(curves).groupby(["rule", "patches"], sort=False)["mean"]
  mean, spread = grouped.mean(), grouped.std().fillna(0)
  return pd.DataFrame({"mean": mean, "low": mean - spread, "high": mean + spread}).reset_index()


def axis_of(runs: Sequence[Run]) -> str | None:
  """The setting to draw along, of those that every run has: the (first) one with most values.

  None if it neither tells the groups apart by itself nor do all runs have the other settings.
  """
  varied = [run.compared() for run in runs]
  names = _compared(runs)
  everywhere = [name for name in varied[0] if name in names and all(name in own for own in varied)]
  if not everywhere:
    return None
  most = max(everywhere, key=lambda name: len({own[name] for own in varied}))
  return most if _alone(most, runs) or len(everywhere) == len(names) else None


def _alone(axis: str, runs: Sequence[Run]) -> bool:
  return len({run.compared()[axis] for run in runs}) == len({run.group() for run in runs})


def _compared(runs: Sequence[Run]) -> set[str]:
  """The settings that tell groups apart."""
  names = {name for run in runs for name in run.compared()}
  return {name for name in names if len({run.compared().get(name) for run in runs}) > 1}


def comparison(runs: Sequence[Run], groups: pd.DataFrame, measures: Sequence[str]) -> bytes:
  """One panel a measure: the mean of each of the groups, error bars of one standard deviation over repetitions."""
  found, axis = groups.copy(), axis_of(runs)
  places = {run.group(): place(run, runs) for run in runs}
  labels = list(dict.fromkeys(x for x, _ in places.values()))
  found["x"] = [labels.index(places[group][0]) for group in found["group"]]
  found["line"] = [places[group][1] for group in found["group"]]
  across = min(ACROSS, len(measures))
  down = -(-len(measures) // across)
  drawing, panels = subplots(down, across, figsize=(4.6 * across, 3.6 * down), squeeze=False, layout="constrained")
  for axes, measure in zip(panels.flat, measures, strict=False):
    lines = found[found["measure"] == measure].groupby("line", sort=False)
    for k, (line, rows) in enumerate(lines):
      aside = ASIDE * (k - (len(lines) - 1) / 2)
      axes.errorbar(rows["x"] + aside, rows["mean"], rows["std"].fillna(0), marker="o", capsize=3, label=line or None)
    axes.set_title(measure, fontsize=9)
    axes.set_xlim(-0.3, len(labels) - 0.7)
    turned = {"rotation": 30, "ha": "right"} if max(map(len, labels)) > 8 else {}
    axes.set_xticks(range(len(labels)), labels, fontsize=8, **turned)
    axes.set_xlabel(axis or "", fontsize=8)
    axes.grid(alpha=0.3)
  for axes in panels.flat[len(measures) :]:
    axes.axis("off")
  if any(line for _, line in places.values()):
    panels.flat[0].legend(fontsize=8)
  return png(drawing)


def place(run: Run, runs: Sequence[Run]) -> tuple[str, str]:
  """(place along the axis, name of the line) of a run's group."""
  axis = axis_of(runs)
  if axis is None:
    return run.group() or "all", ""
  names = set() if _alone(axis, runs) else _compared(runs) - {axis}
  others = {name: value for name, value in run.compared().items() if name in names}
  return run.compared()[axis], ", ".join(f"{name}={value}" for name, value in others.items())


def write(sweep: Sweep) -> None:
  """table.csv, groups.csv, table.html and the figures, of what has finished; one writer at a time."""
  workdir, runs, _ = sweep
  with lock.alone(workdir):
    found = found_by(runs)
    each, groups = by_run(found), by_group(found)
    replace(workdir / "table.csv", each.to_csv(index_label="measure").encode())
    replace(workdir / "groups.csv", groups.to_csv(index=False).encode())
    replace(workdir / "table.html", _html(sweep, each, groups).encode())


def _html(sweep: Sweep, each: pd.DataFrame, groups: pd.DataFrame) -> str:
  workdir, runs, measures = sweep
  title = html.escape(f"{workdir.name}: {sum(run.finished() for run in runs)} of {len(runs)} runs")
  parts = [f'<!doctype html><meta charset="utf-8"><title>{title}</title><h1>{title}</h1>']
  parts += [f"<p>{html.escape(f'{run.name} failed: {run.failure()}')}</p>" for run in runs if run.failure()]
  names = groups["group"].unique()
  if len(names) > 1:
    found = list(groups["measure"].unique())
    chosen = [name for name in measures if name in found] or found[:DRAWN]
    replace(workdir / "groups.png", comparison(runs, groups, chosen))
    parts.append("<p>Mean ± standard deviation over repetitions, where there are several.</p>" + _grouped(groups))
    parts.append('<img src="groups.png" alt="measures of each group" width="1000">')
  curve = voting(runs)
  if curve is not None:
    replace(workdir / "voting.png", classification_figures.voting(curve))
    parts.append('<p>Bands: one standard deviation over runs.</p><img src="voting.png" alt="votes" width="800">')
  parts.append(each.to_html(float_format=lambda value: f"{value:.3f}", na_rep=""))
  return "\n".join(parts)


def _grouped(groups: pd.DataFrame) -> str:
  spread = groups["std"].map(lambda value: "" if pd.isna(value) else f" ± {value:.3f}")
  cells = groups.assign(cell=groups["mean"].map("{:.3f}".format) + spread)
  cells["column"] = [f"{name or 'all'} ({runs})" for name, runs in zip(cells["group"], cells["runs"], strict=True)]
  columns, rows = cells["column"].unique(), cells["measure"].unique()
  side_by_side = cells.pivot(index="measure", columns="column", values="cell").loc[rows, columns]
  return side_by_side.rename_axis(index=None, columns=None).to_html(na_rep="")
