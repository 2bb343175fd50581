import csv
import io

import numpy as np
import pandas as pd
import pytest

from fsim.metrics import likelihood_ratio_intervals as intervals
from fsim.metrics import likelihood_ratios as ratios
from fsim.metrics import lir_export, scores
from fsim.report import likelihood_ratio_figures as figures


def table(per_device=4, spread=0.8):
  """Four devices of three models, with ratios that are right on the whole."""
  devices = np.repeat(["a_0", "a_1", "b_0", "c_0"], per_device)
  same = devices[:, None] == devices
  logits = np.random.RandomState(0).normal(size=same.shape) * spread + np.where(same, 1, -1)
  images = pd.DataFrame({"file": [f"{d}_{k}.JPG" for k, d in enumerate(devices)], "device": devices})
  pairs = scores.pair_table(images.assign(model=[d[0] for d in devices]), logits)
  return pairs.assign(log10_lr=pairs["logit"])


@pytest.fixture(scope="module")
def lines():
  return intervals.measures(table(), resamples=40, seed=0)


def test_lines_are_those_of_the_rates(lines):
  assert [line.subset for line in lines] == ["all pairs", "same model", "different models"]
  assert [(line.devices, line.same, line.different) for line in lines] == [(4, 24, 96), (2, 12, 16), (4, 24, 80)]


def test_values_are_of_the_pairs_and_intervals_hold_them(lines):
  pairs = table()
  whole = ratios.summary(pairs["log10_lr"].to_numpy(), (pairs["truth"] == scores.SAME_DEVICE).to_numpy())
  assert lines[0].values == pytest.approx(whole)
  low, high = lines[0].intervals["cllr"]
  assert low < whole["cllr"] < high


def test_intervals_are_reproducible_and_of_the_seed(lines):
  again, other = (intervals.measures(table(), resamples=40, seed=seed)[0].intervals["cllr"] for seed in (0, 1))
  assert again == lines[0].intervals["cllr"] != other


def test_curves_agree_with_the_numbers(lines):
  line = lines[0]
  even = np.flatnonzero(intervals.LOG10_PRIOR_ODDS == 0)[0]
  for name, curve in (("cllr", "ece"), ("cllr_min", "ece_pav")):
    band = line.curves[curve]
    assert band.value[even] == pytest.approx(line.values[name])
    assert (band.low[even], band.high[even]) == pytest.approx(line.intervals[name])
  assert line.curves["miss"].value[-1] == 0
  for band in line.curves.values():
    assert (band.low <= band.high).all()


def test_without_draws_there_are_values_and_no_intervals():
  line = intervals.measures(table(), resamples=0, seed=0)[0]
  assert np.isfinite(line.values["cllr"])
  assert np.isnan(line.intervals["cllr"]).all()
  assert np.isnan(line.curves["ece"].low).all()


def test_infinite_ratios_give_infinite_bounds_not_none():
  pairs = table()
  pairs.loc[(pairs["truth"] == scores.OTHER_MODEL).idxmax(), "log10_lr"] = np.inf
  line = intervals.measures(pairs, resamples=40, seed=0)[0]
  assert line.values["cllr"] == np.inf
  assert np.isfinite(line.intervals["cllr"][0])  # A draw without the device does not know of it.
  assert line.intervals["cllr"][1] == np.inf
  assert figures.ece(line)


def test_a_table_for_lir_holds_every_pair_with_all_digits():
  pairs = table(2)
  pairs.loc[0, "log10_lr"], pairs.loc[1, "log10_lr"] = np.inf, -1 / 3
  pairs.loc[2, "device_a"] = "=1+1"
  names, *rows = csv.reader(io.StringIO(lir_export.csv(pairs).decode()))
  assert names == ["source_a", "source_b", "hypothesis", "instance", "llr"]
  source_a, _, hypothesis, instance, llr = zip(*rows, strict=True)
  assert list(map(float, llr)) == pairs["log10_lr"].tolist()
  assert list(map(int, hypothesis)) == (pairs["truth"] == scores.SAME_DEVICE).tolist()
  assert len(set(instance)) == len(pairs)
  assert source_a[2] == "'=1+1"  # No spreadsheet computes it.


def test_pairs_count_by_their_weight():
  pairs = table()
  twice = pd.concat([pairs, pairs[pairs["device_a"] == "a_0"]], ignore_index=True)
  weighted = pairs.assign(weight=1.0 + (pairs["device_a"] == "a_0"))
  for one, other in zip(*(intervals.measures(x, resamples=0, seed=0) for x in (twice, weighted)), strict=True):
    assert one.values == pytest.approx(other.values)


def test_an_estimate_is_of_what_the_weights_make():
  pairs = table()
  same = (pairs["truth"] == scores.SAME_DEVICE).to_numpy()
  found = intervals.estimates(pairs, same, lambda w: {"share": float(w[same].sum() / w.sum())}, resamples=40, seed=0)
  assert found["share"].value == pytest.approx(same.mean())
  assert found["share"].low <= same.mean() < found["share"].high
  never = intervals.estimates(pairs, same, lambda w: {"x": float("nan")}, resamples=5, seed=0)["x"]
  assert np.isnan(never).all()


@pytest.mark.parametrize("figure", [figures.tippett, figures.det, figures.ece, figures.pav])
def test_figures_are_drawn_of_any_line(figure, lines):
  parted = intervals.measures(table(spread=0.01), resamples=5, seed=0)[0]
  assert np.isnan(parted.values["devpav"])
  for line in (lines[0], parted, lines[1]._replace(subset="$x$")):
    drawn = figure(line)
    assert drawn.startswith("<svg")
    assert "var(--given)" in drawn or "var(--same)" in drawn  # Colours are those of the page.


def test_strata_are_drawn_by_their_names():
  estimate = intervals.Estimate(0.4, 0.3, 1.5)
  drawn = figures.strata([("2 references", estimate, estimate), ("dark", estimate._replace(high=np.nan), estimate)])
  assert ">2 references<" in drawn
  assert ">dark<" in drawn
