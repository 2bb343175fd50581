import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import prnu_reference as reference
from fsim.prnu import matching, transforms
from fsim.prnu.transforms import Transform, all_transforms, find


def noise(seed, *size):
  return np.random.default_rng(seed).normal(size=size).astype(np.float32)


def pair(a, b):
  return a.astype(np.float64), b.astype(np.float64)


KEYS = noise(0, 3, 60, 91)
SEEN = 0.3 * KEYS + noise(1, 3, 60, 91)


def test_all_shift_pce_is_that_of_the_slow_reference():
  rolled = np.roll(SEEN, (3, -7), (1, 2))
  peaks = matching.search(KEYS, rolled)
  assert peaks.n_hypotheses == 60 * 91
  for i in range(3):
    for j in range(3):
      found = reference.correlations(*pair(KEYS[i], rolled[j]))
      row, column = np.unravel_index(found.argmax(), found.shape)
      assert peaks.pce[i, j] == pytest.approx(reference.pce(found, row, column), rel=1e-4)
    assert tuple(peaks.shift[i, i]) == (3, -7)


def test_aligned_pce_is_that_of_the_slow_reference():
  ours = matching.aligned_pce(KEYS, SEEN)
  for i in range(3):
    for j in range(3):
      there = reference.pce(reference.correlations(*pair(KEYS[i], SEEN[j])), 0, 0)
      exact = abs(there) > matching.PCE_FLOOR
      assert ours[i, j] == pytest.approx(there, rel=1e-4 if exact else 2 * 121 / KEYS[0].size)
  assert ours.diagonal().min() > matching.threshold(1e-4, 1) > np.abs(ours - np.diag(ours.diagonal())).max()


def test_an_inverted_pattern_has_a_negative_pce():
  assert matching.aligned_pce(KEYS[:1], -SEEN[:1]).item() < -100


@settings(max_examples=15, deadline=None)
@given(st.integers(-29, 30), st.integers(-45, 45))
def test_a_shift_is_found_where_it_is(rows, columns):
  peaks = matching.search(KEYS[:1], np.roll(SEEN[:1], (rows, columns), (1, 2)))
  assert tuple(peaks.shift[0, 0]) == (rows, columns)
  assert peaks.pce.item() > 100


def test_a_stated_range_bounds_the_search_and_the_number_of_looks():
  rolled = np.roll(SEEN[:1], (2, -6), (1, 2))
  inside, outside = (matching.search(KEYS[:1], rolled, reach=reach) for reach in (6, 5))
  assert (tuple(inside.shift[0, 0]), inside.n_hypotheses) == ((2, -6), 13 * 13)
  assert (outside.n_hypotheses, outside.pce.item() < 20) == (11 * 11, True)


def test_a_crop_is_found_in_the_whole():
  peaks = matching.search(KEYS[:1, 10:50, 20:80], SEEN[:1])
  assert tuple(peaks.shift[0, 0]) == (10, 20)
  assert peaks.n_hypotheses == 21 * 32
  with pytest.raises(ValueError, match="91x60 does not fit into one of 60x40"):
    matching.search(SEEN[:1], KEYS[:1, 10:50, 20:80])


def test_scaling_or_offsetting_a_pattern_changes_nothing():
  plain = matching.search(KEYS, SEEN)
  other = matching.search(5 * KEYS + 3, 0.01 * SEEN - 7)
  np.testing.assert_allclose(other.pce, plain.pce, rtol=1e-2)
  np.testing.assert_allclose(matching.correlation(5 * KEYS, SEEN - 7), matching.correlation(KEYS, SEEN), atol=1e-5)


def test_correlation_is_pearsons():
  there = np.corrcoef(KEYS.reshape(3, -1), SEEN.reshape(3, -1))[:3, 3:]
  np.testing.assert_allclose(matching.correlation(KEYS, SEEN), there, atol=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.floats(1e-8, 0.4), st.integers(1, 10**7))
def test_threshold_and_false_alarm_undo_each_other(alpha, k):
  limit = matching.threshold(alpha, k)
  assert matching.false_alarm(limit, k) == pytest.approx(alpha, rel=1e-3)
  assert matching.threshold(alpha, k + 10**6) > limit


def test_thresholds_hold_what_they_promise():
  """Noise against noise: the share of alarms is alpha, aligned and over all shifts."""
  alpha, n = 0.05, 40
  a, b = noise(2, n, 32, 32), noise(3, n, 32, 32)
  aligned = matching.aligned_pce(a, b).ravel()
  assert (aligned > matching.threshold(alpha, 1)).mean() == pytest.approx(alpha, abs=0.02)
  peaks = matching.search(a, b)
  assert (peaks.pce > matching.threshold(alpha, peaks.n_hypotheses)).mean() == pytest.approx(alpha, abs=0.03)


