"""Learned and classical noise on real cameras: what is found, and false matches counted in all pairs of two devices.

  python -m benchmarks.learned_noise_real ../shared/realcams DIR
  python -m benchmarks.learned_noise_real ../shared/opencams/train DIR

Aligned squares from the middle of all photographs: against the fingerprint of each half of every device's photographs
(their own are met by the other half's), and against each other. PCE as `fsim match` has it. DIR takes the patterns
(2 MB a photograph; the same command goes on where it ended) and the table, real_NAME.csv.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Complex, Float
from scipy import stats

from benchmarks import prnu_accuracy
from benchmarks.learned_noise import METHODS, patterns
from benchmarks.prnu_accuracy import Photo
from fsim.boundary import arrays, outputs
from fsim.data.markers import JPEG_GRID
from fsim.metrics import rates
from fsim.prnu import fingerprints, matching
from fsim.prnu.fingerprints import Sums

ALPHAS = (1e-2, 1e-3, 1e-4)
Made = dict[str, np.ndarray]


def made(photos: list[Photo], path: Path) -> Made:
  """By method, of one device's photographs: both patterns, and of both halves' fingerprints; standard deviation 1."""
  if path.exists():
    return arrays.read_npz(path)
  pixels, found = np.stack([photo.pixels for photo in photos]), {}
  for method, settings in METHODS.items():
    seen, marks = patterns(pixels, settings), []
    for half in np.split(np.arange(len(photos)), [len(photos) // 2]):
      sums = Sums(*(part[half].sum(0) for part in seen.sums))
      marks.append(fingerprints.estimate(sums, "", ("",), settings).pattern())
    parts = {"query": seen.query, "pair": seen.pair, "marks": np.stack(marks)}
    found |= {f"{method} {name}": _standardised(part).astype(np.float16) for name, part in parts.items()}
  outputs.replace(path, arrays.to_npz(found))
  return found


def _standardised(x: Float[np.ndarray, "n s s"]) -> Float[np.ndarray, "n s s"]:
  x = x - x.mean((1, 2), keepdims=True)
  return x / x.std((1, 2), keepdims=True)


def pce(a: Float[np.ndarray, "m s s"], b: Float[np.ndarray, "n s s"], in_step: bool) -> Float[np.ndarray, "m n"]:
  """Of all pairs, aligned; `in_step` divides by `matching.widening`. The window around the peak is not left out."""
  found = matching.aligned_pce(a, b, exact=False)
  if not in_step:
    return found
  size, blocks = a[0].size, a[0].size // JPEG_GRID**2
  peaks = np.asarray(matching.correlation(a, b)) ** 2 * size
  first, second = (_by_place(_standardised(x)) for x in (a, b))
  twice = np.full(first.shape[1], 2.0)
  twice[[0, -1]] = 1
  total = np.zeros(peaks.shape)
  for row, column in np.ndindex(first.shape[:2]):
    total += twice[column] * np.abs(first[row, column].conj() @ second[row, column].T) ** 2
  every = np.where(found == 0, 1, peaks / np.abs(found))
  return found / np.maximum((total / (blocks * size) - peaks) / (blocks - 1) / every, 1)


def _by_place(x: Float[np.ndarray, "n s s"]) -> Complex[np.ndarray, "y v n 64"]:
  """Spectra over blocks, of each place in them: products of them have the correlations in step with blocks."""
  n, side = len(x), x.shape[1] // JPEG_GRID
  spectra = [np.fft.rfft2(one.reshape(side, JPEG_GRID, side, JPEG_GRID).transpose(1, 3, 0, 2)) for one in x]
  return np.stack(spectra).reshape(n, JPEG_GRID**2, side, -1).transpose(2, 3, 0, 1).copy()


def told(same: Bool[np.ndarray, " p"], pce: Float[np.ndarray, " p"], other: Bool[np.ndarray, " p"]) -> dict[str, Any]:
  """Rates of own pairs, and of others how many are above the threshold, with Clopper-Pearson intervals."""
  kept = same | other
  line = rates.summary(rates.roc(same[kept], pce[kept], np.ones(kept.sum())))
  root = np.sign(pce[other]) * np.abs(pce[other]) ** 0.5
  row = {"auc": line["auc"], "tpr": line["tpr_at_1e-3"], "same": int(same.sum()), "others": int(other.sum())}
  row |= {"spread_others": root.std(), "largest_other": root.max()}
  for alpha in ALPHAS:
    limit = matching.threshold(alpha, 1)
    false = int((pce[other] >= limit).sum())
    low, high = stats.binomtest(false, int(other.sum())).proportion_ci(method="exact") * np.array(other.sum())
    row |= {f"found {alpha:g}": (pce[same] >= limit).mean(), f"expected {alpha:g}": alpha * other.sum()}
    row |= {f"false {alpha:g}": false, f"low {alpha:g}": low, f"high {alpha:g}": high}
  return row


def rows(parts: dict[str, Made]) -> Iterator[dict[str, Any]]:
  names = list(parts)
  device = np.repeat(np.arange(len(names)), [len(part["classical pair"]) for part in parts.values()])
  place = np.concatenate([np.arange(len(part["classical pair"])) for part in parts.values()])
  second = place >= np.bincount(device)[device] // 2
  for method in METHODS:
    query, pair, marks = (
      np.concatenate([part[f"{method} {name}"] for part in parts.values()]).astype(np.float32)
      for name in ("query", "pair", "marks")
    )
    owner = np.repeat(np.arange(len(names)), [len(part[f"{method} marks"]) for part in parts.values()])
    half = np.concatenate([np.arange(len(part[f"{method} marks"])) for part in parts.values()])
    other = device[:, None] != owner
    same = ~other & (second[:, None] != half)
    found = pce(query, marks, method == "learned")
    yield {"against": "fingerprints", "method": method} | told(same.ravel(), found.ravel(), other.ravel())
    upper = np.triu_indices(len(device), 1)
    same = (device[:, None] == device)[upper]
    yield {"against": "pairs", "method": method} | told(same, pce(pair, pair, method == "learned")[upper], ~same)


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("photographs", type=Path, metavar="FOLDER", help="Dresden-like")
  parser.add_argument("folder", type=Path, metavar="DIR")
  parser.add_argument("--side", type=int, default=512, help="pixels, a multiple of 8")
  chosen = parser.parse_args()
  name = chosen.photographs.name
  kept = chosen.folder / f"{name}_{chosen.side}"
  kept.mkdir(parents=True, exist_ok=True)
  photos = [p for p in prnu_accuracy.photographs(chosen.photographs, chosen.side) if p.pixels.shape[0] == chosen.side]
  parts = {}
  for device in sorted({photo.device for photo in photos}):
    own = [photo for photo in photos if photo.device == device]
    if len(own) > 1:
      parts[device] = made(own, kept / f"{device}.npz")
  table = pd.DataFrame(rows(parts))
  table.insert(0, "place", name + "\n" + table["against"])
  table.round(4).to_csv(chosen.folder / f"real_{name}.csv", index=False)
  print(table.drop(columns="place").round(4).T.to_string())


if __name__ == "__main__":
  main()
