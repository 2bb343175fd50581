"""Groups from the ratios of pairs, on numbers alone: what sensors share is simulated, no photograph is needed."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsim.evidence import linking, pairs
from fsim.evidence.calibration import GRID
from tests.test_saved_calibration import MADE

PIXELS = 1_000_000
TABLES = pairs.tables(MADE)
TABLE = pairs.smaller(TABLES)


def album(counts, strength, seed=0, shared=0.0):
  """z of all pairs of photographs of devices with so many each; `shared`: what those of two devices have in common."""
  device = np.repeat(np.arange(len(counts)), counts)
  noise = np.random.default_rng(seed).normal(size=(len(device),) * 2)
  noise = np.triu(noise, 1) + np.triu(noise, 1).T
  mean = np.where(device[:, None] == device, strength**2, shared)
  return device, (noise + mean).astype(np.float32), np.full(len(device), float(strength))


def groups(z, strength, n_pairs=None):
  n = len(z)
  paid = linking.Price(n, n_pairs or n * (n - 1) // 2)
  return [set(group.members) for group in linking.grow(z, strength, PIXELS, TABLE, paid)]


def test_photographs_of_a_device_are_found_together():
  device, z, strength = album([8, 5, 2, 1, 1], 3.2)
  assert groups(z, strength) == [set(np.flatnonzero(device == k)) for k in (0, 1, 2)]


def test_a_group_finds_members_that_no_pair_would():
  """One pair stands out, no other pays for a thousand comparisons; their sum does."""
  _, z, strength = album([12], 1.9)
  z[0, 1] = z[1, 0] = 12
  ratios = TABLE.at(np.log(strength[:, None] * strength), z)[np.triu_indices(12, 1)]
  assert (ratios >= linking.Price(12, 1000).whole).sum() == 1
  assert groups(z, strength, n_pairs=1000) == [set(range(12))]


def test_noise_is_never_linked():
  for seed in range(20):
    _, z, strength = album([1] * 60, 3.0, seed)
    assert groups(z, strength) == []


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_a_few_photographs_are_not_linked_by_chance(count):
  """Without a floor a ratio of 2 would do for two photographs."""
  false = sum(bool(groups(*album([1] * count, 1.6, seed)[1:])) for seed in range(150))
  assert false <= 1


def test_cameras_that_share_a_little_stay_apart():
  """Sums of many photographs of two cameras correlate strongly if each pair does a little; less than within them."""
  device, z, strength = album([20, 20], 4.0, shared=2.0)
  between = 400 * 2.0 / (20 + 20 * 19 * 16 / math.sqrt(PIXELS))
  assert between > 12  # Far above any threshold.
  assert groups(z, strength) == [set(np.flatnonzero(device == k)) for k in (0, 1)]


def test_a_photograph_that_joined_before_and_does_not_pay_in_the_end_is_alone():
  _, z, strength = album([6, 1], 3.0)
  z[6, :6] = z[:6, 6] = 0
  z[6, 0] = z[0, 6] = 5.0
  assert groups(z, strength) == [set(range(6))]


def test_a_group_of_which_nobody_pays_for_all_pairs_is_none():
  """Each of three pays for the looks at one group, none for the pairs of a large folder."""
  _, z, strength = album([3], 1.8)
  z[:] = 3.6
  assert groups(z, strength) == [{0, 1, 2}]
  assert groups(z, strength, n_pairs=100_000) == []


def test_more_comparisons_cost_more():
  _, z, strength = album([2], 1.0)
  z[:] = GRID[np.argmax(TABLE.at(np.zeros(len(GRID)), GRID) > math.log(1000))]
  assert groups(z, strength, n_pairs=900) == [{0, 1}]
  assert groups(z, strength, n_pairs=1_000_000) == []


@given(st.integers(0, 1000), st.lists(st.integers(1, 6), min_size=1, max_size=5))
def test_groups_do_not_depend_on_the_order(seed, counts):
  _, z, strength = album(counts, 2.2, seed)
  order = np.random.default_rng(seed).permutation(len(z))
  there = groups(z[np.ix_(order, order)], strength[order])
  found = [{int(order[k]) for k in group} for group in there]
  assert sorted(map(sorted, found)) == sorted(map(sorted, groups(z, strength)))


def test_a_group_of_two_has_the_ratio_of_the_pair():
  _, z, _ = album([2], 2.0)
  seen, root = linking.with_rest([0, 1], z, PIXELS)
  np.testing.assert_allclose(seen, z[0, 1])
  np.testing.assert_allclose(root, 1)


@pytest.mark.parametrize("hypothesis", sorted(TABLES))
def test_a_table_says_what_the_calibration_says(hypothesis):
  from fsim.evidence import calibration
  from fsim.evidence.calibration import Trials
  from fsim.evidence.expected import References
  from fsim.evidence.quality import NAMES, UNCOMPRESSED, Quality

  rng = np.random.default_rng(0)
  qualities = [Quality(300_000, *rng.uniform(0, 4, len(NAMES))) for _ in range(12)]
  features = np.stack([quality.features() for quality in qualities])
  z = rng.uniform(-3, 12, 11)
  count = len(z)
  trials = Trials(
    z, np.ones(count), np.full(count, 3e5), features[1:], [References(features[:1], 0)], np.zeros(count, int),
    np.full(count, np.nan), np.full(count, np.nan),
  )  # fmt: skip
  wanted = [ratio.log10 for ratio in calibration.ratios(MADE, trials, hypothesis)]
  strength = pairs.strengths(MADE.predictor, qualities)
  line = MADE.lines[hypothesis]
  square = np.full((12, 12), np.nan, np.float32)
  square[0, 1:] = z
  found = pairs.Ratios(TABLES[hypothesis], (line.low, line.high), strength, square).of([0])[0, 1:]
  np.testing.assert_allclose(found, wanted, atol=0.01)
  assert UNCOMPRESSED.step == 1


def test_no_ratio_pays_below_the_least_z():
  table = pairs.smaller(TABLES)
  for ratio in (0.0, 3.0, 9.2, 18.0):
    least = table.least(ratio)
    log_z, z = np.meshgrid(np.linspace(-9, 7, 50), np.linspace(-6, least, 200))
    assert (table.at(log_z, z) < ratio).all()
    assert table.at(np.linspace(-8, 6, 300), np.full(300, 1.4 * least + 0.5)).max() > ratio
  assert table.least(1e9) == np.inf
