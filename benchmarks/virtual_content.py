"""Can content give the camera away? Classifiers shown 8x-downsampled images or their colours must be at chance.

  python -m benchmarks.virtual_content DIR        (a folder made by python -m fsim.simulate)

For contrast, each block ends with statistics of the high-pass residual of one patch, which must tell the model.
Cross-validated with disjoint scenes; the interval is twice the standard error at chance.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.ndimage
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from fsim.data import jpeg

PATCH = 256


def small(pixels: np.ndarray) -> np.ndarray:
  """Means of 8x8 pixels."""
  height, width = (side // 8 * 8 for side in pixels.shape[:2])
  return pixels[:height, :width].reshape(height // 8, 8, width // 8, 8, 3).mean((1, 3))


def colours(image: np.ndarray) -> np.ndarray:
  """Mean, spread and quantiles of each channel, and mean distances between channels."""
  quantiles = np.quantile(image, [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99], axis=(0, 1))
  apart = [np.abs(image[..., a] - image[..., b]).mean() for a, b in ((0, 1), (2, 1), (0, 2))]
  return np.concatenate([image.mean((0, 1)), image.std((0, 1)), quantiles.ravel(), apart])


def traces(pixels: np.ndarray) -> np.ndarray:
  """Log scales of five high-pass filters' answers in the middle patch, and the channels' correlation."""
  top, left = ((side - PATCH) // 16 * 8 for side in pixels.shape[:2])
  patch = pixels[top : top + PATCH, left : left + PATCH].astype(np.float32)
  smooth = scipy.ndimage.uniform_filter(patch, (3, 3, 1))
  answers = [
    patch - smooth,
    np.diff(patch, axis=1),
    np.diff(patch, 2, axis=1),
    np.diff(patch[:, ::2], 2, axis=1),
    smooth - scipy.ndimage.uniform_filter(patch, (7, 7, 1)),
  ]
  scales = [np.log(np.quantile(np.abs(answer), [0.1, 0.5, 0.8], axis=(0, 1)) + 0.05).ravel() for answer in answers]
  return np.concatenate([*scales, np.corrcoef(answers[0].reshape(-1, 3).T)[np.triu_indices(3, 1)]])


def _middle(image: np.ndarray, side: int) -> np.ndarray:
  top, left = ((length - side) // 2 for length in image.shape[:2])
  return image[top : top + side, left : left + side]


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("folder", type=Path)
  folder = parser.parse_args().folder
  table = pd.read_csv(folder / "metadata.csv")
  table = table[table.subset == "natural"]
  images = [jpeg.decode((folder / "natural" / name).read_bytes()) for name in tqdm(table.filename)]
  thumbnails = [small(image) for image in images]
  side = min(min(thumbnail.shape[:2]) for thumbnail in thumbnails)
  thumbnails = [_middle(thumbnail, side) for thumbnail in thumbnails]
  linear = make_pipeline(StandardScaler(), PCA(60), LogisticRegression(C=0.1, max_iter=500))
  forest = RandomForestClassifier(300, random_state=0)
  shown = {
    "downsampled, logistic regression": (np.array([t.ravel() for t in thumbnails]), linear),
    "downsampled, random forest": (np.array([t.ravel() for t in thumbnails]), forest),
    "colours, logistic regression": (
      np.array([colours(t) for t in thumbnails]),
      make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    ),
    "colours, random forest": (np.array([colours(t) for t in thumbnails]), forest),
    f"traces in {PATCH}x{PATCH}, random forest": (np.array([traces(image) for image in images]), forest),
  }
  scene = (table.position_num * 100 + table.motive_num).to_numpy()
  model = (table.brand + " " + table.model).to_numpy(object)
  device = (table.brand + " " + table.model + " " + table.instance.astype(str)).to_numpy(object)
  for what, truth in (("model", model), ("device", device)):
    chance = 1 / len(set(truth))
    margin = 2 * np.sqrt(chance * (1 - chance) / len(truth))
    for name, (features, classifier) in shown.items():
      told = cross_val_predict(classifier, features, truth, cv=GroupKFold(5), groups=scene)
      print(f"{what:7s}{name:40s}{(told == truth).mean():6.3f}   chance {chance:.3f} +- {margin:.3f}")


if __name__ == "__main__":
  main()
