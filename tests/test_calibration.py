import numpy as np
import pytest

from fsim.boundary.errors import UserError
from fsim.evidence import calibration, fitting
from fsim.evidence.expected import References, Spread, Tail
from fsim.evidence.fitting import Truths
from fsim.evidence.quality import NAMES
from fsim.metrics.scores import OTHER_MODEL, SAME_DEVICE, SAME_MODEL
from tests import synthetic_trials


@pytest.fixture(scope="module")
def data():
  return synthetic_trials.made()


@pytest.fixture(scope="module")
def made(data):
  trials, truths, _ = data
  return fitting.fit(trials, truths, {})


def log10(made, trials, hypothesis=OTHER_MODEL):
  return np.array([ratio.log10 for ratio in calibration.ratios(made, trials, hypothesis)])


def one(trials, **changed):
  """The first trial, with something else; as many as there are values."""
  count = max(len(value) for value in changed.values())
  return trials.some(np.zeros(count, int))._replace(**{name: np.asarray(v, float) for name, v in changed.items()})


def test_ratios_tell_devices_apart_and_mean_what_they_say(data, made):
  trials, truths, _ = data
  found, same = log10(made, trials), truths.hypothesis == SAME_DEVICE
  assert np.median(found[same]) > 1 > 0 > np.median(found[~same])
  # A calibrated ratio of L or more is 1/L as frequent, or less, where the hypothesis is wrong.
  for limit in (1, 2):
    assert (found[~same] >= limit).mean() <= 10.0**-limit


def test_a_ratio_never_falls_as_z_rises(data, made):
  for first in (0, 7, 40):
    trials = one(data[0].some(np.array([first])), z=np.linspace(-8, 500, 3000))
    for hypothesis in (SAME_MODEL, OTHER_MODEL):
      assert (np.diff(log10(made, trials, hypothesis)) >= 0).all()


def test_a_ratio_stays_within_what_the_devices_support(data, made):
  trials = one(data[0], z=[-1e6, -5, 0, 5, 1e6])
  for hypothesis, line in made.lines.items():
    found = calibration.ratios(made, trials, hypothesis)
    assert all(ratio.low <= ratio.log10 <= ratio.high for ratio in found)
    assert found[-1].at_bound
    assert found[-1].log10 == pytest.approx(line.high / np.log(10))


def test_no_match_says_little(data, made):
  """Where z is 0 the ratio is no smaller than the share of cameras whose noise is gone allows."""
  trials = one(data[0], z=[-3.0])
  assert calibration.raw(made, trials, OTHER_MODEL)[0] >= np.log(made.spread.gone) - 1e-9


def test_a_search_is_paid_for(data, made):
  """The same z of one look, reached by a search: less could be expected, and more would be missed."""
  trials = one(data[0], n_looks=[1, 10, 100])
  missed = calibration.missed(made, trials, OTHER_MODEL)
  assert missed[0] < missed[1] < missed[2]
  expected = calibration.expected_z(made, trials)
  assert expected[0] > expected[1] > expected[2]


def test_references_in_any_order_give_the_same(data, made):
  trials = data[0]
  turned = [References(one.features[::-1], one.square) for one in trials.references]
  assert np.allclose(log10(made, trials), log10(made, trials._replace(references=turned)))


def test_better_photographs_are_missed_less(data, made):
  trials = one(data[0], z=[0.0, 0.0])
  low, high = made.predictor.low, made.predictor.high
  trials = trials._replace(questioned=np.stack([np.where(np.arange(len(low)) == 0, x, 0) for x in (low, high)]))
  poor, good = calibration.missed(made, trials, OTHER_MODEL)
  assert 1 >= poor > good >= made.spread.gone * 0.4


def test_missed_is_about_what_is_missed(data, made):
  trials, truths, _ = data
  own = trials.some(truths.hypothesis == SAME_DEVICE)
  found = calibration.missed(made, own, OTHER_MODEL).mean()
  assert found == pytest.approx((log10(made, own) <= 0).mean(), abs=0.08)


def test_references_that_agree_are_of_a_camera_whose_noise_is_left(data, made):
  """And those that should and do not are of one whose noise is gone: then a z of 0 says nothing."""
  trials = one(data[0], agreement=[np.nan, 40.0, 0.0])
  best = References(np.tile(made.predictor.high, (5, 1)), 1_000_000)
  trials = trials._replace(references=[best], which=np.zeros(3, int), z=np.zeros(3))
  unknown, agreeing, silent = calibration.raw(made, trials, OTHER_MODEL)
  assert agreeing < unknown < silent <= 0.1


def test_what_is_beyond_the_data_is_held_at_their_edge_and_named(data, made):
  trials = one(data[0], pixels=[4e5, 4e5])
  edge, beyond = made.predictor.high, made.predictor.high + 9
  trials = trials._replace(questioned=np.stack([edge, beyond]))
  assert np.ptp(log10(made, trials)) == 0
  assert made.predictor.outside(edge, 400_000) == []
  assert made.predictor.outside(beyond, 10**9)[-1] == "pixels"
  assert len(made.predictor.outside(beyond, 10**9)) == len(NAMES) + 1


