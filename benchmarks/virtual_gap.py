"""How well can a classifier tell virtual from real patches, and by what?

  python -m benchmarks.virtual_gap --real=../shared/opencams/train --virtual virtual/models virtual/similarity \\
    [--figures=docs/figures]

Real photographs are a folder as Dresden's; virtual ones are made here, 768 pixels wide: a few of many models of each
preset. A classifier is shown one group of statistics of 128x128 patches, then all, and is asked about cameras that it
has not seen. AUC .5 says that the two are alike; every camera counts equally, and intervals (95 %) are over cameras.
"""

import argparse
import dataclasses
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int, UInt8
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer
from tqdm import tqdm

from benchmarks import gap_statistics
from benchmarks.gap_statistics import CONTROL, GROUPS
from fsim.data import jpeg
from fsim.data.patches import Choice, choose, cut
from fsim.virtual import dataset, shots
from fsim.virtual.presets import PRESETS, Preset

CHOICE = Choice(size=128, stride=128, count=4, rule="random", saturated=0.1, entropy=4.0)  # As configs/model.py has it.
SIDE, SCENES = 768, 24  # Of the virtual photographs: pixels of the longer side, and different places.
FOLDS = 6
RESAMPLES = 300
DOZEN = 12  # As many cameras as opencams/train has; the more there are, the nearer is the nearest.
EVERYTHING = "all together"
KINDS = {
  "DSLRs": ("1100D", "D60"),
  "drones": ("FC220", "FC3170", "FC6360"),
  "phones": ("iPhone11", "iPhone5s", "iPhone8", "Pixel5", "M1Note", "GTI9505", "SGP521"),
}

Photograph = tuple[dict, UInt8[np.ndarray, "h w 3"]]


class Patches(NamedTuple):
  """Rows of `table` (make, camera, device, image) and of every group of statistics are patches."""

  table: pd.DataFrame
  groups: dict[str, Float[np.ndarray, "n f"]]


def real(folder: Path, most: int) -> Iterator[Photograph]:
  """At most so many natural photographs of each device, evenly from its list."""
  table = pd.read_csv(next(folder.glob("*.csv")))
  table = table[table["subset"] == "natural"]
  for (brand, model, instance), rows in table.groupby(["brand", "model", "instance"]):
    for name in rows["filename"].iloc[np.unique(np.linspace(0, len(rows) - 1, most).astype(int))]:
      named = {"make": brand, "camera": f"{brand} {model}", "device": f"{brand} {model} {instance}", "image": name}
      yield named, jpeg.decode((folder / "natural" / name).read_bytes())


def drawn(preset: Preset, models: int, images: int) -> tuple[Preset, list[shots.Frame]]:
  """A preset at SIDE pixels, and frames of so many of its models, evenly from its list, those of one scene together."""
  chosen = np.unique(np.linspace(0, len(preset.models) - 1, models).astype(int)).tolist()
  step = SCENES // images
  seen = [((place + k * step) % SCENES, model) for place, model in enumerate(chosen) for k in range(images)]
  frames = [shots.Frame("natural", scene, model, 0, 1 + scene, 1.0) for scene, model in sorted(seen)]
  return dataclasses.replace(preset, side=SIDE), frames


def virtual(preset: Preset, models: int, images: int) -> Iterator[Photograph]:
  made, frames = drawn(preset, models, images)
  for frame in frames:
    model = made.models[frame.model]
    camera = f"{model.make} {model.name}"
    named = {"make": model.make, "camera": camera, "device": f"{camera} 0", "image": f"{camera} {frame.shot}"}
    yield named, jpeg.decode(dataset.picture(made, frame))


def measure(photographs: Iterator[Photograph], what: str) -> Patches:
  rows, found = [], []
  for named, pixels in tqdm(photographs, desc=what, unit="photo", mininterval=20):
    for patch in cut(pixels, choose(pixels, CHOICE), CHOICE.size):
      rows.append(named)
      found.append(gap_statistics.measure(patch))
  return Patches(pd.DataFrame(rows), {name: np.stack([one[name] for one in found]) for name in (*GROUPS, CONTROL)})


