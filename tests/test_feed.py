"""Pixels that lie on the devices are the batches that a store or Grain would give, and train the same network."""

import itertools
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from fsim.data import loader
from fsim.data.loader import Batch, Reading, Shard, Sources
from fsim.data.patches import Stored
from fsim.systems.model.tiles import Tiles
from fsim.train import classify, feed, loop
from fsim.train.feed import Cuts, Pixels
from fsim.train.loop import fit
from fsim.train.metrics import MetricWriter
from fsim.train.schedule import Schedule
from tests import contexts
from tests.commands import ROOT

SIDE = 16


class Net(nn.Module):
  @nn.compact
  def __call__(self, images, train: bool = False):
    x = nn.tanh(nn.Dense(8)(images[:, :4, :4].reshape(len(images), -1).astype(jnp.float32) / 255))
    return x, nn.Dense(3)(x)


@pytest.fixture
def store(tmp_path):
  pixels = np.random.default_rng(0).integers(0, 256, (30, SIDE, SIDE, 3), np.uint8)
  (tmp_path / "pixels.bin").write_bytes(pixels.tobytes())
  return Stored(tmp_path / "pixels.bin", (SIDE, SIDE, 3), np.uint8)


@pytest.fixture
def room(monkeypatch):
  """As if the CPU were an accelerator with memory of its own."""
  monkeypatch.setattr(feed, "free_memory", lambda: 1e9)


ROWS = np.array([3, 5, 29, 7, 11, 13, 2, 17, 19, 23, 4])
LABELS = (np.arange(len(ROWS)) % 3).astype(np.int32)
SOURCES = Sources((np.arange(len(ROWS)) > 6).astype(int), ("a", "b"), (0.3, 0.7))


def images(pixels, drawn):
  return [np.asarray(jax.jit(pixels.images())(pixels.stored, own)) for own in drawn]


@pytest.mark.parametrize("balanced", ["on", "off"])
@pytest.mark.parametrize("sources", [None, SOURCES])
def test_all_ways_show_the_same_examples_in_every_step(store, room, tmp_path, sources, balanced):
  context = contexts.made(tmp_path)
  order = loader.drawing(ROWS, LABELS, sources, 0, balanced)
  cuts = Cuts(context, lambda e, rng: Batch(store(e[0]), np.asarray(e[1], np.int32)), store)
  ways = [cuts, Pixels(context, store), feed.resident(store, ROWS, context)]
  assert ways[2].rows is not None
  drawn = [list(itertools.islice(way.training(order, 4, 2), 7)) for way in ways]
  seen = [images(way, [own for own, _ in batches]) for way, batches in zip(ways, drawn, strict=True)]
  for own in seen[1:]:
    np.testing.assert_array_equal(own, seen[0])
  for batches in drawn[1:]:
    np.testing.assert_array_equal([labels for _, labels in batches], [labels for _, labels in drawn[0]])
  passed = [images(way, way.in_order(ROWS[:7], 4)) for way in ways]
  np.testing.assert_array_equal(passed[1], passed[0])
  np.testing.assert_array_equal(passed[2], passed[0])


def test_processes_share_what_lies_on_the_devices(store, room, tmp_path, monkeypatch):
  pixels = feed.resident(store, ROWS, contexts.made(tmp_path))
  order = loader.drawing(ROWS, LABELS, None, 0, "off")
  (whole,) = itertools.islice(pixels.training(order, 4, 5), 1)
  parts = []
  for index in range(2):
    monkeypatch.setattr(feed, "shard", lambda own=index: Shard(own, 2))
    parts += itertools.islice(pixels.training(order, 4, 5), 1)
  for one, two, both in zip(*parts, whole, strict=True):
    np.testing.assert_array_equal(np.stack([one, two], 1).ravel(), both)


def test_pixels_without_room_are_handed_over(store, tmp_path, monkeypatch):
  needed = len(ROWS) * SIDE * SIDE * 3 / feed.SHARE
  for free, is_resident in ((needed, True), (needed - 1, False), (0.0, False)):
    monkeypatch.setattr(feed, "free_memory", lambda own=free: own)
    assert (feed.resident(store, ROWS, contexts.made(tmp_path)).rows is not None) == is_resident


def test_a_cpu_has_no_memory_of_its_own():
  assert feed.free_memory() == 0


def test_pixels_are_put_in_pieces(store, tmp_path, room, monkeypatch):
  monkeypatch.setattr(feed, "CHUNK", 4 * SIDE * SIDE * 3)
  pixels = feed.resident(store, ROWS, contexts.made(tmp_path))
  np.testing.assert_array_equal(pixels.stored, store.take(np.sort(ROWS)))


def test_tiles_are_taken_as_each_is(tmp_path):
  pixels = np.random.default_rng(0).integers(0, 256, (3, 136, 136, 3), np.uint8)
  (tmp_path / "large.bin").write_bytes(pixels.tobytes())
  tiles = Tiles(Stored(tmp_path / "large.bin", (136, 136, 3), np.uint8), 136)
  numbers = np.array([11, 0, 5, 6, 7])
  np.testing.assert_array_equal(tiles.take(numbers), [tiles(number) for number in numbers])
  np.testing.assert_array_equal(tiles(6), pixels[1, 64:128, :64])


def trained(folder, store, monkeypatch, together):
  monkeypatch.setattr(loop, "together", lambda: together)
  folder.mkdir()
  writer = MetricWriter(folder)
  context = contexts.made(folder, writer, save_every=4, reading=Reading(2, 0))
  learned = classify.Labelled(ROWS, LABELS)
  pixels = feed.resident(store, ROWS, context)
  training = Schedule(2, 2, "sgd", learning_rate=1e-3, momentum=0.9, decay=0.0, halve_lr_every=1)
  state = fit(classify.phase(Net(), pixels, learned, learned, training, context), context)
  writer.close()
  return state


def test_steps_together_and_pixels_on_the_device_train_the_same_network(store, tmp_path, monkeypatch):
  plain = trained(tmp_path / "plain", store, monkeypatch, 1)
  monkeypatch.setattr(feed, "free_memory", lambda: 1e9)
  together = trained(tmp_path / "together", store, monkeypatch, 3)
  assert int(plain.step) == int(together.step)
  for one, other in zip(jax.tree.leaves(plain.params), jax.tree.leaves(together.params), strict=True):
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.skipif(jax.device_count() > 1, reason="is what it starts")
def test_two_devices_do_so_too():
  """Each has all pixels and half of every batch."""
  command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
  done = subprocess.run(
    command, cwd=ROOT, env=os.environ | {"JAX_NUM_CPU_DEVICES": "2"}, capture_output=True, text=True
  )
  assert done.returncode == 0, done.stdout
