import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsim.evidence import looks
from fsim.prnu import matching

Z = st.floats(-30, 1e6)
LOOKS = st.floats(1, 1e9)


@given(Z)
def test_one_look_costs_nothing(z):
  assert looks.aligned(z, 1) == z


@given(st.floats(6.6, 1e6), st.floats(2, 1e9))
def test_many_looks_cost_about_the_root_of_twice_their_logarithm(z, n_looks):
  assert looks.aligned(z, n_looks) <= z
  if z**2 > 4 * math.log(n_looks) + 40:
    assert looks.aligned(z, n_looks) == pytest.approx(math.sqrt(z**2 - 2 * math.log(n_looks)), rel=0.02)


@given(Z, Z, LOOKS)
def test_a_higher_peak_never_says_less(a, b, n_looks):
  low, high = sorted((a, b))
  assert looks.aligned(low, n_looks) <= looks.aligned(high, n_looks) + 1e-6


@given(st.floats(-6, 1e4), LOOKS, LOOKS)
def test_more_looks_never_say_more(z, a, b):
  few, many = sorted((a, b))
  assert looks.aligned(z, many) <= looks.aligned(z, few) + 1e-6


@pytest.mark.parametrize("n_looks", [1, 7, 10_000])
@pytest.mark.parametrize("z", [-1.0, 0.5, 3.0, 6.0])
def test_the_probability_is_that_of_the_matcher(z, n_looks):
  pce = math.copysign(z * z, z)
  assert math.exp(looks.log_false_alarm(z, n_looks)) == pytest.approx(matching.false_alarm(pce, n_looks), rel=1e-6)


def test_aligned_has_the_same_false_alarm_probability():
  for z, n_looks in ((2.0, 3), (5.5, 1e6), (40.0, 1e8), (3000.0, 1e8)):
    single = looks.aligned(z, n_looks)
    assert looks.log_false_alarm(single, 1) == pytest.approx(looks.log_false_alarm(z, n_looks), rel=1e-9)


def test_a_pce_keeps_its_sign():
  assert looks.z_of(-9.0) == -3
  assert looks.z_of(16.0) == 4
