"""Tables of scores -> trials and truths -> a calibration with its card.

Shapes: n comparisons, d devices.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

import fsim
from fsim.evidence import fitting, lines
from fsim.evidence.calibration import HYPOTHESES, Calibration, Trials
from fsim.evidence.collecting import Scores
from fsim.evidence.expected import References
from fsim.evidence.fitting import Truths
from fsim.evidence.quality import NAMES
from fsim.evidence.saved import RATIOS
from fsim.metrics import likelihood_ratios
from fsim.metrics.scores import OTHER_MODEL, SAME_DEVICE, SAME_MODEL

FOLDS = 5
LIMITS = (
  "It holds for photographs as those it learned from: single exposures saved by the camera, cut or saved again.",
  "A ratio near its lower bound does not exclude a camera: some leave no sensor noise in their files.",
  "Bounds rest on the devices and pairs of devices that are counted, and are not extrapolated.",
)


class Data(NamedTuple):
  """devices: their names, by the numbers in `truths`; models: numbers of theirs, in that order."""

  trials: Trials
  truths: Truths
  devices: list[str]
  models: Int[np.ndarray, " d"]


class Learned(NamedTuple):
  """log10: ratios of devices left out, by hypothesis; NaN for those of others."""

  calibration: Calibration
  data: Data
  log10: dict[str, Float[np.ndarray, " n"]]


def data_of(scores: Scores) -> Data:
  """Of the tables of `collecting`; a column `similarity` of the comparisons is taken if there is one."""
  photographs, candidates, comparisons = scores
  both = pd.concat([photographs[["device", "model"]], candidates[["device", "model"]]]).drop_duplicates("device")
  both = both.sort_values("device")
  devices = both["device"].tolist()
  models = np.unique(both["model"], return_inverse=True)[1]
  number = {device: k for k, device in enumerate(devices)}
  asked = photographs["device"].map(number).to_numpy()[comparisons["questioned"]]
  held = candidates["device"].map(number).to_numpy()[comparisons["candidate"]]
  truth = np.where(asked == held, SAME_DEVICE, np.where(models[asked] == models[held], SAME_MODEL, OTHER_MODEL))
  features = photographs[list(NAMES)].to_numpy(np.float64)
  references = [
    References(features[list(row.references)], int(row.square)) for row in candidates.itertuples(index=False)
  ]
  n = len(comparisons)
  trials = Trials(
    z=comparisons["z"].to_numpy(np.float64),
    n_looks=np.ones(n),
    pixels=comparisons["pixels"].to_numpy(np.float64),
    questioned=features[comparisons["questioned"]],
    references=references,
    which=comparisons["candidate"].to_numpy(),
    agreement=candidates["agreement"].to_numpy(np.float64)[comparisons["candidate"]],
    similarity=comparisons["similarity"].to_numpy() if "similarity" in comparisons else np.full(n, np.nan),
  )
  return Data(trials, Truths(truth, asked, held, np.ones(n)), devices, models)


def learn(data: Data, name: str, command: str, sources: Sequence[str], similarity: str = "") -> Learned:
  """Raises UserError for too few devices. similarity: SHA-256 of the weights whose log-odds may be in the trials."""
  fitting.require(data.truths)
  log10 = fitting.left_out(data.trials, data.truths, data.models, min(FOLDS, int(data.models.max()) + 1))
  made = fitting.fit(data.trials, data.truths, {})
  truths, numbers = np.unique(data.truths.hypothesis, return_counts=True)
  counts = {"devices": len(data.devices), "models": int(data.models.max()) + 1}
  counts |= {f"comparisons, {truth}": int(n) for truth, n in zip(truths, numbers, strict=True)}
  figures = {what: value for h in HYPOTHESES for what, value in measured(log10[h], data.truths, h).items()}
  card: dict[str, Any] = {
    "name": name,
    "command": command,
    "fsim": fsim.__version__,
    "data": list(sources),
    "counts": counts,
    "figures": figures | dependence(data),
    "limits": list(LIMITS),
    "similarity": similarity if made.fused else "",
    "left_out": {h: _thinned(log10[h], data.truths, h) for h in made.lines},
  }
  return Learned(made._replace(card=card), data, log10)


def pairs(scores: Scores, learned: Learned) -> pd.DataFrame:
  """Ratios of devices left out, H1 against another model, as `fsim.metrics.lir_export` takes them."""
  photographs, candidates, comparisons = scores
  asked = photographs.loc[comparisons["questioned"]].reset_index(drop=True)
  held = candidates.loc[comparisons["candidate"]].reset_index(drop=True)
  changes = zip(asked["side"], asked["quality"], strict=True)
  told = [f" side {side}, quality {quality}" * bool(side or quality) for side, quality in changes]
  table = pd.DataFrame(
    {
      "file_a": asked["file"] + told,
      "device_a": asked["device"],
      "file_b": [f"{len(rows)} of {device}" for rows, device in zip(held["references"], held["device"], strict=True)],
      "device_b": held["device"],
      "truth": learned.data.truths.hypothesis,
      "log10_lr": learned.log10[OTHER_MODEL],
    }
  )
  return table[table["truth"].isin((SAME_DEVICE, OTHER_MODEL)) & table["log10_lr"].notna()]


def measured(log10: Float[np.ndarray, " n"], truths: Truths, hypothesis: str) -> dict[str, float]:
  """Cllr, its minimum, what calibration costs, the largest ratio of two devices; nothing where there is no ratio."""
  known = ~np.isnan(log10) & np.isin(truths.hypothesis, (SAME_DEVICE, hypothesis))
  same = truths.hypothesis[known] == SAME_DEVICE
  if same.all() or not same.any():
    return {}
  values, weights = log10[known], truths.some(known).weights()
  found = {
    "Cllr": likelihood_ratios.cllr(values, same, weights),
    "Cllr_min": likelihood_ratios.cllr_min(values, same, weights),
    "Cllr_cal": likelihood_ratios.cllr_cal(values, same, weights),
    "largest log10 ratio of two devices": float(values[~same].max()),
    "comparisons of two devices above 100": float((values[~same] > 2).sum()),
  }
  return {f"{name}, against {hypothesis}": value for name, value in found.items()}


def dependence(data: Data) -> dict[str, float]:
  """Of z and the similarity, given each hypothesis that is fused."""
  has = ~np.isnan(data.trials.similarity)
  if not has.any():
    return {}
  found = {}
  for truth in (SAME_DEVICE, OTHER_MODEL):
    value, p = lines.dependence(data.trials.z[has], data.trials.similarity[has], data.truths.some(has), truth)
    if not np.isnan(value):
      found |= {f"Spearman of noise and similarity, {truth}": value, f"its p if independent, {truth}": p}
  return found


def _thinned(log10: Float[np.ndarray, " n"], truths: Truths, hypothesis: str) -> dict[str, list[float]]:
  """Sorted; of many, quantiles."""
  sides = {}
  for side, truth in (("same", SAME_DEVICE), ("different", hypothesis)):
    values = np.sort(log10[(truths.hypothesis == truth) & ~np.isnan(log10)])
    if len(values) > RATIOS:
      values = np.quantile(values, np.linspace(0, 1, RATIOS))
    sides[side] = [round(float(value), 4) for value in values]
  return sides
