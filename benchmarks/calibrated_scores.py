"""Scores of the photographs of a Dresden-like folder, from which `benchmarks.calibrated` learns and on which it checks.

  python -m benchmarks.calibrated_scores FOLDER OUT [--flat]
  python -m benchmarks.calibrated_scores FOLDER OUT --similarity [--learned=RUN]

OUT gets three tables as Parquet. Flat fields, where there are some and --flat asks for them, are references before
natural photographs. The second command asks the weights that came with fsim about the photographs of the first one's
tables; not about models that RUN, of which they were made, learned from: there they do better than on any camera to
come.
"""

import argparse
import json
import tempfile
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd
from ml_collections import ConfigDict

from fsim import cpu, weights
from fsim import run as runs
from fsim.boundary import progress
from fsim.boundary.errors import UserError
from fsim.data import given
from fsim.evidence import changing, collecting
from fsim.evidence.collecting import Scores
from fsim.evidence.selecting import Labelled, Variant
from fsim.evidence.similarity import Similarity, embedded
from fsim.systems.dataset import open_dataset
from fsim.systems.model import run as model
from fsim.weights import Weights


def labelled(folder: Path, with_flat: bool) -> list[Labelled]:
  table = pd.read_csv(next(p for p in sorted(folder.glob("*.csv")) if p.name not in ("origins.csv", "cameras.csv")))
  files = []
  table["order"] = (table["subset"] != "flat-field").astype(int)
  for row in table.sort_values(["order", "brand", "model", "instance", "shot"]).itertuples():
    if row.subset == "flat-field" and not with_flat:
      continue
    model = f"{row.brand}_{row.model}"
    flat = row.subset == "flat-field"
    virtual = str(row.position_name).startswith("position ")  # Its two motives are seen from one place.
    scene = "flat" if flat else f"{row.position_num}" if virtual else f"{row.position_num} {row.motive_num}"
    files.append(Labelled(folder / row.subset / row.filename, f"{model}_{row.instance}", model, scene))
  return files


def learned_models(run: Path, shipped: Weights) -> set[str]:
  """Models that the extractor or the scorer of a run learned. Raises UserError for a run of another extractor."""
  extractor = "network.npz"
  if weights.digests(run / "predictor")[extractor] != weights.digests(shipped.folder)[extractor]:
    raise UserError(f"{run}: the extractor of {shipped.description} is of another run")
  config = ConfigDict(json.loads((run / runs.CONFIG).read_text()))
  with tempfile.TemporaryDirectory() as folder:  # Where the data's facts are noted.
    table = open_dataset(config.data.source, config, Path(folder)).table
  sides = model.divide(table, config)
  return {name for side in (sides.a, sides.b) for own in side.values() for name in own["model"]}


def asked(scores: Scores, files: list[Labelled], run: Path | None) -> Scores:
  """The tables with the similarity of the weights that came with fsim."""
  paths = {(file.device, file.path.name): str(file.path) for file in files}
  named = zip(scores.photographs["device"], scores.photographs["file"], strict=True)
  shipped = weights.default("compare")
  learned = learned_models(run, shipped) if run else set()
  scores = scores._replace(photographs=scores.photographs.assign(path=[paths[key] for key in named]))
  return with_similarity(scores, weights.load(shipped.description.name), learned)


def with_similarity(scores: Scores, similarity: Similarity, without: Collection[str] = ()) -> Scores:
  """The tables with the log-odds of `similarity`; NaN where it says nothing, and of the models `without`."""
  embeddings: dict[int, np.ndarray] = {}
  asked = scores.photographs[~scores.photographs["model"].isin(without)]
  for row in progress.bar(asked.itertuples(), total=len(asked), desc="similarity"):
    variant = Variant(row.side or None, row.quality or None)
    pixels = changing.changed(changing.middle(given.pixels(row.path), collecting.SIDE), variant)[0]
    found = embedded(similarity, pixels)[0]
    if found is not None:
      embeddings[row.Index] = found
  return collecting.with_log_odds(scores, similarity, embeddings)


def load(folder: Path) -> Scores:
  return Scores(*(pd.read_parquet(folder / f"{name}.parquet") for name in Scores._fields))


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("folder", type=Path)
  parser.add_argument("out", type=Path)
  parser.add_argument("--flat", action="store_true")
  parser.add_argument("--similarity", action="store_true")
  parser.add_argument("--learned", type=Path, metavar="RUN")
  chosen = parser.parse_args()
  if chosen.learned and not chosen.similarity:
    parser.error("--learned goes with --similarity")
  cpu.keep_memory()
  files = labelled(chosen.folder, chosen.flat or chosen.similarity)
  if chosen.similarity:
    scores = asked(load(chosen.out), files, chosen.learned)
  else:
    scores, left_out = collecting.collect(files)
    for path, cause in left_out:
      print(f"left out {path}: {cause}")
  chosen.out.mkdir(parents=True, exist_ok=True)
  for name, table in scores._asdict().items():
    table.drop(columns="path", errors="ignore").to_parquet(chosen.out / f"{name}.parquet")
  print(*(f"{len(table):,} {name}" for name, table in scores._asdict().items()), sep=", ")


if __name__ == "__main__":
  main()
