"""Fits to what `benchmarks.scale` measured, their figure, and what a million photographs would cost on GPUs."""

import json
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy.optimize import nnls

FILE = "measured.jsonl"
MANY, LAST = 1_000_000, 3
GPUS = (1, 8, 64)
# Of photographs of a megapixel, a second: an H200 with 16 cores; the last two of pairs an H100 (docs/scale.md).
PHOTOGRAPHS = {"decoded by 16 cores": 1084, "pattern made": 4511, "from file to pattern, as it is": 404}
PAIRS = {"correlation as one product of eight bits": 660e6, "aligned PCE": 163_000, "PCE over all shifts": 12_760}
OF_PAIRS = ("pair tiles", "clustering", "writing")
NOTED = {"search": "search (10 photographs)"}


def read(place: Path) -> list[dict]:
  file = place / FILE
  return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def curves(rows: list[dict]) -> dict[str, np.ndarray]:
  """Stage -> rows of n, CPU seconds, MB; the noise filter without what decoding takes."""
  found = {}
  for stage in dict.fromkeys(row["stage"] for row in rows if row["stage"] != "whole"):
    own = sorted((row["n"], row["cpu"], row["rss"]) for row in rows if row["stage"] == stage)
    found[stage] = np.array(own)
  if {"decode", "residual"} <= found.keys():
    k = min(len(found["decode"]), len(found["residual"]))
    found["residual"] = found["residual"][:k]
    found["residual"][:, 1] -= found["decode"][:k, 1]
  return found


def exponent(n: np.ndarray, cost: np.ndarray) -> float:
  """Of the LAST points, where what grows weighs most: least squares of the logarithms."""
  return float(np.polyfit(np.log(n[-LAST:]), np.log(cost[-LAST:]), 1)[0])


def extrapolated(stage: str, points: np.ndarray, where: np.ndarray) -> np.ndarray:
  """a n, and of pairs a n + b n^2: least squares of the relative differences, neither below 0."""
  n, cost = points[:, 0], points[:, 1]
  terms = lambda x: np.stack([x, x**2] if stage in OF_PAIRS else [x], 1)  # noqa: E731
  parts, _ = nnls(terms(n) / cost[:, None], np.ones(len(n)))
  return terms(where) @ parts


def told(rows: list[dict], picture: Path) -> None:
  found = curves(rows)
  print(f"{'stage':<12} {'n':>17}  exponent, CPU s at 10,000 and {MANY:,}, MB at the largest n")
  for stage, points in found.items():
    n, cpu, rss = points.T
    ten, many = extrapolated(stage, points, np.array([1e4, MANY]))
    print(
      f"{stage:<12} {f'{n[0]:.0f} to {n[-1]:.0f}':>17}  {exponent(n, cpu):5.2f} {ten:9.1f} {many:11.0f} {rss[-1]:7.0f}"
    )
  for row in rows:
    if row["stage"] == "whole":
      print(row)
  million()
  draw(found, [row for row in rows if row["stage"] == "whole"], picture)


def million() -> None:
  """Hours for MANY photographs of a megapixel, by what is measured on one GPU, shared out evenly."""
  works = {name: MANY / rate for name, rate in PHOTOGRAPHS.items()}
  works |= {name: MANY * (MANY - 1) / 2 / rate for name, rate in PAIRS.items()}
  for name, seconds in works.items():
    print(f"{name:<32}", *(f"{gpus} GPUs: {seconds / gpus / 3600:10.2f} h" for gpus in GPUS))


def draw(found: dict[str, np.ndarray], whole: list[dict], picture: Path) -> None:
  figure = Figure(figsize=(11, 5), layout="constrained")
  time, memory = figure.subplots(1, 2)
  where = np.geomspace(10, MANY, 60)
  for k, (stage, points) in enumerate(found.items()):
    n, cpu, rss = points.T
    time.plot(n, cpu, "o", color=f"C{k}", ms=5, label=f"{NOTED.get(stage, stage)}: n^{exponent(n, cpu):.2f}")
    time.plot(where, extrapolated(stage, points, where), "-", color=f"C{k}", lw=0.8)
    memory.plot(n, rss, "o-", color=f"C{k}", ms=5, lw=0.8, label=NOTED.get(stage, stage))
  for step in dict.fromkeys(row["step"] for row in whole):
    own = [row for row in whole if row["step"] == step]
    marker = {"patterns": "s", "pairs": "D", "link": "*"}[step]
    label = f"{step}, of 256x256 pixels"
    spent = own[-1]["cpu"] if step == "link" else sum(row["cpu"] for row in own)  # What was stopped begins anew there.
    time.plot(own[0]["n"], spent, marker, color="black", ms=8, mfc="none", label=label)
    memory.plot(own[0]["n"], max(row["rss"] for row in own), marker, color="black", ms=8, mfc="none", label=label)
  time.set(xscale="log", yscale="log", xlim=(10, MANY), ylim=(0.01, 1e10), xlabel="photographs", ylabel="CPU seconds")
  memory.set(
    xscale="log",
    yscale="log",
    xlim=(20, 2e4),
    ylim=(200, 6000),
    xlabel="photographs",
    ylabel="largest size in memory, MB",
  )
  for seconds, words in ((60, "a minute"), (3600, "an hour"), (86_400, "a day"), (365 * 86_400, "a year")):
    time.axhline(seconds, color="lightgrey", lw=0.8, zorder=0)
    time.text(MANY * 0.9, seconds * 1.15, words, color="grey", fontsize=7, ha="right")
  for axes in (time, memory):
    axes.legend(fontsize=7, loc="upper left")
  picture.parent.mkdir(parents=True, exist_ok=True)
  figure.savefig(picture, dpi=120)
