"""What is left of a run's answers when photographs were passed on: re-compressed, scaled down, edited.

  python -m benchmarks.robustness --run=runs/patch --photos=FOLDER [--most=5] [--quality=90]

Every photograph is judged as it is and after each chain of fsim/virtual/postprocessing.py, whose last step is a JPEG
file of this quality with 4:2:0. A run of configs/patch.py names it: share of images whose likeliest model is theirs,
and of the answers "none of these" and "no statement". A run of configs/model.py compares every two: AUC of the mean
log-odds. Whether the run was trained on these photographs is not checked: name a folder, or models, that it has not
seen.
"""

import argparse
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import UInt8
from sklearn.metrics import roc_auc_score
from tqdm import tqdm

import fsim
from fsim import cpu
from fsim.boundary.errors import UserError
from fsim.data import jpeg, sources
from fsim.systems.model.predictor import SimilarityPredictor
from fsim.systems.patch.fitted import NONE, SILENT
from fsim.systems.patch.predictor import ModelPredictor
from fsim.virtual import postprocessing

SUBSAMPLING = "4:2:0"
UNTOUCHED = "as it is"

Pixels = UInt8[np.ndarray, "h w 3"]


def passed_on(pixels: Pixels, chain: str, quality: int) -> Pixels:
  """What arrives at the other end of one of `postprocessing.CHAINS`."""
  if chain == UNTOUCHED:
    return pixels
  return jpeg.decode(postprocessing.apply(pixels, postprocessing.CHAINS[chain], quality, SUBSAMPLING))


def named(known: ModelPredictor, photographs: list[Pixels], models: list[str]) -> dict[str, float]:
  """Photographs of models that the run has not learned are left out: no name is right."""
  learned = [(image, model) for image, model in zip(photographs, models, strict=True) if model in known.classes]
  verdicts = [known.name(image) for image, _ in learned]
  right = [verdict.model == model for verdict, (_, model) in zip(verdicts, learned, strict=True)]
  return {
    "images": len(learned),
    "likeliest_right": np.mean(right) if right else np.nan,
    "none": sum(verdict.answer == NONE for verdict in verdicts),
    "silent": sum(verdict.answer == SILENT for verdict in verdicts),
  }


def compared(known: SimilarityPredictor, photographs: list[Pixels], models: list[str]) -> dict[str, float]:
  seen = []
  for image, model in zip(photographs, models, strict=True):
    try:
      seen.append((known.embeddings(image), model))
    except UserError:  # No statement.
      continue
  embeddings, named = zip(*seen, strict=True) if seen else ((), ())
  pairs = list(itertools.combinations(range(len(seen)), 2))
  same = [named[i] == named[j] for i, j in pairs]
  table = known.image_log_odds(embeddings, embeddings) if pairs else np.zeros((0, 0))
  odds = [table[i, j] for i, j in pairs]
  auc = roc_auc_score(same, odds) if len(set(same)) == 2 else np.nan
  return {"images": len(seen), "pairs": len(pairs), "auc": auc, "silent": len(photographs) - len(seen)}


def table(judge: Callable, photographs: list[Pixels], models: list[str], quality: int) -> pd.DataFrame:
  """A row a chain."""
  rows = {}
  for chain in tqdm((UNTOUCHED, *postprocessing.CHAINS), desc="chains"):
    rows[chain] = judge([passed_on(image, chain, quality) for image in photographs], models)
  return pd.DataFrame.from_dict(rows, orient="index")


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("--run", type=Path, required=True, help="a finished run of configs/patch.py or configs/model.py")
  parser.add_argument("--photos", required=True, help="folder or preset")
  parser.add_argument("--most", type=int, default=5, help="images of a device, the first by name (default: 5)")
  parser.add_argument("--quality", type=int, default=90, help="of the last JPEG file, 1 to 100 (default: 90)")
  options = parser.parse_args()
  cpu.keep_memory()
  known = fsim.load(options.run)
  if not isinstance(known, ModelPredictor | SimilarityPredictor):
    raise SystemExit(f"{options.run}: a run of configs/patch.py or configs/model.py is needed")
  images = sources.opened(options.photos)
  chosen = images.table.assign(row=range(len(images.table))).sort_values("file")
  chosen = chosen[chosen["subset"] == "natural"].groupby("device").head(options.most)
  photographs = [jpeg.decode(images.records[row]) for row in chosen["row"].tolist()]
  way = named if isinstance(known, ModelPredictor) else compared
  found = table(lambda *some: way(known, *some), photographs, chosen["model"].tolist(), options.quality)
  print(f"{len(photographs)} images of {chosen['model'].nunique()} models, {chosen['device'].nunique()} devices")
  print(found.round(3).to_string())


if __name__ == "__main__":
  main()
