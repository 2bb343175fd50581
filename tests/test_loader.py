import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsim.data import loader
from fsim.data.loader import CentreCrop, Reading, Shard, TrainingCrop
from tests import jpegs

ALONE = Shard(0, 1)
THREADS = Reading(threads=2, workers=0)


def records(n, width=64, height=48):
  return [jpegs.jpeg(k, width, height, quality=95) for k in range(n)]


def sequence(n=10, balanced=False, seed=0):
  rows = np.arange(n)
  return loader.order(rows, rows % 3, seed, balanced)


def batches(count, *, stored, start=0, shard=ALONE, reading=THREADS, batch=4, crop="centre"):
  cut = TrainingCrop(stored, 32, crop)
  stream = loader.training_batches(
    cut, sequence(len(stored)), batch=batch, seed=0, start=start, shard=shard, reading=reading
  )
  return list(itertools.islice(stream, count))


@given(st.integers(16, 70), st.integers(16, 70), st.integers(1, 70))
def test_a_crop_is_central_on_the_block_grid_and_never_enlarged(height, width, size):
  image = np.zeros((height, width, 3), np.uint8)
  image[..., 0], image[..., 1] = np.arange(height)[:, None], np.arange(width)
  if size > min(height, width):
    with pytest.raises(ValueError, match=f"a crop of {size}x{size} does not fit into an image of {width}x{height}"):
      loader.centre_crop(image, size)
    return
  crop = loader.centre_crop(image, size)
  assert crop.shape == (size, size, 3)
  for first, side in ((crop[0, 0, 0], height), (crop[0, 0, 1], width)):
    assert first % 8 == 0
    assert 0 <= (side - size) / 2 - first < 8


@given(st.integers(16, 70), st.integers(16, 70), st.integers(1, 16), st.integers(0, 9))
def test_a_random_crop_lies_on_the_block_grid(height, width, size, seed):
  image = np.zeros((height, width, 3), np.uint8)
  image[..., 0], image[..., 1] = np.arange(height)[:, None], np.arange(width)
  crop = loader.random_crop(image, size, np.random.default_rng(seed))
  assert crop.shape == (size, size, 3)
  assert crop[0, 0, 0] % 8 == crop[0, 0, 1] % 8 == 0


def test_random_crops_differ_between_epochs_but_not_between_runs():
  stored = [jpegs.jpeg(0, 200, 200)]
  first, second = (batches(6, stored=stored, batch=1, crop="random") for _ in range(2))
  assert [a.images.tobytes() for a in first] == [b.images.tobytes() for b in second]
  assert len({a.images.tobytes() for a in first}) > 1


def test_an_unknown_way_of_cropping_is_refused():
  with pytest.raises(ValueError, match='"centre" or "random", got \'left\''):
    TrainingCrop([], 32, "left")


def test_labels_stay_with_their_images():
  stored = records(6)
  for batch in batches(5, stored=stored):
    for image, label in zip(batch.images, batch.labels, strict=True):
      source = [k for k in range(6) if np.array_equal(CentreCrop(stored, 32)(k), image)]
      assert len(source) == 1
      assert source[0] % 3 == label


def test_a_stream_begun_later_goes_on_as_if_never_stopped():
  stored = records(7)
  whole = batches(6, stored=stored, crop="random")
  later = batches(3, stored=stored, crop="random", start=3)
  for a, b in zip(whole[3:], later, strict=True):
    assert np.array_equal(a.images, b.images)
    assert np.array_equal(a.labels, b.labels)


def test_processes_share_the_batch_of_one():
  stored = records(7)
  one = batches(3, stored=stored, crop="random")
  two = [batches(3, stored=stored, crop="random", shard=Shard(k, 2)) for k in range(2)]
  for whole, *parts in zip(one, *two, strict=True):
    together = np.concatenate([p.images for p in parts])
    assert sorted(x.tobytes() for x in together) == sorted(x.tobytes() for x in whole.images)


def test_worker_processes_give_the_same_batches():
  stored = records(5)
  threads = batches(2, stored=stored)
  workers = batches(2, stored=stored, reading=Reading(threads=1, workers=2))
  for a, b in zip(threads, workers, strict=True):
    assert np.array_equal(a.images, b.images)


def test_every_epoch_shows_each_image_once_in_another_order():
  order = [sequence(10)[k][0] for k in range(20)]
  assert sorted(order[:10]) == sorted(order[10:]) == list(range(10))
  assert order[:10] != order[10:]


def test_balanced_classes_come_equally_often():
  rows = np.arange(30)
  labels = np.array([0] * 24 + [1] * 4 + [2] * 2)
  drawn = loader.order(rows, labels, 0, balanced=True)
  counts = np.bincount([drawn[k][1] for k in range(90)])
  assert counts.tolist() == [30, 30, 30]


def test_balance_is_asked_for_or_follows_from_the_sizes():
  even, uneven = np.array([0, 0, 1]), np.array([0, 0, 0, 1])
  assert not loader.is_balanced(even, "auto")
  assert loader.is_balanced(uneven, "auto")
  assert loader.is_balanced(even, "on")
  assert not loader.is_balanced(uneven, "off")
  with pytest.raises(ValueError, match="'yes'"):
    loader.is_balanced(even, "yes")


def test_a_pass_in_order_covers_all_rows_and_repeats_the_last():
  stored = records(5)
  rows = np.array([4, 0, 3])
  (a, b) = loader.in_order(CentreCrop(stored, 32), rows, batch=2, shard=ALONE, threads=2)
  expected = [CentreCrop(stored, 32)(k) for k in (4, 0, 3, 3)]
  assert np.array_equal(np.concatenate([a, b]), np.stack(expected))


def test_a_batch_that_cannot_be_shared_is_refused():
  with pytest.raises(ValueError, match="a batch of 4 cannot be shared by 3 processes"):
    batches(1, stored=records(4), shard=Shard(0, 3))


def test_a_damaged_record_is_named():
  with pytest.raises(ValueError, match="image 1 of the data set: damaged JPEG"):
    CentreCrop([jpegs.jpeg(0), jpegs.truncated()], 32)(1)
  with pytest.raises(ValueError, match="a crop of 49x49 does not fit into an image of 64x48"):
    CentreCrop([jpegs.jpeg(0, 64, 48)], 49)(0)


def test_a_stream_of_a_mixture_goes_on_as_if_never_stopped_on_any_number_of_processes():
  stored, rows = records(8), np.arange(8)
  drawn = loader.drawing(rows, rows, loader.Sources((rows > 4).astype(int), ("a", "b"), (0.25, 0.75)), 0, "off")

  def stream(start, shard=ALONE):
    made = {"batch": 4, "seed": 0, "start": start, "shard": shard, "reading": THREADS}
    return list(itertools.islice(loader.training_batches(TrainingCrop(stored, 32, "random"), drawn, **made), 5 - start))

  whole, later = stream(0), stream(3)
  for a, b in zip(whole[3:], later, strict=True):
    assert np.array_equal(a.images, b.images)
  parts = [stream(0, Shard(k, 2)) for k in range(2)]
  for a, one, two in zip(whole, *parts, strict=True):
    assert np.array_equal(a.labels, np.stack([one.labels, two.labels], 1).ravel())
