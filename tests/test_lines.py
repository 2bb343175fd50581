"""Devices and pairs of devices: what a calibration may say, and how it is bounded."""

import numpy as np
import pytest

from fsim.evidence import lines
from fsim.evidence.fitting import Truths
from fsim.metrics.scores import OTHER_MODEL, SAME_DEVICE


def normal(devices: int, shift: float = 2.0, seed: int = 0) -> tuple[np.ndarray, Truths]:
  """Log ratios that are what they say: normal, with the variance of a calibrated pair."""
  rng = np.random.default_rng(seed)
  pairs = [(a, b) for a in range(devices) for b in range(a)]
  same = rng.normal(shift, np.sqrt(2 * shift), devices)
  other = rng.normal(-shift, np.sqrt(2 * shift), len(pairs))
  truth = np.repeat([SAME_DEVICE, OTHER_MODEL], [devices, len(pairs)])
  first = np.array([*range(devices), *(a for a, _ in pairs)])
  second = np.array([*range(devices), *(b for _, b in pairs)])
  return np.concatenate([same, other]), Truths(truth, first, second, np.ones(len(truth)))


def test_what_is_calibrated_stays_as_it_is():
  raw, truths = normal(150)
  line = lines.fit(raw, None, truths)
  assert line.slope == pytest.approx(1, abs=0.15)
  assert line.offset == pytest.approx(0, abs=0.4)


def test_what_is_twice_too_sure_is_halved():
  raw, truths = normal(150)
  assert lines.fit(2 * raw, None, truths).slope == pytest.approx(0.5, abs=0.1)


def test_few_devices_hold_the_line_near_slope_1_and_offset_0():
  raw, truths = normal(6)
  few, many = lines.fit(3 * raw, None, truths), lines.fit(3 * normal(150)[0], None, normal(150)[1])
  assert abs(few.slope - 1) < abs(many.slope - 1)


def test_a_score_that_points_the_wrong_way_still_never_falls():
  raw, truths = normal(40)
  assert lines.fit(-raw, None, truths).slope > 0


def test_bounds_grow_with_devices_and_hold_1():
  widths = []
  for devices in (8, 40, 120):
    raw, truths = normal(devices, shift=4.0)
    line = lines.fit(raw, None, truths)
    assert line.low <= 0 <= line.high
    assert line.high <= np.log(line.pairs + 1)
    assert -line.low <= np.log(line.devices + 1)
    widths.append(line.high - line.low)
  assert widths == sorted(widths)


def test_perfect_ratios_are_bounded_by_the_number_of_devices():
  same = np.arange(110) < 10
  weights = np.where(same, 1 / 10, 1 / 100)
  low, high = lines.bounds(np.where(same, 50.0, -50.0), same, weights, 10, 100)
  assert high == pytest.approx(np.log(101 * 10 / 11), abs=0.02)
  assert low == pytest.approx(-np.log(11 * 100 / 101), abs=0.02)


def test_a_misleading_pair_lowers_the_bound():
  same = np.arange(110) < 10
  weights, ratio = np.where(same, 1 / 10, 1 / 100), np.where(same, 8.0, -8.0)
  before = lines.bounds(ratio, same, weights, 10, 100)[1]
  ratio[-1] = 7.0
  assert lines.bounds(ratio, same, weights, 10, 100)[1] < before - 0.5


def test_devices_that_count_more_are_worth_fewer_that_count_alike():
  raw, truths = normal(40, shift=4.0)
  alike = lines.fit(raw, None, truths._replace(times=np.full(len(raw), 7.0)))
  assert alike == lines.fit(raw, None, truths)
  few = np.maximum(truths.questioned, truths.candidate) < 4
  line = lines.fit(raw, None, truths._replace(times=np.where(few, 20.0, 1.0)))
  assert line.devices == round((4 * 20 + 36) ** 2 / (4 * 400 + 36))
  assert line.pairs == round((6 * 20 + 774) ** 2 / (6 * 400 + 774))
  assert line.high - line.low < alike.high - alike.low


def test_many_photographs_of_few_devices_are_few_devices():
  raw, truths = normal(10, shift=4.0)
  once = lines.fit(raw, None, truths)
  often = lines.fit(np.tile(raw, 30), None, Truths(*(np.tile(x, 30) for x in truths)))
  assert (often.devices, often.pairs) == (once.devices, once.pairs)
  assert np.allclose(often[:4], once[:4], atol=1e-3)


def test_a_copy_of_the_score_is_not_counted_twice():
  """Two scores that depend on each other wholly: their joint ratio is that of one."""
  raw, truths = normal(150)
  both = lines.fit(raw, raw.copy(), truths)
  assert both.slope + both.similarity == pytest.approx(lines.fit(raw, None, truths).slope, abs=0.05)


def test_an_independent_score_adds():
  raw, truths = normal(150)
  other = normal(150, seed=1)[0]
  both = lines.fit(raw, other, truths)
  assert both.slope == pytest.approx(1, abs=0.25)
  assert both.similarity == pytest.approx(1, abs=0.25)


def test_dependence_is_found_and_independence_too():
  raw, truths = normal(40)
  found, p = lines.dependence(raw, raw**3, truths, SAME_DEVICE, draws=99)
  assert found > 0.99
  assert p <= 0.01
  assert lines.dependence(raw, normal(40, seed=1)[0], truths, SAME_DEVICE, draws=99)[1] > 0.05


def test_dependence_of_three_devices_is_not_known():
  raw, truths = normal(3)
  assert np.isnan(lines.dependence(raw, raw, truths, SAME_DEVICE)).all()