@pytest.mark.parametrize(("alpha", "k"), [(0.0, 1), (0.6, 1), (1e-3, 0)])
def test_impossible_thresholds_are_refused(alpha, k):
  with pytest.raises(ValueError, match="false-alarm probability"):
    matching.threshold(alpha, k)


@pytest.mark.parametrize(
  "transform", [Transform(), Transform(1), Transform(2), Transform(3), Transform(0, True), Transform(1, True)]
)
def test_turned_and_mirrored_patterns_are_turned_back(transform):
  hidden = transform.at(SEEN[0])
  found = find(np.asarray(hidden), KEYS, all_transforms(turned=True, mirrored=True), reach=0)
  assert found[0].pce > 100
  assert max(found[1].pce, found[2].pce) < 30
  np.testing.assert_allclose(found[0].transform.at(hidden), SEEN[0], atol=1e-6)
  assert found[0].n_hypotheses == (8 if KEYS.shape[1] == KEYS.shape[2] else 4)


def test_the_scale_of_a_resized_pattern_is_found():
  smooth = np.asarray(transforms.Transform(scale=2.0).at(noise(4, 80, 80)))
  seen = np.asarray(jax.image.resize(smooth, (96, 96), "cubic")) + 0.3 * noise(5, 96, 96)
  scales = [1.0, 1.25, 1.5, 160 / 96, 1.8]
  found = find(seen, smooth[None], all_transforms(False, False, scales), reach=None)[0]
  assert found.transform.scale == 160 / 96
  assert found.n_hypotheses == sum(_shifts(round(96 * s), 160) for s in scales)


def _shifts(small, large):
  return large * large if small == large else (abs(large - small) + 1) ** 2


def test_sizes_that_no_look_brings_together_are_named():
  with pytest.raises(ValueError, match="sizes differ: 91x60 here, 60x91 there"):
    find(SEEN[0], np.swapaxes(KEYS, 1, 2), all_transforms(turned=False, mirrored=False), reach=0)


def blockwise(seed, n, side=128):
  """Unrelated patterns that live in few of the 64 directions of an 8x8 block, as what JPEG leaves does."""
  mixed = 0.8 ** np.arange(64) * np.linalg.qr(noise(9, 64, 64))[0]
  blocks = noise(seed, n, side // 8, side // 8, 64) @ mixed.T
  return blocks.reshape(n, side // 8, side // 8, 8, 8).transpose(0, 1, 3, 2, 4).reshape(n, side, side)


def test_unrelated_patterns_in_step_with_blocks_correlate_more_widely_and_as_much_as_is_said():
  a, b = blockwise(3, 24), blockwise(4, 24)
  pce = np.abs(matching.aligned_pce(a, b))
  widening = np.array([[matching.widening(x, y) for y in b] for x in a])
  assert pce.mean() > 1.5
  assert (pce / widening).mean() == pytest.approx(1, abs=0.15)
  assert (pce / widening).max() < matching.threshold(1e-6, 1) < pce.max()


@pytest.mark.parametrize("size", [(128, 128), (67, 93), (1100, 64)])
def test_noise_that_knows_no_blocks_is_not_widened(size):
  found = [matching.widening(*noise(seed, 2, *size)) for seed in range(4)]
  assert min(found) == 1
  assert max(found) < 1 + 4 * (2 / (min(size[0], 512) * size[1] / 64)) ** 0.5


@pytest.mark.parametrize("size", [(6, 500), (7, 7), (8, 8), (0, 64)])
def test_patterns_in_which_no_two_blocks_lie_are_not_widened(size):
  assert matching.widening(*noise(3, 2, *size)) == 1


def test_what_was_made_so_small_that_no_block_lies_in_it_is_sought_too():
  (found,) = find(KEYS[0, :60, :60], SEEN[:1], [Transform(scale=0.1)], None, in_step=True)
  assert found.n_hypotheses == (60 - 6 + 1) * (91 - 6 + 1)
  assert np.isfinite(found.pce)


def test_what_is_sought_lies_out_of_the_widening():
  """However strong a match is, the energy beside it is what it is divided by."""
  a, b = blockwise(5, 2, 256)
  assert matching.widening(a, b + 0.5 * a) == pytest.approx(matching.widening(a, b), rel=0.2)


def test_a_match_is_widened_where_its_two_parts_lie_upon_each_other():
  whole = blockwise(6, 1, 256)
  for start in ((16, 8), (19, 5)):  # In step with the blocks, and not.
    part = np.s_[start[0] : start[0] + 128, start[1] : start[1] + 128]
    seen = whole[0][part] + blockwise(7, 1)[0]
    expected = matching.widening(seen, whole[0][part])
    for a, b in ((seen, whole), (whole[0], seen[None])):
      (found,), (plain,) = (find(a, b, [Transform()], None, in_step) for in_step in (True, False))
      assert np.abs(found.shift).tolist() == list(start)
      assert found.pce == pytest.approx(plain.pce / expected, rel=1e-4)
