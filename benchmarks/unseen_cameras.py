"""python -m benchmarks.unseen_cameras --run=DIR --photos=FOLDER [--without MODEL ...] [--most 20] [--draws 20]

AUC of pairs of one camera model against pairs of two, as it is often published: all pairs of one draw count alike, of
single patches (one an image) and of images (mean log-odds over all pairs of their patches; and log-odds of the means of
their features), with at most so many images of a device. The report of a run lets every two models count equally
instead. FOLDER holds natural photographs of cameras that the run was not trained on; models that the network to compare
with has seen are left out by name. "colour alone" is a control that knows nothing of cameras: how near the mean colours
of the same patches are, whatever their brightness. Where each camera saw one place only, it shows what the place gives
away.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from sklearn.metrics import roc_auc_score
from tqdm import tqdm

from fsim import cpu
from fsim.commands.cluster import chosen, scores
from fsim.data import jpeg
from fsim.data.source import Images
from fsim.data.sources import open_source
from fsim.systems.model import fitted
from fsim.systems.model.fitted import FittedSimilarity

Features = list[Float[np.ndarray, "p d"]]


def embed(
  known: FittedSimilarity, images: Images, left_out: list[str]
) -> tuple[pd.DataFrame, Features, Float[np.ndarray, "m 3"]]:
  """The natural photographs that have usable patches, the features of these, and their mean colours."""
  table = images.table
  unknown = sorted(set(left_out) - set(table["model"]))
  if unknown:
    raise SystemExit(f"there is no model {', '.join(unknown)}; there are {', '.join(sorted(set(table['model'])))}")
  rows = np.flatnonzero((table["subset"] == "natural") & ~table["model"].isin(left_out))
  usable, features, colours = [], [], []
  for row in tqdm(rows, desc="features", unit="image"):
    pixels = chosen(jpeg.decode(images.records[row]), known)
    if len(pixels):
      usable.append(row)
      features.append(fitted.features(known, pixels))
      colours.append(pixels.mean((0, 1, 2)))
  return table.iloc[usable].reset_index(drop=True), features, np.array(colours)


def likeness(colours: Float[np.ndarray, "m 3"]) -> Float[np.ndarray, "m m"]:
  """Minus the squared distance of mean colours, by the ratios of their channels."""
  ratios = np.log(colours + 1)
  ratios -= ratios.mean(1, keepdims=True)
  return -np.square(ratios[:, None] - ratios[None]).sum(2)


def drawn(table: pd.DataFrame, most: int, rng: np.random.Generator) -> Int[np.ndarray, " m"]:
  """Rows of at most so many images of each device."""
  mixed = table.iloc[rng.permutation(len(table))]
  return np.sort(mixed.groupby("device").head(most).index.to_numpy())


def auc(models: np.ndarray, values: Float[np.ndarray, "m m"]) -> float:
  """Of all pairs of two different images."""
  i, j = np.triu_indices(len(models), 1)
  return roc_auc_score(models[i] == models[j], values[i, j])


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("--run", type=Path, required=True, help="a finished run of configs/model.py")
  parser.add_argument("--photos", required=True, help="folder or preset")
  parser.add_argument("--without", nargs="*", default=[], metavar="MODEL", help="models that are left out")
  parser.add_argument("--most", type=int, default=20, help="images of a device")
  parser.add_argument("--draws", type=int, default=20, help="of the images, and of the patch of each")
  parser.add_argument("--seed", type=int, default=0)
  options = parser.parse_args()
  cpu.keep_memory()
  known = fitted.load(options.run / "predictor")
  images = open_source(options.photos, data_dir=None, on_error="skip", merge_d70=True, repair_mju=True, pattern=None)
  table, features, colours = embed(known, images, options.without)
  if table["model"].nunique() < 2:
    raise SystemExit(f"pairs of two camera models are needed; there are usable photographs of {set(table['model'])}")
  means = np.stack([own.mean(0) for own in features])
  ways = {
    "images": scores(known, features),
    "images, mean features": fitted.log_odds(known, means, means),
    "images, colour alone": likeness(colours),
  }
  models = table["model"].to_numpy()
  rng, found = np.random.default_rng(options.seed), []
  for _ in tqdm(range(options.draws), desc="draws"):
    rows = drawn(table, options.most, rng)
    one = np.stack([features[row][rng.integers(len(features[row]))] for row in rows])
    patches = fitted.log_odds(known, one, one)
    images_auc = {way: auc(models[rows], whole[np.ix_(rows, rows)]) for way, whole in ways.items()}
    found.append({"patches": auc(models[rows], patches)} | images_auc)
  print(f"{len(rows)} images a draw, {table['model'].nunique()} models; mean and standard deviation over draws")
  print(pd.DataFrame(found).agg(["mean", "std"]).round(3).to_string())


if __name__ == "__main__":
  main()