def evenly(cameras: Sequence[str]) -> Float[np.ndarray, " n"]:
  """Weights by which every camera counts equally; they sum to 1."""
  _, which, counts = np.unique(np.asarray(cameras), return_inverse=True, return_counts=True)
  return 1 / (counts[which] * len(counts))


def folds(cameras: Sequence[str], is_real: Bool[np.ndarray, " n"], seed: int) -> Int[np.ndarray, " n"]:
  """A number 0..FOLDS-1 for each patch, the same for all of a camera; real and virtual cameras are spread evenly.

  Raises ValueError where either has fewer cameras than FOLDS.
  """
  cameras, rng = np.asarray(cameras), np.random.default_rng(seed)
  fold = np.empty(len(cameras), int)
  for side in (True, False):
    names = sorted(set(cameras[is_real == side]))
    if len(names) < FOLDS:
      raise ValueError(f"{FOLDS} folds need as many cameras, got {len(names)} {'real' if side else 'virtual'} ones")
    number = dict(zip(rng.permutation(names), np.arange(len(names)) % FOLDS, strict=True))
    fold[is_real == side] = [number[name] for name in cameras[is_real == side]]
  return fold


def out_of_fold(
  x: Float[np.ndarray, "n f"], cameras: Sequence[str], is_real: Bool[np.ndarray, " n"], classifier
) -> Float[np.ndarray, " n"]:
  """Probability of "virtual" for each patch, by a classifier that has not seen its camera."""
  fold, weight, told = folds(cameras, is_real, 0), _weights(cameras, is_real), np.empty(len(x))
  for number in range(FOLDS):
    learned = fold != number
    step = {f"{classifier.steps[-1][0]}__sample_weight": weight[learned] * learned.sum()}
    classifier.fit(x[learned], ~is_real[learned], **step)
    told[~learned] = classifier.predict_proba(x[~learned])[:, 1]
  return told


