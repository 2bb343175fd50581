"""When the versions that fsim/cpu.py knows are out of date."""

import pytest

from benchmarks import cures

ALL = dict.fromkeys(cures.CURES, True)


def found(**ratios):
  return dict.fromkeys(cures.CURES, 1.3) | ratios


def test_a_cure_counts_by_all_nets_and_works():
  rows = [{"cure": cure, "clock": clock} for cure in cures.CURES for clock in (0.5, 2.0, 1.0)]
  assert cures.overall(rows) == pytest.approx(dict.fromkeys(cures.CURES, 1.0))


def test_a_cure_that_slows_or_is_withheld_though_it_would_pay_is_named():
  assert cures.out_of_date(found(), ALL) == []
  assert cures.out_of_date(found(pool=0.9), ALL) == ["pool is applied and slows: 0.90"]
  without = ALL | {"convolution": False}
  assert cures.out_of_date(found(), without) == ["convolution is not applied and would pay: 1.30"]
  assert cures.out_of_date(found(convolution=1.02), without) == []  # No more than what busy machines vary by.


def test_every_cure_is_one_that_the_nets_can_be_run_without():
  from benchmarks.training import VARIANTS

  assert {f"fsim-{cure}" for cure in cures.CURES} <= set(VARIANTS)
