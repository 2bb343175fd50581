import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsim.boundary.errors import UserError
from fsim.data import cache as data_cache
from fsim.data import jpeg, patches
from fsim.data.patches import Choice
from tests import jpegs

CHOICE = Choice(size=16, stride=16, count=4, rule="paper", saturated=0.0, entropy=0.0)


def flat(level, n=1, size=16):
  return np.full((n, size, size, 3), level, np.uint8)


@given(st.integers(0, 100), st.integers(0, 100), st.integers(1, 40), st.integers(1, 5))
def test_the_grid_lies_on_jpeg_blocks_and_inside(h, w, size, steps):
  places = patches.grid(h, w, size, 8 * steps)
  assert (places % 8 == 0).all()
  assert ((places >= 0) & (places + size <= (h, w))).all()
  assert len(places) == max(0, (h - size) // (8 * steps) + 1) * max(0, (w - size) // (8 * steps) + 1)


def test_a_stride_off_the_jpeg_grid_is_refused():
  with pytest.raises(ValueError, match="a multiple of 8, got 20"):
    patches.grid(64, 64, 16, 20)


@given(st.integers(0, 200), st.integers(16, 60), st.integers(16, 60), st.sampled_from(["paper", "code"]))
def test_the_chosen_are_distinct_usable_and_the_best(seed, h, w, rule):
  rng = np.random.default_rng(seed)
  image = np.clip(rng.normal(rng.integers(60, 230), 40, (h, w, 3)), 0, 255).astype(np.uint8)
  choice = CHOICE._replace(rule=rule, saturated=0.02)
  chosen = patches.choose(image, choice)
  everything = patches.cut(image, patches.grid(h, w, 16, 16), 16)
  scores = patches.CHOICES[rule](everything)
  allowed = patches.usable(everything, choice)
  assert len(chosen) == min(4, allowed.sum())
  assert len({tuple(place) for place in chosen}) == len(chosen)
  best = np.sort(scores[allowed])[::-1][:4]
  np.testing.assert_allclose(patches.CHOICES[rule](patches.cut(image, chosen, 16)), best)


def test_a_patch_with_one_saturated_value_is_never_taken():
  image = flat(128)[0]
  assert len(patches.choose(image, CHOICE)) == 1
  image[3, 5, 1] = 255
  assert len(patches.choose(image, CHOICE)) == 0
  assert len(patches.choose(image, CHOICE._replace(saturated=1 / 256))) == 1


def test_the_paper_prefers_half_range_and_the_code_also_texture():
  levels = np.concatenate([flat(level) for level in (0, 64, 128, 192, 254)])
  assert patches.mid_tone(levels).argmax() == patches.quality(levels).argmax() == 2
  rough = flat(128) + np.random.default_rng(0).integers(-30, 30, (1, 16, 16, 3)).astype(np.uint8)
  assert patches.quality(rough) > patches.quality(flat(128))
  np.testing.assert_allclose(patches.quality(flat(0)), 0)
  np.testing.assert_allclose(patches.quality(np.full((1, 8, 8, 3), 51, np.uint8)), 0.7 * (4 * 0.2 - 4 * 0.04))


def test_an_unknown_rule_is_refused():
  with pytest.raises(ValueError, match="one of paper, code, random, got 'best'"):
    patches.choose(flat(128)[0], CHOICE._replace(rule="best"))


def test_a_small_image_has_no_patches():
  assert len(patches.choose(flat(128, size=15)[0], CHOICE)) == 0


def stored_images(n=5):
  sizes = [(64, 48), (32, 32), (12, 40), (48, 48), (40, 64)]
  return [jpegs.jpeg(k, *sizes[k], quality=80) for k in range(n)]


@pytest.fixture
def cache(tmp_path):
  return patches.open_cache(stored_images(), np.array([0, 1, 2, 4]), "abc", CHOICE._replace(saturated=1.0), tmp_path)


def test_patches_are_those_of_their_image_and_no_other(cache):
  records, pixels = stored_images(), cache.stored()
  assert cache.found.tolist() == [4, 4, 0, 0, 4]  # The third is too small; the fourth was not asked for.
  for row in (0, 1, 2, 4):
    numbers = cache.numbers(np.array([row]))
    assert (cache.row(numbers) == row).all()
    image = jpeg.decode(records[row])
    expected = patches.cut(image, patches.choose(image, cache.choice), 16)
    np.testing.assert_array_equal(np.array([pixels(k) for k in numbers]).reshape(-1, 16, 16, 3), expected)


@given(st.sets(st.integers(0, 4)), st.sets(st.integers(0, 4)))
def test_disjoint_images_have_disjoint_patches(one, other):
  cache = patches.Cache(None, CHOICE, np.array([4, 4, 0, 2, 3]))
  mine, theirs = (cache.numbers(np.array(sorted(rows), int)) for rows in (one, other - one))
  assert not set(mine) & set(theirs)
  assert set(cache.row(mine)) <= one
  assert len(mine) == cache.found[sorted(one)].sum()


def test_images_are_decoded_once_for_all_folds(cache, tmp_path, monkeypatch):
  monkeypatch.setattr(jpeg, "decode", lambda data: pytest.fail("decoded again"))
  again = patches.open_cache(stored_images(), np.array([0, 1, 2, 4]), "abc", cache.choice, tmp_path)
  assert again.folder == cache.folder
  np.testing.assert_array_equal(again.found, cache.found)


def test_other_data_or_settings_have_another_place(cache, tmp_path):
  rows = np.array([0, 1, 2, 4])
  others = [
    patches.open_cache(stored_images(), rows, "xyz", cache.choice, tmp_path),
    patches.open_cache(stored_images(), rows, "abc", cache.choice._replace(rule="code"), tmp_path),
    patches.open_cache(stored_images(), rows[:2], "abc", cache.choice, tmp_path),
  ]
  assert len({c.folder for c in (cache, *others)}) == 4


def test_what_an_interrupted_call_leaves_is_not_taken_for_whole(tmp_path, monkeypatch):
  records, rows = stored_images(), np.array([0, 1])
  whole, calls = jpeg.decode, []

  def interrupted(data):
    calls.append(data)
    if len(calls) == 2:
      raise KeyboardInterrupt
    return whole(data)

  monkeypatch.setattr(jpeg, "decode", interrupted)
  with pytest.raises(KeyboardInterrupt):
    patches.open_cache(records, rows, "abc", CHOICE, tmp_path)
  monkeypatch.setattr(jpeg, "decode", whole)
  cache = patches.open_cache(records, rows, "abc", CHOICE._replace(saturated=1.0), tmp_path)
  assert cache.found[:2].tolist() == [4, 4]
  again = patches.open_cache(records, rows, "abc", CHOICE, tmp_path)
  assert sorted(p.name for p in again.folder.iterdir()) == ["choice.json", "found.npy", "patches.bin"]


def test_a_full_disk_is_named_and_given_its_room_back(tmp_path):
  def fill(folder):
    (folder / "something").write_bytes(b"1")
    Path("/dev/full").write_bytes(b"1")

  with pytest.raises(UserError, match=f"{tmp_path} is full .*: make room, or name another place by .*data.folder"):
    data_cache.get_or_build(tmp_path, ("some", 1), {}, fill)
  assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


def test_a_bad_image_is_named(tmp_path):
  with pytest.raises(ValueError, match="image 1 of the data set: empty file"):
    patches.open_cache([jpegs.jpeg(0), b""], np.array([0, 1]), "abc", CHOICE, tmp_path)


def test_worker_processes_receive_the_place_and_not_the_pixels(cache):
  pixels = cache.stored()
  number = cache.numbers(np.array([4]))[1]
  before = pixels(number)
  sent = pickle.dumps(pixels)
  assert len(sent) < 1000
  np.testing.assert_array_equal(pickle.loads(sent)(number), before)
  np.testing.assert_array_equal(pixels.take(np.array([number, 0])), [before, pixels(0)])


@given(st.integers(1, 256), st.integers(0, 99))
def test_entropy_is_that_of_the_green_levels(levels, seed):
  rng = np.random.default_rng(seed)
  green = rng.permutation(np.arange(256) % levels)
  patch = rng.integers(0, 256, (1, 16, 16, 3)).astype(np.uint8)
  patch[0, :, :, 1] = green.reshape(16, 16)
  p = np.unique(green, return_counts=True)[1] / 256
  np.testing.assert_allclose(patches.entropy(patch), [-(p * np.log(p)).sum()], atol=1e-12)


def test_patches_below_the_entropy_are_never_taken():
  image = np.random.default_rng(0).integers(60, 200, (16, 32, 3)).astype(np.uint8)
  image[:, 16:] = 128
  assert len(patches.choose(image, CHOICE)) == 2
  assert patches.choose(image, CHOICE._replace(entropy=4.0)).tolist() == [[0, 0]]


def test_random_places_differ_between_images_and_are_the_same_for_one():
  images = np.random.default_rng(0).integers(60, 200, (6, 64, 64, 3)).astype(np.uint8)
  choice = CHOICE._replace(rule="random")
  found = [tuple(map(tuple, patches.choose(image, choice))) for image in images]
  assert len(set(found)) > 1
  assert found == [tuple(map(tuple, patches.choose(image, choice))) for image in images]
