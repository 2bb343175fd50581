"""Pairs to test forensic similarity on (Mayer & Stamm 2018, section 4), and what a test leaves in the run folder.

Shapes: n patches, p pairs; `LogOdds` are between rows of a table of patches.
"""

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from fsim.boundary import progress
from fsim.metrics.scores import OTHER_MODEL, SAME_DEVICE, SAME_MODEL
from fsim.systems.model import model_pair_accuracy
from fsim.systems.model.model_pair_accuracy import KNOWN, UNKNOWN

BLOCK = 256  # Pairs scored at once: the diagonal of a square of log-odds.
LogOdds = Callable[[Int[np.ndarray, " m"], Int[np.ndarray, " n"]], Float[np.ndarray, "m n"]]


class Similarity(NamedTuple):
  """What was found on one set of images. `note` says what the set is.

  pairs: of patches, images: of images, as `paired` makes them with log_odds. curve: of `image_scores.decide`.
  baseline: of `braycurtis.compare` as a dictionary; empty without one.
  """

  name: str
  note: str
  pairs: pd.DataFrame
  images: pd.DataFrame
  curve: pd.DataFrame
  baseline: dict[str, Any]


def draw_pairs(table: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
  """Random pairs of patches, `count` with replacement for every two models and for every model with itself.

  Two patches of one image are never paired: they share more than the model. A model with a single image therefore has
  no pairs with itself. The pairs of two models depend neither on other models nor on the order of models.

  Args:
    table: one row a patch: model, device, file, image (a number), side ("known" or "unknown").

  Returns:
    One row a pair, as `paired` makes it. Raises ValueError if a model stands on two sides, or nothing can be paired.
  """
  own = dict(list(table.reset_index(drop=True).groupby("model")))
  drawn = []
  for model in own:
    for other in (m for m in own if m <= model):
      rng = np.random.default_rng([seed, zlib.crc32(other.encode()), zlib.crc32(model.encode())])
      drawn.append(_within(own[model], count, rng) if other == model else _across(own[other], own[model], count, rng))
  return paired(table, *np.concatenate(drawn, axis=1))


def paired(table: pd.DataFrame, a: Int[np.ndarray, " p"], b: Int[np.ndarray, " p"]) -> pd.DataFrame:
  """Columns a and b (rows of the table); model, device, file and side of both; and the true hypothesis, truth."""
  sides = table.groupby("model")["side"].unique()
  wrong = [model for model, found in sides.items() if len(found) > 1 or found[0] not in (KNOWN, UNKNOWN)]
  if wrong:
    raise ValueError(f"a model is either {KNOWN} or {UNKNOWN}; this does not hold for {', '.join(wrong)}")
  if not len(a):
    raise ValueError("similarity needs two images to make pairs of, got one at most")
  pairs = pd.DataFrame({"a": a, "b": b})
  for column in ("model", "device", "file", "side"):
    values = pd.Categorical(table[column])  # Many pairs repeat few names.
    pairs[f"{column}_a"], pairs[f"{column}_b"] = values[a], values[b]
  same = [pairs[f"{c}_a"].astype(str) == pairs[f"{c}_b"].astype(str) for c in ("device", "model")]
  pairs["truth"] = pd.Categorical(np.select(same, [SAME_DEVICE, SAME_MODEL], OTHER_MODEL))
  return pairs


def scored(pairs: pd.DataFrame, log_odds: LogOdds) -> pd.DataFrame:
  """The pairs with the column log_odds, asked for in blocks of one shape, as a compiled scorer wants it."""
  a, b = pairs["a"].to_numpy(), pairs["b"].to_numpy()
  values = np.zeros(len(pairs), np.float32)
  for first in progress.bar(range(0, len(pairs), BLOCK), desc="scoring pairs", unit="block", leave=False):
    some = np.minimum(np.arange(first, first + BLOCK), len(pairs) - 1)
    values[some] = log_odds(a[some], b[some]).diagonal()
  return pairs.assign(log_odds=values)


def save(folder: Path, found: list[Similarity]) -> None:
  """The tables similarity_pairs.parquet, similarity_images.parquet and image_curve.csv; figures in similarity.json."""
  for part, name in (("pairs", "similarity_pairs"), ("images", "similarity_images")):
    tables = [getattr(s, part).assign(evaluation=s.name) for s in found]
    pd.concat(tables, ignore_index=True).to_parquet(folder / f"{name}.parquet")
  pd.concat([s.curve.assign(evaluation=s.name) for s in found]).to_csv(folder / "image_curve.csv", index=False)
  (folder / "similarity.json").write_text(json.dumps([_plain(s) for s in found], indent=1))


def load(folder: Path) -> list[Similarity]:
  """Raises FileNotFoundError if nothing was saved there."""
  plain = json.loads((folder / "similarity.json").read_text())
  tables = [pd.read_parquet(folder / f"similarity_{part}.parquet") for part in ("pairs", "images")]
  tables.append(pd.read_csv(folder / "image_curve.csv"))
  return [Similarity(p["name"], p["note"], *(_of(t, p["name"]) for t in tables), p["baseline"]) for p in plain]


def _of(table: pd.DataFrame, name: str) -> pd.DataFrame:
  return table[table["evaluation"] == name].drop(columns="evaluation").reset_index(drop=True)


def _plain(found: Similarity) -> dict[str, Any]:
  cells = model_pair_accuracy.of_pairs(found.pairs)
  accuracies = {
    unit: {line.group: line.value for line in model_pair_accuracy.accuracies(model_pair_accuracy.of_pairs(pairs), 1, 0)}
    for unit, pairs in (("patches", found.pairs), ("images", found.images))
  }
  return {
    "name": found.name,
    "note": found.note,
    "accuracies": accuracies,
    "models": cells.models,
    "sides": cells.sides,
    "right": [[None if np.isnan(x) else x for x in row] for row in cells.right.tolist()],
    "counts": cells.counts.tolist(),
    "baseline": found.baseline,
  }


def _within(rows: pd.DataFrame, count: int, rng: np.random.Generator) -> Int[np.ndarray, "2 p"]:
  """Uniform over all ordered pairs of patches of two images: behind the first one's image, cyclically."""
  rows = rows.sort_values("image", kind="stable")
  _, start, size = np.unique(rows["image"].to_numpy(), return_index=True, return_counts=True)
  end, others = np.repeat(start + size, size), len(rows) - np.repeat(size, size)
  if not others.any():
    return np.zeros((2, 0), int)
  a = rng.choice(len(rows), size=count, p=others / others.sum())
  b = (end[a] + rng.integers(others[a])) % len(rows)
  return rows.index.to_numpy()[np.stack([a, b])]


def _across(first: pd.DataFrame, second: pd.DataFrame, count: int, rng: np.random.Generator) -> Int[np.ndarray, "2 p"]:
  return np.stack([rng.choice(rows.index.to_numpy(), size=count) for rows in (first, second)])
