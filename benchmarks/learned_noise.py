"""Learned sensor noise beside the classical one, on virtual cameras of models that the network has not learned from.

  python -m benchmarks.learned_noise DIR [--figure=docs/figures/learned_noise.png] [--workers=2]

DIR takes the photographs with the true patterns of their sensors, and the table (virtual.csv): the same command goes on
where it ended. Photographs are met with the true pattern, as with a fingerprint of photographs without end, with
fingerprints of 1 to 50, and with each other. Real cameras: benchmarks.learned_noise_real, whose tables, if they lie in
DIR, are in the figure too.
"""

import argparse
import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, UInt8

from benchmarks import noise_photographs
from benchmarks.noise_photographs import Photos, centre
from fsim.boundary import arrays
from fsim.metrics import rates
from fsim.prnu import fingerprints, learned, matching, probe
from fsim.prnu.fingerprints import Sums
from fsim.prnu.residuals import clean
from fsim.prnu.settings import DEFAULT, LEARNED, Settings
from fsim.systems.noise import examples
from fsim.virtual import pipeline, postprocessing

AT_ONCE = 4  # Photographs whose patterns are made together.
TABLE = "virtual.csv"
SIDES = (64, 128, 256, 512)
QUALITIES = (100, 90, 75, 60)
FACTOR = 0.75
USUAL = 256  # Pixels a side unless varied.
FEW = 128  # Pixels a side where photographs meet fingerprints.
COUNTS = (1, 3, 10, 50)  # Photographs in a fingerprint; the last ones of each device are queries.
GROUPS = 5  # Fingerprints of each device and count, at most.
METHODS = {"classical": DEFAULT, "learned": LEARNED}
SIDE, COMPRESSED, RESIZED = "side of the crop", "JPEG again", "resized by .75, quality 90"
COUNT, TWINS = "photographs in the fingerprint", "same scene, place and model"


class Patterns(NamedTuple):
  """Of photographs: what meets a fingerprint, what meets another photograph, and what a fingerprint is the sum of."""

  query: Float[np.ndarray, "n s s"]
  pair: Float[np.ndarray, "n s s"]
  sums: Sums


def extracted(pixels: UInt8[np.ndarray, "b s s 3"], settings: Settings) -> Patterns:
  """As `fsim fingerprint` and `fsim match` make them, with the network asked once."""
  found = probe.filtered(pixels, DEFAULT)
  query, pair = probe.for_fingerprint(found), probe.for_image(found)
  nothing = fingerprints.nothing(pixels.shape[1:3])
  alone = [found._replace(images=found.images[k : k + 1], noise=found.noise[k : k + 1]) for k in range(len(pixels))]
  sums = Sums(*map(np.stack, zip(*(fingerprints.add_filtered(nothing, one) for one in alone), strict=True)))
  if settings == LEARNED:
    seen = learned.evidence(found.images, found.noise)
    own = learned.posterior(seen)
    query, pair = (probe.together(x, own) for x in (query, pair))
    share = learned.SHARE
    sums = Sums(share * sums.above + seen.information, share**2 * sums.below + seen.precision)
  return Patterns(query, pair, sums)


def patterns(pixels: UInt8[np.ndarray, "n s s 3"], settings: Settings) -> Patterns:
  filled = arrays.filled(pixels, AT_ONCE)
  parts = [jax.device_get(extracted(filled[k : k + AT_ONCE], settings)) for k in range(0, len(filled), AT_ONCE)]
  return jax.tree.map(lambda *each: np.concatenate(each)[: len(pixels)], *parts)


def told(same: Bool[np.ndarray, "..."], score: Float[np.ndarray, "..."], pixels: int) -> dict[str, Any]:
  """AUC, TPR at FPR 1e-3, and z (correlation in standard deviations of white noise) of own and of others."""
  same, score = same.ravel(), score.ravel().astype(float)
  found = rates.summary(rates.roc(same, score, np.ones(len(score))))
  z = score * pixels**0.5
  return {
    "auc": round(found["auc"], 4),
    "tpr": round(found["tpr_at_1e-3"], 4),
    "same": int(same.sum()),
    "all": len(same),
    "z": round(float(z[same].mean()), 2),
    "z_others": round(float(z[~same].mean()), 3),
    "spread_others": round(float(z[~same].std()), 3),
    "largest_other": round(float(z[~same].max()), 2),
  }


def changed(photos: Photos, change: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]) -> Photos:
  made = [change(*one) for one in zip(photos.pixels, photos.pattern, strict=True)]
  return Photos(*(np.stack(part) for part in zip(*made, strict=True)), photos.device)


