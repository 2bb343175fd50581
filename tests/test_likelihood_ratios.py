"""Measures of likelihood ratios: equal to those of lir (tests/lir_values.jsonl), and what they mean."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import lir_values
from fsim.boundary.errors import UserError
from fsim.metrics import likelihood_ratios as measures
from fsim.metrics.scores import sigmoid

CASES = lir_values.cases()
LIR = [json.loads(line) for line in (Path(__file__).parent / "lir_values.jsonl").read_text().splitlines()]
INFINITE = float("inf")


def close(value):
  return pytest.approx(value, abs=1e-9, rel=1e-9, nan_ok=True)


def drawn(most=40):
  """Ratios with both hypotheses, ties and infinite ones that point the right way, and how often each counts."""
  ratio = st.one_of(st.integers(-3, 3).map(float), st.floats(-3, 3, allow_subnormal=False))
  pair = st.tuples(st.one_of(ratio, st.just(INFINITE)), st.integers(1, 3))
  sides = st.tuples(st.lists(pair, min_size=1, max_size=most), st.lists(pair, min_size=1, max_size=most))
  return sides.map(_arrays)


def _arrays(sides):
  (same, different) = sides
  ratios = [ratio for ratio, _ in same] + [-ratio for ratio, _ in different]
  return np.array(ratios), np.arange(len(ratios)) < len(same), np.array([float(n) for _, n in same + different])


def test_every_case_was_put_to_lir():
  assert [values["case"] for values in LIR] == list(CASES)
  assert {values["lir"] for values in LIR} == {"1.8.0"}


@pytest.mark.parametrize("lir", LIR, ids=lambda values: values["case"])
@pytest.mark.parametrize("name", ["cllr", "cllr_min", "cllr_cal", "devpav"])
def test_numbers_equal_lirs(lir, name):
  if lir["case"] == "wrong at both ends" and name == "devpav":
    assert np.isnan(lir["devpav"])  # It is infinite for the same ratios with the hypotheses exchanged.
    assert measures.devpav(*CASES[lir["case"]]) == INFINITE
    return
  assert measures.summary(*CASES[lir["case"]])[name] == close(lir[name])
  assert getattr(measures, name)(*CASES[lir["case"]]) == close(lir[name])


@pytest.mark.parametrize("lir", LIR, ids=lambda values: values["case"])
def test_curves_equal_lirs(lir):
  log10_lr, same = CASES[lir["case"]]
  pav, fitted = measures.pav(log10_lr, same), measures.fit_pav(log10_lr, same)
  assert pav[:: max(1, len(same) // 20)] == close(lir["pav"])
  assert measures.apply_pav(fitted, lir_values.PLACES) == close(lir["pav_between"])
  assert measures.ece(log10_lr, same, lir_values.LOG10_PRIOR_ODDS) == close(lir["ece"])
  assert measures.ece(pav, same, lir_values.LOG10_PRIOR_ODDS) == close(lir["ece_pav"])
  assert measures.neutral_ece(lir_values.LOG10_PRIOR_ODDS) == close(lir["ece_neutral"])
  tippett = measures.tippett(log10_lr, same, np.array(lir["tippett"]["at"]))
  assert 100 * tippett.same == close(lir["tippett"]["same"])
  assert 100 * tippett.different == close(lir["tippett"]["different"])


@given(drawn())
def test_a_ratio_of_one_costs_one_bit(case):
  _, same, weight = case
  assert measures.cllr(np.zeros(len(same)), same, weight) == pytest.approx(1)
  assert measures.cllr_cal(np.zeros(len(same)), same, weight) == pytest.approx(0, abs=1e-12)


@given(drawn())
def test_no_calibration_costs_less_than_the_best_one(case):
  best = measures.cllr_min(*case)
  assert 0 <= best <= 1 + 1e-12
  assert best <= measures.cllr(*case) + 1e-12


@given(drawn(), st.floats(-2, 2), st.floats(0.1, 5))
def test_shifts_and_scales_leave_discrimination(case, shift, scale):
  log10_lr, same, weight = case
  log10_lr = np.round(log10_lr, 3)  # So that what differs still differs afterwards.
  moved = scale * log10_lr + shift
  for measure in (measures.cllr_min, measures.eer):
    assert measure(moved, same, weight) == pytest.approx(measure(log10_lr, same, weight), abs=1e-9)


@given(drawn())
def test_what_pav_calibrated_it_leaves_alone(case):
  log10_lr, same, weight = case
  calibrated = measures.pav(log10_lr, same, weight)
  np.testing.assert_allclose(measures.pav(calibrated, same, weight), calibrated, atol=1e-9)
  assert measures.cllr_cal(calibrated, same, weight) == pytest.approx(0, abs=1e-9)
  order = np.lexsort((calibrated, log10_lr))
  assert (calibrated[order][1:] >= calibrated[order][:-1] - 1e-9).all()


@given(drawn())
def test_to_count_twice_is_to_be_there_twice(case):
  log10_lr, same, weight = case
  often = weight.astype(int)
  repeated = measures.summary(np.repeat(log10_lr, often), np.repeat(same, often))
  assert measures.summary(log10_lr, same, weight) == pytest.approx(repeated, abs=1e-9, nan_ok=True)
  at = np.linspace(-3, 3, 7)
  for curve in (measures.tippett, measures.ece):
    once = curve(log10_lr, same, at, weight)
    np.testing.assert_allclose(once, curve(np.repeat(log10_lr, often), np.repeat(same, often), at), atol=1e-9)


@given(drawn())
def test_pairs_that_do_not_count_change_nothing(case):
  log10_lr, same, weight = case
  with_more = (np.append(log10_lr, (-INFINITE, INFINITE)), np.append(same, (True, False)), np.append(weight, (0, 0)))
  assert measures.summary(*with_more) == pytest.approx(measures.summary(*case), abs=1e-9, nan_ok=True)


@given(drawn())
def test_entropy_at_even_odds_is_the_cost(case):
  log10_lr, same, weight = case
  assert measures.ece(log10_lr, same, np.zeros(1), weight)[0] == pytest.approx(measures.cllr(*case), abs=1e-12)


@given(drawn())
def test_hypotheses_exchanged_exchange_the_errors(case):
  log10_lr, same, weight = case
  for measure in (measures.cllr, measures.cllr_min, measures.devpav, measures.eer):
    mirrored = measure(-log10_lr, ~same, weight)
    assert mirrored == pytest.approx(measure(log10_lr, same, weight), abs=1e-9, nan_ok=True)
  there, back = measures.misleading(log10_lr, same, weight), measures.misleading(-log10_lr, ~same, weight)
  assert list(there.values()) == pytest.approx([*list(back.values())[3:], *list(back.values())[:3]])


def test_calibrated_ratios_of_two_normals_need_no_calibration():
  """Natural logarithms with means of +-d/2 and a variance of d are ratios of their own distributions."""
  random, d = np.random.RandomState(0), 6.0
  same = np.arange(40000) < 20000
  log10_lr = (np.where(same, d / 2, -d / 2) + np.sqrt(d) * random.normal(size=40000)) / np.log(10)
  assert measures.cllr_cal(log10_lr, same) < 0.01
  assert measures.devpav(log10_lr, same) < 0.12
  assert measures.devpav(log10_lr + 0.5, same) == pytest.approx(0.5, abs=0.12)
  assert measures.cllr_cal(3 * log10_lr, same) > 0.2
  posterior = sigmoid(log10_lr * np.log(10))
  assert posterior[(posterior > 0.6) & (posterior < 0.8)].mean() == pytest.approx(
    same[(posterior > 0.6) & (posterior < 0.8)].mean(), abs=0.02
  )


def test_misleading_evidence_is_counted_beyond_its_bounds():
  same = np.array([True] * 5 + [False] * 4)
  log10_lr = np.array([0.5, 0, -0.1, -1.5, -INFINITE, 2, 2.1, 0, -3])
  assert measures.misleading(log10_lr, same) == pytest.approx(
    {
      "different_above_1": 2 / 4,
      "different_above_10": 2 / 4,
      "different_above_100": 1 / 4,  # A ratio of 100 is not above 100.
      "same_below_1": 3 / 5,
      "same_below_0.1": 2 / 5,
      "same_below_0.01": 1 / 5,
    }
  )


def test_detection_errors_trade_off():
  same = np.array([True] * 4 + [False] * 4)
  log10_lr = np.array([9, 8, 7, 2, 6, 3, 1, 0.0])
  curve = measures.det(log10_lr, same)
  assert list(zip(curve.false_alarm, curve.miss, strict=True))[::3] == [(0, 1), (0, 0.25), (0.5, 0.0)]
  assert measures.eer(log10_lr, same) == 0.25
  assert (np.diff(curve.false_alarm) >= 0).all()
  assert (np.diff(curve.miss) <= 0).all()


def test_huge_ratios_cost_what_their_logarithm_says():
  """lir is infinite here, because it computes with the ratios themselves."""
  log10_lr, same = np.array([-400.0, 400.0]), np.array([True, False])
  assert measures.cllr(log10_lr, same) == pytest.approx(400 * np.log2(10))
  assert measures.ece(log10_lr, same, np.array([2.0]))[0] == pytest.approx((398 * 100 + 402) * np.log2(10) / 101)


def test_single_precision_is_computed_in_double():
  log10_lr, same = CASES["calibrated"]
  single = measures.summary(log10_lr.astype(np.float32), same)
  assert single == measures.summary(log10_lr.astype(np.float32).astype(float), same)


def test_measures_need_both_hypotheses_and_numbers():
  with pytest.raises(UserError, match="pairs of one device and pairs of two"):
    measures.cllr(np.zeros(3), np.ones(3, bool))
  with pytest.raises(UserError, match="pairs of one device and pairs of two"):
    measures.tippett(np.zeros(3), np.array([True, True, False]), np.zeros(1), np.array([1.0, 1.0, 0.0]))
  with pytest.raises(UserError, match="not a number: 1 of 3"):
    measures.devpav(np.array([0, np.nan, 1]), np.array([True, True, False]))
