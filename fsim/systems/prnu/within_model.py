"""Does what names cameras tell devices of one model apart, or only models?"""

from collections import Counter
from typing import NamedTuple

import numpy as np
import pandas as pd

from fsim.metrics.classification import LEVEL, Classification


class Within(NamedTuple):
  """Of the images whose model was classified correctly, where it has several devices: how many have the right one.

  `chance` is what a guess among the devices of the model gives; the interval is bootstrapped over devices. Shares are
  NaN where there are no such images.
  """

  images: int
  devices: int
  right: float
  low: float
  high: float
  chance: float


def with_models(answers: pd.DataFrame, models: dict[str, str]) -> pd.DataFrame:
  """Answers that name devices, with the columns model, predicted_model, and of_model: how many devices it has.

  models: of each device that can be named.
  """
  model, counts = answers["truth"].map(models), Counter(models.values())
  return answers.assign(model=model, predicted_model=answers["predicted"].map(models), of_model=model.map(counts))


def models(found: Classification) -> float:
  """Share of the images whose model was classified correctly, whatever the device."""
  return float((found.answers["model"] == found.answers["predicted_model"]).mean())


def within(found: Classification, resamples: int, seed: int) -> Within:
  """The answers have the columns of `with_models`."""
  answers = found.answers
  own = answers[(answers["model"] == answers["predicted_model"]) & (answers["of_model"] > 1)]
  if own.empty:
    return Within(0, 0, np.nan, np.nan, np.nan, np.nan)
  right = own["truth"] == own["predicted"]
  sums = right.groupby(own["device"]).agg(["sum", "count"]).to_numpy()
  drawn = sums[np.random.default_rng(seed).integers(len(sums), size=(resamples, len(sums)))].sum(1)
  low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
  chance = float((1 / own["of_model"]).mean())
  return Within(len(own), len(sums), float(right.mean()), float(low), float(high), chance)
