"""python -m benchmarks.held_out_models --run=DIR [--kinds distance whitened network] [--folds 4]

Which scorer of pairs decides best about camera models that it has not learned from? The models that teach the scorer
of a run (never those that are tested in the end) are parted into folds; each scorer learns from the others and decides
pairs of patches of the fold's models in the scenes kept for validation. So a scorer can be chosen without a look at the
test. "centred" has log-odds of 0 where validation pairs of the models that it learned from part best. Of a run whose
scorer is shown the posteriors of the network on tiles as well ("fused"), the same is asked about the features of the
"extractor" alone.
"""

import argparse
import contextlib
import itertools
import json
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float
from ml_collections import ConfigDict
from tqdm import tqdm

from fsim import cpu
from fsim.models.mislnet import FEATURES
from fsim.systems import patch_dataset
from fsim.systems.dataset import open_dataset
from fsim.systems.model import fitted, learning, model_pair_accuracy, similarity
from fsim.systems.model import run as model
from fsim.systems.model.fitted import FittedSimilarity
from fsim.systems.patch_dataset import PatchSet
from fsim.train import context as contexts
from fsim.train import mesh
from fsim.train.metrics import MetricWriter

CHUNK = 1024  # Patches in memory at once.
# As in configs/model.py and configs/sweeps/model_pairs.py: a network does not bear the large steps of a few parameters.
SCHEDULES = {
  "distance": {"learning_rate": 3e-2, "epochs": 2, "halve_lr_every": 1},
  "whitened": {"learning_rate": 3e-2, "epochs": 2, "halve_lr_every": 1},
  "network": {"learning_rate": 5e-4, "epochs": 10, "halve_lr_every": 3},
}
Side = tuple[PatchSet, Float[np.ndarray, "p d"]]


def sides(config: ConfigDict, known: FittedSimilarity) -> dict[str, Side]:
  """Training and validation images of the models that teach the scorer, and the features of their patches."""
  with tempfile.TemporaryDirectory() as notes:
    dataset = open_dataset(config.data.source, config, Path(notes))
  cache = patch_dataset.open_patches(dataset, config)
  stored, found = cache.stored(), {}
  for name, table in model.divide(dataset.table, config).b.items():
    part = patch_dataset.patches_of(cache, table)
    places = range(0, len(part.numbers), CHUNK)
    pixels = (np.stack([stored(k) for k in part.numbers[first : first + CHUNK]]) for first in tqdm(places, desc=name))
    found[name] = (part, np.concatenate([fitted.features(known, few) for few in pixels]))
  return found


def some(side: Side, models: set[str]) -> Side:
  """Of these models alone."""
  part, features = side
  keep = part.table["model"].isin(models).to_numpy()
  of_kept = keep[part.image]
  image = (np.cumsum(keep) - 1)[part.image[of_kept]]
  table = part.table[keep].reset_index(drop=True)
  return part._replace(table=table, numbers=part.numbers[of_kept], image=image), features[of_kept]


def learned(inside: dict[str, Side], known: FittedSimilarity, config: ConfigDict) -> tuple[FittedSimilarity, float]:
  """A scorer that learns from these sides, in place of the run's, and the logit that would centre it."""
  scorer = learning.pair_scorer(config, known.classes)
  parts = {name: part for name, (part, _) in inside.items()}
  signatures = {name: learning.labelled_signatures(features, part) for name, (part, features) in inside.items()}
  with tempfile.TemporaryDirectory() as folder, contextlib.closing(MetricWriter(Path(folder))) as writer:
    context = contexts.of(config, Path(folder), writer)
    matcher, zero = learning.learn_pairs(scorer, signatures, parts, config.scorer, context)
  pair, sizes = config.scorer, config.scorer.network
  params = {"params": mesh.to_host(matcher.params)}
  own = known._replace(
    kind=pair.kind, hidden=sizes.hidden, width=sizes.width, product=sizes.product, scorer=params, zero=0.0
  )
  return own if pair.use_tile_posteriors else own._replace(tiles={}), zero


def shown(whole: dict[str, Side], known: FittedSimilarity) -> dict[str, dict[str, Side]]:
  """The sides with the features that a scorer may be shown, by their names."""
  alone = {name: (part, features[:, :FEATURES]) for name, (part, features) in whole.items()}
  return {"extractor": alone} | ({"fused": whole} if known.tiles else {})


def judge(own: FittedSimilarity, tested: Side, config: ConfigDict) -> dict[str, float]:
  """Accuracy and AUC, all models counting equally."""
  part, features = tested
  table = part.table.iloc[part.image].assign(image=part.image, side=model_pair_accuracy.UNKNOWN).reset_index(drop=True)
  drawn = similarity.draw_pairs(table, config.evaluate.pairs, config.seed)
  scored = similarity.scored(drawn, lambda a, b: fitted.log_odds(own, features[a], features[b]))
  (accuracy,) = model_pair_accuracy.accuracies(model_pair_accuracy.of_pairs(scored), 1, 0)
  (rates,) = model_pair_accuracy.rates(scored, 1, 0)
  return {"accuracy": accuracy.value, "auc": rates.values["auc"]}


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("--run", type=Path, required=True, help="a finished run of configs/model.py")
  parser.add_argument("--kinds", nargs="+", default=list(SCHEDULES), choices=list(SCHEDULES))
  parser.add_argument("--folds", type=int, default=4)
  options = parser.parse_args()
  cpu.keep_memory()
  config = ConfigDict(json.loads((options.run / "config.json").read_text()))
  known = fitted.load(options.run / "predictor")
  whole = sides(config, known)
  models = np.random.default_rng(config.seed).permutation(sorted(whole["train"][0].table["model"].unique()))
  rows = []
  for (features, inside), kind, fold in itertools.product(
    shown(whole, known).items(), options.kinds, range(options.folds)
  ):
    config.scorer.update(SCHEDULES[kind] | {"kind": kind, "use_tile_posteriors": features == "fused"})
    out = set(models[fold :: options.folds])
    own, zero = learned({name: some(side, set(models) - out) for name, side in inside.items()}, known, config)
    tested = some(inside["validation"], out)
    for name, way in (("as trained", own), ("centred", own._replace(zero=zero))):
      rows.append({"features": features, "kind": kind, "zero": name} | judge(way, tested, config))
  print(f"{len(models)} models in {options.folds} folds; mean and standard deviation over folds")
  of_each = pd.DataFrame(rows).groupby(["features", "kind", "zero"])[["accuracy", "auc"]]
  print(of_each.agg(["mean", "std"]).round(3).to_string())


if __name__ == "__main__":
  main()
