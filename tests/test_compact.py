"""Patterns in four bits a pixel, correlated in whichever way a file was turned."""

import numpy as np
import pytest

from fsim.data import jpeg
from fsim.prnu import compact, probe
from fsim.prnu.compact import Patterns
from tests import jpegs

SIDE = 64


@pytest.fixture(scope="module")
def patterns():
  return np.random.default_rng(0).normal(size=(6, SIDE, SIDE)).astype(np.float32)


def level(packed):
  n = len(packed)
  return Patterns(packed, np.zeros(n, bool), np.zeros((n, 2), int))


def test_four_bits_lose_next_to_nothing(patterns):
  packed = compact.pack(patterns)
  assert (packed.dtype, packed.shape) == (np.uint8, (6, SIDE, SIDE // 2))
  levels = compact.unpack(packed)
  assert np.abs(levels).max() == compact.TOP
  kept = [np.corrcoef(whole.ravel(), few.ravel())[0, 1] for whole, few in zip(patterns, levels, strict=True)]
  assert min(kept) > 0.99


def test_what_has_no_noise_stays_silent():
  assert (compact.unpack(compact.pack(np.zeros((1, SIDE, SIDE)))) == 0).all()
  nothing = level(compact.pack(np.zeros((2, SIDE, SIDE))))
  np.testing.assert_array_equal(compact.z(nothing, nothing), 0)


@pytest.mark.parametrize("grey", [0, 90, 200, 255])
def test_an_even_image_has_no_pattern_and_a_dim_one_has(grey):
  even = np.full((1, SIDE, SIDE, 3), grey, np.uint8)
  assert (compact.unpack(compact.of(even, 1)) == 0).all()
  dim = np.random.default_rng(0).integers(1, 4, (1, SIDE, SIDE, 3)).astype(np.uint8)
  assert (compact.unpack(compact.of(dim, 1)) != 0).any()


def test_z_has_the_deviation_of_chance_and_finds_what_is_shared(patterns):
  rng = np.random.default_rng(1)
  other = rng.normal(size=(200, SIDE, SIDE))
  found = compact.z(level(compact.pack(patterns)), level(compact.pack(other)))
  assert found.std() == pytest.approx(1, abs=0.1)
  own = compact.z(level(compact.pack(patterns)), level(compact.pack(patterns + 3 * rng.normal(size=patterns.shape))))
  np.testing.assert_allclose(np.diag(own), SIDE / np.sqrt(10), atol=3.5)
  assert np.abs(own - np.diag(np.diag(own))).max() < 5


def test_tiles_change_nothing(patterns, monkeypatch):
  a, b = level(compact.pack(patterns)), level(compact.pack(patterns[::-1][:5]))
  whole = compact.z(a, b)
  monkeypatch.setattr(compact, "PIXELS", 2 * SIDE**2)
  np.testing.assert_allclose(compact.z(a, b), whole, rtol=1e-4, atol=1e-3)
  assert compact.z(level(a.packed[:0]), b).shape == (0, 5)


@pytest.mark.parametrize("turns", [1, 3])
def test_a_photograph_that_was_turned_either_way_is_found(turns):
  """Of a size of which no square lies in the middle."""
  height, width = 90, 120
  sensor = 1 + np.random.default_rng(2).normal(0, 0.05, (height, width, 1))
  scenes = [jpegs.scene(height, width, seed=seed) for seed in (0, 1)]
  level, turned = [np.clip(scene * sensor, 0, 255).astype(np.uint8) for scene in scenes]
  images = (level, np.rot90(turned, turns))
  made = [compact.of(compact.square(image, SIDE)[None], 1)[0] for image in images]
  sizes = np.array([width, height]), np.array([height, width])
  found = compact.z(*[compact.placed(np.stack(made), *sizes)] * 2)
  assert found[0, 1] > 10
  assert found[0, 1] == found[1, 0]


def test_the_better_of_two_looks_is_paid_for():
  z = np.random.default_rng(3).normal(size=(2, 100_000))
  paid = compact.better_of_two(z.max(0))
  assert (paid > 1.645).mean() == pytest.approx(0.05, abs=0.003)
  np.testing.assert_allclose(compact.better_of_two(np.array([4.9999, 5.0001])), 4.86, atol=0.01)
  np.testing.assert_allclose(compact.better_of_two(np.array([40.0])), 40, atol=0.05)
  assert np.isfinite(compact.better_of_two(np.array([-100.0])))


def test_patterns_of_a_data_set_are_those_of_its_photographs_and_made_once(tmp_path, monkeypatch):
  records = [jpegs.jpeg(seed, 72, 96 if seed else 72) for seed in range(3)]
  stored = compact.open_compact(records, np.array([2, 0]), "digest", SIDE, tmp_path)
  for row in (0, 2):
    square = compact.square(jpeg.decode(records[row]), SIDE)
    np.testing.assert_array_equal(stored(row), compact.pack(np.asarray(probe.against_image(square[None])))[0])
  monkeypatch.setattr(compact, "_fill", None)
  np.testing.assert_array_equal(compact.open_compact(records, np.array([2, 0]), "digest", SIDE, tmp_path)(2), stored(2))
