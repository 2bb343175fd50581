"""What training draws is what Grain draws, place by place."""

import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grain
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsim.data import shuffling
from fsim.data.shuffling import Mixed, Order, Shuffled


def grains(examples, seed):
  return grain.MapDataset.source(examples).shuffle(seed).repeat()


def examples(n):
  return np.stack([np.arange(n), np.arange(n) % 3], 1)


@settings(max_examples=10)
@given(st.integers(20, 300), st.integers(0, 2**32 - 1), st.integers(0, 10**6))
def test_few_examples_are_shuffled_as_grain_shuffles_them(n, seed, first):
  own = Order(Shuffled(examples(n), seed)).some(first, 8)
  theirs = grains(examples(n), seed)
  np.testing.assert_array_equal(own, [theirs[first + k] for k in range(8)])


@pytest.mark.parametrize("n", [1, 2, 1000, 2**14, 2**16 - 1, 2**16, 2**16 + 1, 2**16 + 2, 100_000, 300_001])
def test_many_examples_are_shuffled_as_grain_shuffles_them(n):
  drawn, theirs = Order(Shuffled(examples(n), 7)), grains(examples(n), 7)
  for place in (0, n - 1, n, 3 * n - 2):
    np.testing.assert_array_equal(drawn[place], theirs[place])


@settings(max_examples=10)
@given(
  st.lists(st.integers(40, 90), min_size=2, max_size=6),
  st.lists(st.floats(0.01, 10), min_size=6, max_size=6),
  st.integers(0, 100_000),
)
def test_mixtures_are_those_of_grain(sizes, weights, first):
  weights = weights[: len(sizes)]
  parts = [examples(n) + 1000 * k for k, n in enumerate(sizes)]
  theirs = [grains(part, k) for k, part in enumerate(parts)]
  own = [Shuffled(part, k) for k, part in enumerate(parts)]
  for mixed, shares in (
    (grain.MapDataset.mix(theirs), [1] * len(sizes)),
    (grain.MapDataset.mix(theirs, weights), shuffling.shares(weights)),
  ):
    found = Order(Mixed(own, shares)).some(first, 6)
    np.testing.assert_array_equal(found, [mixed[first + k] for k in range(6)])


@pytest.mark.parametrize("n", [2, 5, 1000, 70_000])
def test_an_epoch_has_every_example_once(n):
  assert sorted(shuffling.permutation(n, 3)) == list(range(n))


@pytest.mark.parametrize("n", [50, 5000])
def test_some_are_those_of_each_place_across_blocks_and_after_a_pickle(n):
  whole = Order(Mixed([Shuffled(examples(n), 1), Shuffled(-examples(9), 2)], [3, 1]))
  first = whole.at_once - 7
  some = whole.some(first, 20)
  assert some.tolist() == [whole[first + k].tolist() for k in range(20)]
  assert pickle.loads(pickle.dumps(whole)).some(first, 20).tolist() == some.tolist()


@pytest.mark.parametrize(("n", "epochs"), [(1, 8), (30, 8), (shuffling.BLOCK, 1)])
def test_few_examples_are_not_shuffled_for_more_than_a_few_epochs_at_once(n, epochs, monkeypatch):
  made = []
  monkeypatch.setattr(shuffling, "permutation", lambda n, seed: made.append(seed) or np.arange(n))
  Order(Shuffled(examples(n), 5)).some(0, 1)
  assert made == [5 + epoch for epoch in range(epochs)]


def test_of_several_threads_that_want_a_block_one_draws_it():
  made, begin = [], threading.Barrier(4)

  def make(number: int) -> int:
    made.append(number)
    time.sleep(0.05)
    return number

  last = shuffling.Last(make)
  with ThreadPoolExecutor(4) as pool:
    found = [*pool.map(lambda number: begin.wait() * 0 + last(number), [3] * 4)]
  assert (found, made) == ([3] * 4, [3])
