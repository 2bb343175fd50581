"""How patterns vary with the place in the block."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsim.prnu import blocks, matching, tiles

SIZE = (96, 64)


def pattern(seed, vary=1.0, size=SIZE):
  """Rounded noise, stronger by `vary` in one column of each block."""
  gain = np.ones((8, 8))
  gain[:, 2] = vary
  rows, columns = (-(-n // 8) for n in size)
  made = np.random.default_rng(seed).normal(size=size) * np.tile(gain, (rows, columns))[: size[0], : size[1]]
  return tiles.eighths(made.astype(np.float32))


def excess(a, b):
  """Of the mean square in step over that of all shifts, whose share is that of no lag here."""
  both = [one.astype(np.float32) for one in (a, b)]
  return blocks.variation(a) @ blocks.variation(b) / np.prod([np.square(one).mean() for one in both]) / a.size


@pytest.mark.parametrize("size", [SIZE, (101, 67)])
def test_the_product_is_by_how_much_the_energy_in_step_is_more(size):
  """One column in eight has nine times the power: mean of squares 88/8, square of the mean 4."""
  found = [excess(pattern(k, 3.0, size), pattern(50 + k, 3.0, size)) for k in range(20)]
  assert np.mean(found) == pytest.approx(88 / 8 / 4 - 1, rel=0.1)
  measured = [matching.widening(*(pattern(k + j, 3.0, size).astype(np.float32) for j in (0, 50))) for k in range(20)]
  assert np.mean(found) + 1 == pytest.approx(np.mean(measured), rel=0.1)


def test_patterns_that_vary_apart_are_narrower_in_step():
  moved = np.roll(pattern(1, 3.0), 4, 1)
  assert excess(pattern(0, 3.0), moved) < -0.1
  assert np.abs([excess(pattern(k), pattern(9 + k)) for k in range(9)]).max() < 0.1


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 100), st.integers(-3, 3), st.integers(-3, 3))
def test_what_two_patterns_have_in_common_at_a_lag_counts_as_often_as_at_its_opposite(seed, row, column):
  """Turned by half a turn, each lag is its opposite, and each place in the block the one across from it."""
  a, b = (pattern(seed + k, 2.0) for k in (0, 500))
  a = np.clip(a + np.roll(a, (row, column), (0, 1)), -127, 127)
  turned = [one[::-1, ::-1].copy() for one in (a, b)]
  assert excess(*turned) == pytest.approx(excess(a, b), abs=1e-3)


def test_of_one_plain_block_there_are_numbers():
  assert np.isfinite(blocks.variation(np.ones((8, 8), np.int8))).all()