def _weights(cameras: Sequence[str], is_real: Bool[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
  weight, cameras = np.empty(len(is_real)), np.asarray(cameras)
  for side in (True, False):
    weight[is_real == side] = evenly(cameras[is_real == side]) / 2
  return weight


def forest():
  return make_pipeline(ExtraTreesClassifier(120, min_samples_leaf=4, random_state=0))


def linear():
  """On ranks, as many of the statistics have long tails."""
  return make_pipeline(
    QuantileTransformer(n_quantiles=30, output_distribution="normal"), LogisticRegression(C=0.1, max_iter=1000)
  )


def auc(
  told: Float[np.ndarray, " n"], cameras: Sequence[str], is_real: Bool[np.ndarray, " n"], which: Bool[np.ndarray, " n"]
) -> tuple[float, float, float]:
  """AUC over the patches of `which`, cameras counting equally, and the ends of its 95 % interval over cameras."""
  told, cameras, is_real = told[which], np.asarray(cameras)[which], is_real[which]
  weight, rng, found = _weights(cameras, is_real), np.random.default_rng(0), []
  names = [sorted(set(cameras[is_real == side])) for side in (True, False)]
  for _ in range(RESAMPLES):
    times = {name: 0 for side in names for name in side}
    for side in names:
      for name in rng.choice(side, len(side)):
        times[name] += 1
    found.append(roc_auc_score(~is_real, told, sample_weight=weight * [times[name] for name in cameras]))
  low, high = np.quantile(found, [0.025, 0.975])
  return roc_auc_score(~is_real, told, sample_weight=weight), low, high


def joined(one: Patches, other: Patches) -> tuple[list[str], Bool[np.ndarray, " n"], dict[str, np.ndarray]]:
  """Cameras, whether real, and all groups of two sets, with all groups but the control once more together."""
  cameras = [*("real " + one.table["camera"]), *("virtual " + other.table["camera"])]
  groups = {name: np.concatenate([one.groups[name], other.groups[name]]) for name in (*GROUPS, CONTROL)}
  groups[EVERYTHING] = np.concatenate([groups[name] for name in GROUPS], 1)
  return cameras, np.arange(len(cameras)) < len(one.table), groups


def kinds(one: Patches, n: int) -> dict[str, Bool[np.ndarray, " n"]]:
  """Which of n patches are those of a kind of real camera; all virtual ones, which follow them, are in every kind."""
  model = one.table["camera"].str.split(" ", n=1).str[1]
  rest = np.ones(n - len(one.table), bool)
  found = {kind: np.concatenate([model.isin(names), rest]) for kind, names in KINDS.items()}
  return {"all": np.ones(n, bool)} | {kind: which for kind, which in found.items() if which[: len(one.table)].any()}


def gap(one: Patches, other: Patches) -> pd.DataFrame:
  """A row a group: AUC by a forest for all and for each kind of real camera, and by logistic regression."""
  cameras, is_real, groups = joined(one, other)
  rows = {}
  for name, x in groups.items():
    told = out_of_fold(x, cameras, is_real, forest())
    row = {"numbers": x.shape[1]}
    for kind, which in kinds(one, len(x)).items():
      row[kind], low, high = auc(told, cameras, is_real, which)
      if kind == "all":
        row |= {"low": low, "high": high}
    straight = out_of_fold(x, cameras, is_real, linear())
    row["linear"] = roc_auc_score(~is_real, straight, sample_weight=_weights(cameras, is_real))
    rows[name] = row
  return pd.DataFrame(rows).T


def distances(patches: Patches, by: str) -> pd.DataFrame:
  """Of every two values of column `by`: whether they share a make, and how far their means lie apart in each group.

  A distance is the root of the mean over the group's numbers of the squared difference over the variance between images
  of one camera, less what that variance alone makes of it: 0 for one camera, 1 for means that lie apart by one standard
  deviation of a camera's images.
  """
  makes = patches.table.groupby(by)["make"].first()
  rows = [{"one": a, "other": b, "same make": makes[a] == makes[b]} for a, b in combinations(makes.index, 2)]
  found = pd.DataFrame(rows)
  for name, x in patches.groups.items():
    images = pd.DataFrame(x).groupby([patches.table[by].to_numpy(), patches.table["image"].to_numpy()]).mean()
    own = images.groupby(level=0)
    mean, count = own.mean(), own.size()
    within = (images - own.transform("mean")).pow(2).sum() / (len(images) - len(count))
    scaled = mean / np.sqrt(within + 1e-9)
    squared = [((scaled.loc[a] - scaled.loc[b]) ** 2).mean() - 1 / count[a] - 1 / count[b] for a, b in _ends(found)]
    found[name] = np.sqrt(np.maximum(squared, 0))
  return found


def _ends(pairs: pd.DataFrame) -> Iterator[tuple[str, str]]:
  return zip(pairs["one"], pairs["other"], strict=True)


def neighbours(patches: Patches) -> pd.Series:
  """Median distances, over all groups and by content alone: pairs of one make, of two, and the nearest of a dozen."""
  found = distances(patches, "camera")
  found["whole"] = np.sqrt(found[list(GROUPS)].pow(2).mean(axis=1))
  siblings = found["same make"]
  both = pd.concat([found.assign(camera=found["one"]), found.assign(camera=found["other"])])
  nearest = both.groupby("camera")["whole"].quantile(1 / DOZEN, interpolation="lower")
  row = {"cameras": len(nearest), "nearest of a dozen": nearest.median()}
  for name, pairs in (("same make", found[siblings]), ("two makes", found[~siblings])):
    row |= {f"{name}, pairs": len(pairs), name: pairs["whole"].median(), f"{name}, content": pairs[CONTROL].median()}
  return pd.Series(row)


def _curves(patches: Patches, group: str, numbers: slice) -> Float[np.ndarray, "3 f"]:
  """10, 50 and 90 % quantiles over cameras of the means of some numbers of a group."""
  means = pd.DataFrame(patches.groups[group][:, numbers]).groupby(patches.table["camera"].to_numpy()).mean()
  return np.quantile(means, [0.1, 0.5, 0.9], axis=0)


PANELS = (  # Title, group, its numbers, their places, what these are.
  (
    "noise in smooth blocks, log grey levels",
    "noise against intensity",
    slice(0, 3),
    ("dark", "middle", "bright"),
    "third of the blocks",
  ),
  (
    "power of the residual, log, relative",
    "residual spectrum",
    slice(0, 15),
    np.arange(1.5, 16) / 32,
    "cycles a pixel",
  ),
  (
    "luminance coefficients that are zero",
    "JPEG quantisation",
    slice(0, 6),
    ("1", "2", "3", "4", "5", "6"),
    "bands, low to high",
  ),
  ("profile across edges", "edges and sharpening", slice(0, 10), (*range(-5, 0), *range(1, 6)), "pixels from the edge"),
  (
    "correlation in smooth blocks",
    "noise correlation in space",
    [0, 3, 6, 8],
    ("1", "2", "3", "4"),
    "pixels apart along a row, luminance",
  ),
)


def figure(one: Patches, others: dict[str, Patches], tables: dict[str, pd.DataFrame], file: Path) -> None:
  """AUC of every group (lines: 95 %), and curves behind some: medians and 10 to 90 % of the cameras."""
  canvas, axes = plt.subplots(2, 3, figsize=(12, 7), layout="constrained")
  bars = axes[0, 0]
  for k, table in enumerate(tables.values()):
    place = np.arange(len(table)) + (k - (len(tables) - 1) / 2) * 0.8 / len(tables)
    bars.barh(place, table["all"] - 0.5, 0.8 / len(tables), left=0.5, color=f"C{k + 1}")
    bars.hlines(place, table["low"], table["high"], color="black", lw=0.7)
  bars.set(xlim=(0.4, 1), title="AUC virtual against real")
  bars.set_yticks(range(len(table)), table.index, fontsize=7)
  bars.invert_yaxis()
  for axis, (title, group, numbers, places, what) in zip(axes.flat[1:], PANELS, strict=True):
    for k, (name, patches) in enumerate({"real": one, **others}.items()):
      low, middle, high = _curves(patches, group, numbers)
      axis.plot(places, middle, color=f"C{k}", label=name)
      axis.fill_between(places, low, high, color=f"C{k}", alpha=0.15, lw=0)
    axis.set(title=title, xlabel=what)
  canvas.legend(*axes[0, 1].get_legend_handles_labels(), loc="outside upper center", ncols=1 + len(others))
  canvas.savefig(file, dpi=90)
  plt.close(canvas)


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("--real", type=Path, required=True)
  parser.add_argument("--virtual", nargs="+", choices=PRESETS, required=True, metavar="PRESET")
  parser.add_argument("--most", type=int, default=20, help="real photographs of a device")
  parser.add_argument("--models", type=int, default=48, help="of a preset")
  parser.add_argument("--images", type=int, default=2, help="of a virtual model")
  parser.add_argument("--figures", type=Path)
  options = parser.parse_args()
  one = measure(real(options.real, options.most), "real")
  others = {name: measure(virtual(PRESETS[name], options.models, options.images), name) for name in options.virtual}
  tables = {name: gap(one, other) for name, other in others.items()}
  for name, table in tables.items():
    print(f"\n{name}\n{table.round(3).to_string()}")
  print("\ndistances of cameras, in standard deviations of the images of one")
  near = pd.DataFrame({name: neighbours(patches) for name, patches in {"real": one, **others}.items()})
  print(near.round(2).to_string())
  if options.figures:
    figure(one, others, tables, options.figures / "virtual_gap.png")


if __name__ == "__main__":
  main()
