"""Camera models that the network never learned: learned later from a few images, or told apart as unknown."""

from typing import Any

import numpy as np
import pandas as pd
from ml_collections import ConfigDict
from sklearn.metrics import roc_curve

from fsim.boundary.errors import UserError
from fsim.systems import svm
from fsim.systems.patch import openset, transfer
from fsim.systems.patch.openset import PatchOutputs, Rule

MIN_MODELS = 4  # Models not learned, of which half can stand in for the others.


def to_learn(table: pd.DataFrame, config: ConfigDict) -> pd.DataFrame:
  """The images of all models but those that the settings keep for later. Raises UserError for one unknown."""
  return table[~table["model"].isin(_named(table, config))].reset_index(drop=True)


def of(table: pd.DataFrame, sides: dict[str, pd.DataFrame], config: ConfigDict, seed: int) -> pd.DataFrame:
  """Images of the models not learned (or of those that the settings name), with whether they may be learned from later.

  Column `learn`: scenes that the network has trained on are there to learn from, scenes of its validation and test
  images to test on. Scenes that it never saw are divided at random. So nothing is tested in a scene that anything was
  trained in; images without a known scene take no part.
  """
  named = _named(table, config)
  own = table["model"].isin(named) if named else ~table["model"].isin(sides["train"]["model"])
  unseen = table[own & (table["scene"] != "")]
  trained, tested = set(sides["train"]["scene"]), set(sides["validation"]["scene"]) | set(sides["test"]["scene"])
  new = np.random.default_rng(seed).permutation(sorted(set(unseen["scene"]) - trained - tested))
  learn = trained | set(new[: (len(new) + 1) // 2])
  return unseen.assign(learn=unseen["scene"].isin(learn)).reset_index(drop=True)


def _named(table: pd.DataFrame, config: ConfigDict) -> list[str]:
  named = [name.strip() for name in config.data.unknown_models.split(",") if name.strip()]
  unknown = sorted(set(named) - set(table["model"]))
  if unknown:
    there = ", ".join(sorted(table["model"].unique()))
    raise UserError(f"data.unknown_models names models that are not there: {', '.join(unknown)}; there are {there}")
  return named


def validation_unknowns(table: pd.DataFrame, seed: int) -> pd.Series:
  """For each image of the models not learned whether it helps to choose the rule for unknown models.

  Half of these models do, at random, and are not reported on as unknown; none do where there are fewer than four.
  """
  models = np.random.default_rng(seed).permutation(sorted(table["model"].unique()))
  return table["model"].isin(models[: len(models) // 2] if len(models) >= MIN_MODELS else [])


def learned_later(seen: PatchOutputs, table: pd.DataFrame, setting: svm.Chosen, config: ConfigDict) -> pd.DataFrame:
  """See `transfer.transfer`; empty if there are not two models with images on both sides."""
  patches = table.iloc[seen.image].assign(image=seen.image).reset_index(drop=True)
  classes = transfer.testable(patches)
  if len(classes) < 2:
    return pd.DataFrame(columns=transfer.COLUMNS)
  own = patches["model"].isin(classes).to_numpy()
  sizes, draws = config.transfer.images, config.transfer.draws
  return transfer.transfer(seen.features[own], patches[own], classes, setting, sizes, draws, config.seed)


def open_set_rates(rule: Rule, known: PatchOutputs, unknown: PatchOutputs, table: pd.DataFrame) -> dict[str, Any]:
  """How well test images of the learned models and images of others (of scenes not trained on) are told apart.

  Rates are shares of images that the rule calls none of the learned models. Column `validates` marks images that it was
  chosen by, which are left out. Empty if there are no others.
  """
  tested = ~table["learn"].to_numpy(bool) & ~table["validates"].to_numpy(bool)
  if not tested.any():
    return {}
  inside = {name: openset.score(rule._replace(score=name), known) for name in openset.SCORES}
  outside = {name: openset.score(rule._replace(score=name), unknown)[tested] for name in openset.SCORES}
  own, other = inside[rule.score], outside[rule.score]
  truth = np.repeat([0, 1], [len(own), len(other)])
  wrongly, rightly, _ = roc_curve(truth, -np.concatenate([own, other]))
  return {
    "score": rule.score,
    "threshold": rule.threshold,
    "known_images": len(own),
    "unknown_images": len(other),
    "validation_unknowns": int(table.loc[table["validates"], "model"].nunique()),
    "unknown_models": int(table.loc[tested, "model"].nunique()),
    "known_rejected": float((own < rule.threshold).mean()),
    "unknown_rejected": float((other < rule.threshold).mean()),
    "auc_validation": rule.aucs,
    "auc": {name: openset.auc(inside[name], outside[name]) for name in inside},
    "confidence_known": float(inside["softmax"].mean()),
    "confidence_unknown": float(outside["softmax"].mean()),
    "curve": {"known_rejected": wrongly.tolist(), "unknown_rejected": rightly.tolist()},
  }
