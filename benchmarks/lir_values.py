"""What lir 1.8 of the Netherlands Forensic Institute makes of likelihood ratios: fsim.metrics is held to it.

lir needs Python 3.12 and an environment of its own, without fsim:

  python3.12 -m venv LIR && LIR/bin/pip install "lir==1.8.*"
  LIR/bin/python -m benchmarks.lir_values > tests/lir_values.jsonl
  LIR/bin/python -m benchmarks.lir_values PAIRS.csv

Without a file the ratios are those of `cases`, which tests/test_likelihood_ratios.py draws again; with one they are
read from a table that fsim.metrics.lir_export wrote, by lir's own reader. Prints a line of JSON a case; infinite values
as Python writes them.
"""

import argparse
import json
from importlib.metadata import version

import numpy as np

LOG10_PRIOR_ODDS = np.array([-3, -1, 0, 0.5, 2])
PLACES = np.linspace(-2.5, 2.5, 9)  # Where the PAV transform is asked between ratios.
EVERY = 11  # Of the hundred points that lir draws of a Tippett plot, each so-manieth is kept.


def cases() -> dict[str, tuple[np.ndarray, np.ndarray]]:
  """Logarithms to base 10 and truths; RandomState draws the same numbers in every version of NumPy."""
  random = np.random.RandomState(7)
  same = np.arange(400) < 120
  calibrated = np.where(same, 0.8, -0.8) + 0.85 * random.normal(size=400)  # About: variance 2 ln(10) x mean.
  infinite, misleading = calibrated.copy(), calibrated.copy()
  infinite[(calibrated > 1.9) & same], infinite[(calibrated < -1.9) & ~same] = np.inf, -np.inf
  misleading[0], misleading[200] = -np.inf, np.inf
  return {
    "calibrated": (calibrated, same),
    "overconfident": (2.5 * calibrated, same),
    "timid and shifted": (0.3 * calibrated + 0.7, same),
    "with ties": (np.round(2 * calibrated) / 2, same),
    "without information": (random.normal(size=400), same),
    "infinite": (infinite, same),
    "infinitely misleading": (misleading, same),
    "one wrong below": (np.array([-np.inf, -1, 0.5, 1, 2]), np.array([True, False, False, True, True])),
    "one wrong above": (np.array([-2, -1, 0.5, 1, np.inf]), np.array([False, False, True, True, False])),
    "wrong at both ends": (np.array([-np.inf, -np.inf, -1, 1, 2]), np.array([True, False, False, True, False])),
    "parted": (np.where(same, 1, -1) * (0.1 + abs(calibrated)), same),
    "one finite": (np.array([-1, 0.25, 0.25, 2]), np.array([False, True, False, True])),
    "all alike": (np.full(4, 0.75), np.array([False, True, False, True])),
  }


def values(log10_lr: np.ndarray, same: np.ndarray) -> dict:
  """All measures that lir has."""
  from lir import metrics
  from lir.algorithms.devpav import devpav
  from lir.algorithms.isotonic_regression import IsotonicCalibrator
  from lir.data.models import LLRData
  from lir.plotting.expected_calibration_error import calculate_ece
  from lir.util import logodds_to_odds, logodds_to_probability

  of = lambda ratios: LLRData(features=ratios.reshape(-1, 1), hypothesis=same.astype(int))  # noqa: E731
  pav = IsotonicCalibrator().fit(of(log10_lr))
  priors = logodds_to_probability(LOG10_PRIOR_ODDS)
  ece = lambda ratios: calculate_ece(logodds_to_odds(ratios), same.astype(int), priors).tolist()  # noqa: E731
  with np.errstate(all="ignore"):
    return {
      "cllr": metrics.cllr(of(log10_lr)),
      "cllr_min": metrics.cllr_min(of(log10_lr)),
      "cllr_cal": metrics.cllr_cal(of(log10_lr)),
      "devpav": float(devpav(of(log10_lr))),
      "pav": pav.apply(of(log10_lr)).llrs[:: max(1, len(same) // 20)].tolist(),
      "pav_between": pav.apply(LLRData(features=PLACES.reshape(-1, 1))).llrs.tolist(),
      "ece": ece(log10_lr),
      "ece_pav": ece(pav.apply(of(log10_lr)).llrs),
      "ece_neutral": ece(np.zeros(len(same))),
      "tippett": tippett(of(log10_lr)),
    }


def tippett(ratios) -> dict[str, list[float]]:
  """As lir draws it: places, and shares of pairs of one device and of two, in percent."""
  from lir import plotting
  from matplotlib.figure import Figure

  axes = Figure().subplots()
  plotting.tippett(axes, ratios)
  same, different = axes.lines[:2]
  at, same, different = (line[::EVERY] for line in (same.get_xdata(), same.get_ydata(), different.get_ydata()))
  return {"at": at.tolist(), "same": same.tolist(), "different": different.tolist()}


def read(file: str) -> tuple[np.ndarray, np.ndarray]:
  from lir.datasets.feature_data_csv import FeatureDataCsvParser

  columns = {"source_id_column": ["source_a", "source_b"], "hypothesis_column": "hypothesis"}
  rows = FeatureDataCsvParser(file, **columns, instance_id_column="instance", feature_columns=["llr"]).get_instances()
  assert rows.source_ids.shape == (len(rows), 2)
  return rows.features[:, 0], rows.hypothesis == 1


def main():
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("file", nargs="?")
  file = parser.parse_args().file
  for name, case in ({file: read(file)} if file else cases()).items():
    print(json.dumps({"lir": version("lir"), "case": name, **values(*case)}))


if __name__ == "__main__":
  main()
