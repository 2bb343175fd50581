import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsim.data import pairs


@given(st.integers(2, 60))
def test_every_pair_has_one_number(n):
  found = {tuple(p) for p in pairs.pair_at(np.arange(pairs.count(n)))}
  assert found == {(i, j) for j in range(n) for i in range(j)}


@given(st.integers(0, 2**55))
def test_numbers_of_huge_sets_are_exact(number):
  ((i, j),) = pairs.pair_at(np.array([number])).tolist()
  assert 0 <= i < j
  assert j * (j - 1) // 2 + i == number


@given(st.integers(1, 3000), st.integers(0, 5), st.integers(0, 5))
def test_an_epoch_visits_every_number_once(size, seed, epoch):
  visited = pairs.permute(np.arange(size, dtype=np.uint64), size, seed, epoch)
  assert sorted(visited.tolist()) == list(range(size))


@given(st.integers(4, 40), st.integers(1, 6))
def test_the_steps_of_an_epoch_never_repeat_a_pair(n, batch):
  steps = pairs.steps_in_epoch(n, batch)
  seen = np.concatenate([pairs.training_batch(n, batch, 0, step) for step in range(steps)])
  unordered = {tuple(sorted(p)) for p in seen.tolist()}
  assert len(unordered) == len(seen) == steps * batch


def test_epochs_differ_and_steps_are_reproducible():
  first = pairs.training_batch(50, 100, 0, 0)
  next_epoch = pairs.training_batch(50, 100, 0, pairs.steps_in_epoch(50, 100))
  assert not np.array_equal(first, next_epoch)
  assert np.array_equal(first, pairs.training_batch(50, 100, 0, 0))


def test_both_orders_of_a_pair_occur():
  batch = pairs.training_batch(50, 1000, 0, 0)
  assert 0.4 < (batch[:, 0] < batch[:, 1]).mean() < 0.6


def test_the_order_is_spread_over_all_pairs():
  numbers = pairs.permute(np.arange(1000, dtype=np.uint64), 100_000, 0, 0).astype(float)
  assert abs(numbers.mean() / 100_000 - 0.5) < 0.05
  assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.1


def test_too_few_images_for_a_batch_are_refused():
  with pytest.raises(ValueError, match="3 images make 3 pairs, too few for one batch of 4"):
    pairs.steps_in_epoch(3, 4)


@given(st.integers(0, 500), st.integers(2, 5), st.integers(2, 4), st.integers(2, 30))
def test_a_balanced_batch_is_half_of_one_model_and_never_of_one_image(seed, models, images, batch):
  rng = np.random.default_rng(seed)
  image = np.repeat(np.arange(models * images + 1), rng.integers(1, 5, models * images + 1))
  model = np.where(image == models * images, models, image % models)  # One more model, of a single image.
  shuffled = rng.permutation(len(image))
  model, image = model[shuffled], image[shuffled]
  inside = pairs.nest(model, image)
  rows = pairs.balanced_batch(inside, batch, seed, 3)
  same = model[rows[:, 0]] == model[rows[:, 1]]
  assert same.sum() == batch // 2
  assert (image[rows[:, 0]] != image[rows[:, 1]]).all()
  np.testing.assert_array_equal(rows, pairs.balanced_batch(inside, batch, seed, 3))


def test_models_are_drawn_alike_however_many_patches_they_have():
  image = np.repeat(np.arange(6), [100, 100, 1, 1, 1, 1])
  model = image // 2
  rows = pairs.balanced_batch(pairs.nest(model, image), 30_000, 0, 0)
  np.testing.assert_allclose(np.bincount(model[rows].ravel()) / rows.size, 1 / 3, atol=0.01)


def test_pairs_need_two_models_that_have_pairs_of_their_own():
  with pytest.raises(ValueError, match=r"two images of each; there are \[2, 1\] images"):
    pairs.nest(np.array([0, 0, 1]), np.array([0, 1, 2]))


def test_a_model_with_a_single_image_is_compared_with_others_alone():
  model = np.array([0, 0, 1, 2, 2])
  rows = pairs.balanced_batch(pairs.nest(model, np.arange(5)), 3_000, 0, 0)
  single = (rows == 2).any(1)
  assert (model[rows[single, 0]] != model[rows[single, 1]]).all()
  np.testing.assert_allclose(single[1_500:].mean(), 2 / 3, atol=0.04)
