"""Fits to what `benchmarks.scale` measured, their figure, and what a million photographs would cost on GPUs."""

import json
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

FILE = "measured.jsonl"
MANY = 1_000_000
GPUS = (1, 8, 64)
# Of photographs of a megapixel, a second: an H200 with 16 cores, and for pairs an H100 (docs/speed.md, docs/prnu.md).
PHOTOGRAPHS = {"decoded by 16 cores": 960, "pattern made": 2374, "from file to pattern, as it is": 207}
PAIRS = {"correlation as one product": 5.7e6, "aligned PCE": 163_000, "PCE over all shifts": 12_760}
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


def fitted(n: np.ndarray, cost: np.ndarray) -> tuple[float, float]:
  """Exponent, and the cost of one: least squares of the logarithms."""
  exponent, log_one = np.polyfit(np.log(n), np.log(cost), 1)
  return float(exponent), float(np.exp(log_one))


def told(rows: list[dict], picture: Path) -> None:
  found = curves(rows)
  print(f"{'stage':<12} {'n':>17}  exponent of time, CPU s at 10,000  MB at the largest n, exponent of what grows")
  for stage, points in found.items():
    exponent, one = fitted(points[:, 0], points[:, 1])
    grown = points[:, 2] - points[0, 2]
    memory = fitted(points[1:, 0], np.maximum(grown[1:], 1))[0] if grown[-1] > 50 else 0.0
    span = f"{points[0, 0]:.0f} to {points[-1, 0]:.0f}"
    print(f"{stage:<12} {span:>17}  {exponent:5.2f}  {one * 1e4**exponent:9.1f}  {points[-1, 2]:7.0f}  {memory:5.2f}")
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
  n = np.array([10.0, MANY])
  for k, (stage, points) in enumerate(found.items()):
    exponent, one = fitted(points[:, 0], points[:, 1])
    label = f"{NOTED.get(stage, stage)}: n^{exponent:.2f}"
    time.plot(points[:, 0], points[:, 1], "o", color=f"C{k}", ms=5, label=label)
    time.plot(n, one * n**exponent, "-", color=f"C{k}", lw=0.8)
    memory.plot(points[:, 0], points[:, 2], "o-", color=f"C{k}", ms=5, lw=0.8, label=NOTED.get(stage, stage))
  for step in dict.fromkeys(row["step"] for row in whole):
    own = [row for row in whole if row["step"] == step]
    marker = {"patterns": "s", "pairs": "D", "link": "*"}[step]
    label = f"whole run: {step}"
    spent = own[-1]["cpu"] if step == "link" else sum(row["cpu"] for row in own)  # What was stopped begins anew there.
    time.plot(own[0]["n"], spent, marker, color="black", ms=8, mfc="none", label=label)
    memory.plot(own[0]["n"], max(row["rss"] for row in own), marker, color="black", ms=8, mfc="none", label=label)
  time.set(xscale="log", yscale="log", xlim=n, ylim=(0.01, 1e8), xlabel="photographs", ylabel="CPU seconds")
  memory.set(xscale="log", yscale="log", xlim=(20, 2e4), xlabel="photographs", ylabel="largest size in memory, MB")
  for seconds, words in ((60, "a minute"), (3600, "an hour"), (86_400, "a day"), (365 * 86_400, "a year")):
    time.axhline(seconds, color="lightgrey", lw=0.8, zorder=0)
    time.text(n[0] * 1.1, seconds * 1.15, words, color="grey", fontsize=7)
  for axes in (time, memory):
    axes.legend(fontsize=7)
  picture.parent.mkdir(parents=True, exist_ok=True)
  figure.savefig(picture, dpi=120)