def test_an_unknown_hypothesis_has_no_ratio(data, made):
  lines = {OTHER_MODEL: made.lines[OTHER_MODEL]}
  assert calibration.ratios(made._replace(lines=lines), data[0].some(np.arange(2)), SAME_MODEL) == [None, None]


def test_a_photograph_without_noise_says_little_of_a_camera_that_has_it(data, made):
  trials, truths, _ = data
  own = np.flatnonzero(truths.hypothesis == SAME_DEVICE)[0]
  trial = one(trials.some(np.array([own])), z=[0.0], agreement=[50.0])
  assert calibration.raw(made, trial, OTHER_MODEL)[0] >= np.log(made.spread.lost) - 1e-9


def test_the_similarity_counts_against_another_model_alone():
  trials, truths, _ = synthetic_trials.made(similarity=True)
  made = fitting.fit(trials, truths, {})
  assert made.fused is not None
  assert made.fused.similarity > 0.3
  pair = one(trials, similarity=[-3.0, 3.0], z=[2.0, 2.0])
  assert np.diff(log10(made, pair, OTHER_MODEL)) > 0
  assert np.diff(log10(made, pair, SAME_MODEL)) == 0
  without = pair._replace(similarity=np.full(2, np.nan))
  assert np.allclose(log10(made, without), log10(made._replace(fused=None), pair))


def test_a_tail_is_no_lighter_than_what_was_seen(data):
  trials, truths, _ = data
  strange = trials.z.copy()
  where = np.flatnonzero(truths.hypothesis == OTHER_MODEL)[:3]
  strange[where] = 9.0
  plain = fitting.fit_tail(trials, truths, OTHER_MODEL)
  seen = fitting.fit_tail(trials._replace(z=strange), truths, OTHER_MODEL)
  assert isinstance(plain, Tail)
  assert seen.log_density(np.array([9.0])) > plain.log_density(np.array([9.0])) + 3
  assert 3 / len(trials.z) < 30 * (1 - seen.share_below(np.array([8.9])))


@pytest.mark.parametrize("devices", [1, 5])
def test_too_few_devices_are_refused(data, devices):
  truths = data[1]
  few = (truths.candidate < devices) & (truths.questioned < devices)
  with pytest.raises(UserError, match=f"at least {fitting.MIN_DEVICES} devices"):
    fitting.require(truths.some(few))


def test_devices_of_one_model_alone_are_refused(data):
  truths = data[1]
  own = truths.hypothesis != OTHER_MODEL
  with pytest.raises(UserError, match="two models"):
    fitting.require(truths.some(own))


def test_devices_weigh_alike():
  truths = Truths(
    np.array([SAME_DEVICE] * 4 + [OTHER_MODEL] * 3),
    np.array([0, 0, 0, 1, 0, 1, 2]),
    np.array([0, 0, 0, 1, 1, 0, 0]),
    np.ones(7),
  )
  assert truths.weights().tolist() == pytest.approx([1 / 6] * 3 + [1 / 2] + [1 / 4] * 2 + [1 / 2])


def test_a_device_that_counts_more_weighs_more(data):
  trials, truths, _ = data
  own = truths.candidate == truths.candidate[0]
  weights = truths._replace(times=np.where(own, 5.0, 1.0)).weights()
  same = truths.hypothesis == SAME_DEVICE
  devices = len(np.unique(truths.candidate[same]))
  assert weights[own & same].sum() == pytest.approx(5 / (devices + 4))
  strange = trials._replace(z=np.where(own & same, 0.0, trials.z))
  gone = [
    fitting.fit(strange, truths._replace(times=np.where(own, times, 1.0)), {}).spread.gone for times in (1.0, 20.0)
  ]
  assert gone[1] > gone[0] + 0.02


def test_devices_left_out_have_not_been_seen(data, made, monkeypatch):
  trials, truths, models = data
  seen = []
  monkeypatch.setattr(fitting, "fit", lambda trials, truths, card: seen.append(truths) or made)
  found = fitting.left_out(trials, truths, models, 2)
  assert len(seen) == 2
  for fold, known in enumerate(seen):
    assert not (models[np.unique(np.append(known.questioned, known.candidate))] % 2 == fold).any()
  assert not np.isnan(found[OTHER_MODEL][truths.hypothesis == OTHER_MODEL]).any()
  assert np.isnan(found[OTHER_MODEL][truths.hypothesis == SAME_MODEL]).all()


def test_most_of_the_truth_is_found_again(made):
  assert isinstance(made.spread, Spread)
  assert made.spread.gone == pytest.approx(0.1, abs=0.08)
  assert made.predictor.slopes[0] / made.predictor.scale[0] == pytest.approx(1, abs=0.3)
  assert np.abs(made.predictor.slopes[1:]).max() < 0.2