def cut(photos: Photos, side: int) -> Photos:
  return changed(photos, lambda *both: tuple(centre(x, side) for x in both))


def tiles(photos: Photos, side: int) -> Photos:
  """Four squares from the middle of each photograph."""
  middle = cut(photos, 2 * side)
  parts = [np.s_[:, y : y + side, x : x + side] for y in (0, side) for x in (0, side)]
  return noise_photographs.joined(
    Photos(middle.pixels[part], middle.pattern[part], middle.device + 10_000 * k) for k, part in enumerate(parts)
  )


def compressed(pixels: UInt8[np.ndarray, "h w 3"], quality: int) -> UInt8[np.ndarray, "h w 3"]:
  return examples.decoded(postprocessing.compressed(pixels, quality, "4:2:0"))


def smaller(pixels: np.ndarray, pattern: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  pixels = postprocessing.resize(FACTOR)(pixels)
  pattern = pipeline.resized(pattern, pixels.shape[:2], 1.0)
  return tuple(centre(x, USUAL) for x in (compressed(pixels, 90), pattern))


def conditions(twins: Photos) -> Iterator[tuple[str, float, Callable[[], Photos]]]:
  """What is done to photographs before they are met with their true patterns."""
  for side in SIDES:
    yield SIDE, side, lambda side=side: cut(twins, side) if side >= USUAL else tiles(twins, side)
  for quality in QUALITIES:
    again = lambda pixels, pattern, q=quality: (centre(compressed(pixels, q), USUAL), centre(pattern, USUAL))  # noqa: E731
    yield COMPRESSED, quality, lambda again=again: changed(twins, again)
  yield RESIZED, FACTOR, lambda: changed(twins, smaller)


def met_with_truth(photos: Photos, settings: Settings) -> Iterator[dict[str, Any]]:
  found = patterns(photos.pixels, settings)
  true = probe.without_grid(clean(photos.pattern, DEFAULT._replace(whiten=False)))
  score, pixels = np.asarray(matching.correlation(found.query, true)), true[0].size
  yield {"against": "true pattern"} | told(np.eye(len(score), dtype=bool), score, pixels)
  first, second = (np.flatnonzero(photos.device % 2 == k) for k in (0, 1))  # Of twins.
  z = np.asarray(matching.correlation(found.pair, found.pair))[first, second] * pixels**0.5
  spread = round(float(z.std()), 3)
  yield {"against": TWINS, "all": len(z), "z_others": round(float(z.mean()), 3), "spread_others": spread}


def met_with_fingerprints(series: Photos, settings: Settings) -> Iterator[dict[str, Any]]:
  found = patterns(series.pixels, settings)
  own = [np.flatnonzero(series.device == k) for k in range(len(noise_photographs.devices()))]
  queries = np.concatenate([rows[max(COUNTS) :] for rows in own])
  pixels = found.query[0].size
  for count in COUNTS:
    marks, device = [], []
    for k, rows in enumerate(own):
      for start in range(0, min(GROUPS * count, max(COUNTS)), count):
        sums = Sums(*(part[rows[start : start + count]].sum(0) for part in found.sums))
        marks.append(fingerprints.estimate(sums, "", ("",), settings).pattern())
        device.append(k)
    score = np.asarray(matching.correlation(found.query[queries], np.stack(marks)))
    same = series.device[queries][:, None] == np.array(device)
    yield {"against": "fingerprint", "condition": COUNT, "value": count} | told(same, score, pixels)
  upper = np.triu_indices(len(series.device), 1)
  score = np.asarray(matching.correlation(found.pair, found.pair))[upper]
  same = (series.device[:, None] == series.device)[upper]
  yield {"against": "photograph", "condition": COUNT, "value": 0} | told(same, score, pixels)


def measure(folder: Path, twins: Photos, series: Photos) -> pd.DataFrame:
  """All conditions by all methods; rows that the table has are not measured again."""
  path = folder / TABLE
  lines = pd.read_csv(path).to_dict("records") if path.exists() else []
  known = {(line["condition"], line["value"], line["method"]) for line in lines}
  tasks = [(*one, met_with_truth) for one in conditions(twins)] + [
    (COUNT, 1, lambda: cut(series, FEW), met_with_fingerprints)
  ]
  for (condition, value, photos, meet), (method, settings) in itertools.product(tasks, METHODS.items()):
    if (condition, value, method) in known:
      continue
    common = {"condition": condition, "value": value, "method": method}
    lines += [common | line for line in meet(photos(), settings)]
    pd.DataFrame(lines).to_csv(path, index=False)
    print(f"{condition} {value}, {method}: {lines[-1]}", flush=True)
  return pd.DataFrame(lines)


def speed(pixels: UInt8[np.ndarray, "n s s 3"], rounds: int = 3) -> None:
  """Of the patterns of both methods, in turns."""
  seconds: dict[str, list[tuple[float, float]]] = {method: [] for method in METHODS}
  for _, (method, settings) in itertools.product(range(rounds + 1), METHODS.items()):
    began = time.time(), time.process_time()
    jax.block_until_ready(extracted(pixels, settings))
    seconds[method].append((time.time() - began[0], time.process_time() - began[1]))
  told = {method: np.median(found[1:], axis=0) / len(pixels) for method, found in seconds.items()}
  for method, (clock, processor) in told.items():
    print(f"{method}: {1 / clock:.2f} images of {pixels.shape[1]} pixels a second, {processor:.2f} s of CPU time each")
  ratio = told["learned"] / told["classical"]
  print(f"learned takes {ratio[0]:.1f} times as long, and {ratio[1]:.1f} times the CPU time")


class Panel(NamedTuple):
  """A part of the figure.

  Attributes:
    label: of its axis.
    table: rows; `place` is what stands below the axis.
    apart: how many of the last places are no further steps of what is varied.
  """

  label: str
  table: pd.DataFrame
  apart: int = 0


def panels(table: pd.DataFrame, real: pd.DataFrame) -> list[Panel]:
  table = table.assign(place=table["value"].map("{:.0f}".format))
  truth = table[table["against"] == "true pattern"]
  by_side, by_count = truth[truth["condition"] == SIDE], table[table["condition"] == COUNT]
  again, resized = truth[truth["condition"] == COMPRESSED], truth[truth["condition"] == RESIZED]
  usual = by_side[by_side["value"] == USUAL].assign(place="as it is")
  saved = pd.concat([usual, again, resized.assign(place=f"resized\nby {FACTOR}")])
  counted = by_count.assign(place=by_count["place"].replace("0", "pairs"))
  return [
    Panel("side of the crop, pixels\n(against the true pattern)", by_side),
    Panel(f"quality of a second JPEG, {USUAL} pixels\n(against the true pattern)", saved, 1),
    Panel(f"photographs in the fingerprint\n({FEW} pixels)", counted, 1),
    Panel("real cameras\n(512 pixels)", real, 4),
  ]


def draw(table: pd.DataFrame, real: pd.DataFrame, figure: Path) -> None:
  """AUC above TPR: by the side, by what was done to the file, by the fingerprint, and of real cameras."""
  shown = [panel for panel in panels(table, real) if len(panel.table)]
  drawn, axes = plt.subplots(2, len(shown), figsize=(3.6 * len(shown), 5.6), layout="constrained", sharey="row")
  for column, (label, part, apart) in zip(axes.T, shown, strict=True):
    places = list(dict.fromkeys(part["place"]))
    steps = places[: len(places) - apart]
    for axis, (measure, name) in zip(column, {"auc": "AUC", "tpr": "TPR at FPR .001"}.items(), strict=True):
      for method, (mark, colour) in {"classical": ("s", "#222222"), "learned": ("o", "#d95f02")}.items():
        own = part[part["method"] == method].set_index("place")[measure]
        axis.plot([places.index(place) for place in own.index], own, mark, color=colour, label=method)
        line = own[own.index.isin(steps)]
        axis.plot([places.index(place) for place in line.index], line, color=colour, lw=1)
      axis.set_xticks(range(len(places)), places, fontsize=8)
      axis.set_ylabel(name)
      axis.label_outer()
      axis.grid(alpha=0.3)
    column[1].set_xlabel(label)
  axes[0, 0].legend(fontsize=9, loc="lower right")
  drawn.savefig(figure, dpi=90)


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("folder", type=Path, metavar="DIR")
  parser.add_argument("--figure", type=Path)
  parser.add_argument("--workers", type=int, default=2)
  chosen = parser.parse_args()
  twins, series = noise_photographs.make(chosen.folder, chosen.workers)
  table = measure(chosen.folder, twins, series)
  print(table.to_string(index=False))
  speed(twins.pixels[:1])
  if chosen.figure:
    real = [pd.read_csv(path) for path in sorted(chosen.folder.glob("real_*.csv"))]
    draw(table, pd.concat(real) if real else pd.DataFrame(), chosen.figure)


if __name__ == "__main__":
  main()
