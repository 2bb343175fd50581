"""All pairs of many patterns: the same numbers as pair by pair, in bounded memory, in pieces, by several processes."""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import jax
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from fsim.boundary.shares import Share
from fsim.prnu import matching, tiles
from fsim.prnu.tiles import Tiles

SIZE = (96, 120)
COUNT = 12


def pattern(k):
  """Neighbouring pixels have something in common, as in real ones; photographs 0 to 5 have a sensor in common."""
  own = np.random.default_rng(k).normal(size=SIZE) + (k < 6) * 0.4 * np.random.default_rng(99).normal(size=SIZE)
  return gaussian_filter(own, 0.5).astype(np.float32)


PATTERNS = np.stack([pattern(k) for k in range(COUNT)])
NAMES = [f"{k:064x}" for k in range(COUNT)]
PAIRS = np.triu_indices(COUNT, 1)


def kept(folder):
  found = Tiles(folder)
  for name, one in zip(NAMES, PATTERNS, strict=True):
    found.keep(name, one)
  return found


@pytest.fixture
def small_tiles(monkeypatch):
  """Of three photographs a side: ten tiles, of which four lie on the diagonal."""
  monkeypatch.setattr(tiles, "MOST", 3)


@pytest.fixture
def made(monkeypatch):
  """How many photographs each tile that was computed had on either side."""
  found, pce_of = [], tiles.pce_of
  monkeypatch.setattr(tiles, "pce_of", lambda a, b: found.append((len(a.patterns), len(b.patterns))) or pce_of(a, b))
  return found


def test_all_pairs_have_the_pce_of_a_pair_by_itself(tmp_path):
  found = kept(tmp_path).pce(NAMES, SIZE)
  there = matching.aligned_pce(PATTERNS, PATTERNS)
  np.testing.assert_array_equal(found, found.T)
  np.testing.assert_allclose(np.sqrt(np.abs(found))[PAIRS], np.sqrt(np.abs(there))[PAIRS], rtol=0.03, atol=0.06)
  own, other = found[:6, :6], found[:6, 6:]
  assert own.min() > 50 > np.abs(other).max()


def test_rounding_to_eight_bits_costs_a_thousandth_of_z(tmp_path):
  rounded = np.stack([tiles.eighths(one) for one in PATTERNS]).astype(np.float32)
  whole, eight = (matching.correlation(x, x)[:6, :6][np.triu_indices(6, 1)] for x in (PATTERNS, rounded))
  np.testing.assert_allclose(eight, whole, rtol=5e-3)
  assert (eight / whole).mean() == pytest.approx(1, abs=2e-3)


def test_in_step_a_pair_has_the_pce_of_a_pair_by_itself(tmp_path):
  """That of unrelated patterns whose strength varies with the place in the block; whatever the kind of noise."""
  size, own = (160, 200), np.ones((8, 8), np.float32)
  own[::2, 3] = 4
  rng = np.random.default_rng(0)
  made = [gaussian_filter(rng.normal(size=size) * np.tile(own, (20, 25)), 0.5).astype(np.float32) for _ in NAMES]
  folders = [Tiles(tmp_path, in_step) for in_step in (True, False)]
  for found in folders:
    for name, one in zip(NAMES, made, strict=True):
      found.keep(name, one)
  there = [[matching.widening(a, b) for b in made] for a in made]
  widening = folders[1].pce(NAMES, size)[PAIRS] / folders[0].pce(NAMES, size)[PAIRS]
  np.testing.assert_allclose(widening, np.array(there)[PAIRS], rtol=0.25)
  assert widening.mean() == pytest.approx(np.mean(np.array(there)[PAIRS]), rel=0.06)
  assert widening.mean() > 1.5


def test_peaks_are_exact_sums_of_whole_numbers():
  """So that the order of sums does not change them."""
  whole = np.stack([tiles.eighths(one) for one in PATTERNS]).reshape(COUNT, -1)
  peaks = np.zeros((COUNT, COUNT), np.float32)
  exact = whole.astype(np.int64) @ whole.astype(np.int64).T
  np.testing.assert_array_equal(np.asarray(tiles._added(peaks, whole, whole, 0, whole.shape[1])), exact)
  assert tiles.CHUNK * tiles.STEPS**2 < 1 << 24


def test_patterns_in_memory_are_bounded(tmp_path, monkeypatch):
  """By two sides of a tile, and the parts of them that are multiplied; there are eight sides here."""
  size, side = (384, 384), 4
  monkeypatch.setattr(tiles, "MEMORY", 2 * side * 384**2)
  found = Tiles(tmp_path)
  names = [f"{k:064x}" for k in range(8 * side)]
  for k, name in enumerate(names):
    found.keep(name, np.random.default_rng(k).normal(size=size).astype(np.float32))
  found.make(names[: 2 * side], size)  # Compiles.
  placed, pce_of = [], tiles.pce_of
  on_devices = lambda: sum(array.nbytes for array in jax.live_arrays() if array.dtype == np.int8)  # noqa: E731
  monkeypatch.setattr(tiles, "pce_of", lambda a, b: placed.append(on_devices()) or pce_of(a, b))
  before = on_devices()
  tracemalloc.start()
  found.make(names, size)
  peak = tracemalloc.get_traced_memory()[1]
  tracemalloc.stop()
  assert max(placed) - before == tiles.MEMORY
  assert tiles.MEMORY / 2 < peak < 1.5 * tiles.MEMORY  # The side that is being read, and its files.


def test_a_tile_has_no_more_patterns_than_fit():
  assert tiles.side_for((512, 512)) == tiles.MOST
  assert 2 * tiles.side_for((2048, 2048)) * 2048**2 <= tiles.MEMORY
  assert tiles.side_for((20_000, 20_000)) == 1


def test_an_interrupted_call_goes_on_with_the_pairs_that_are_missing(tmp_path, small_tiles, made, monkeypatch):
  found = kept(tmp_path)
  save = tiles.outputs.replace
  with monkeypatch.context() as patched:
    patched.setattr(tiles.outputs, "replace", lambda *a: save(*a) if len(made) < 5 else interrupt())
    with pytest.raises(KeyboardInterrupt):
      found.make(NAMES, SIZE)
  assert len(made) == 5
  again = found.pce(NAMES, SIZE)
  assert len(made) == 5 + 6  # Of ten the fifth was lost.
  np.testing.assert_array_equal(again, kept(tmp_path / "undisturbed").pce(NAMES, SIZE))


def test_a_finished_tile_is_read_once(tmp_path, small_tiles, made, monkeypatch):
  found, read, array = kept(tmp_path), [], tiles._array
  there = found.pce(NAMES, SIZE, Share(0, 2))
  monkeypatch.setattr(tiles, "_array", lambda path, *rest: read.append(path) or array(path, *rest))
  np.testing.assert_array_equal(found.pce(NAMES, SIZE, Share(0, 2)), there)
  assert len(made) == len(set(read)) == len(read) == 10
  np.testing.assert_array_equal(there, kept(tmp_path / "alone").pce(NAMES, SIZE))


def interrupt():
  raise KeyboardInterrupt


def test_a_bit_that_flipped_on_the_disk_is_found_and_the_pairs_made_anew(tmp_path, small_tiles, made):
  """In a number it makes another finite one, by which two cameras could be linked."""
  found = kept(tmp_path)
  right = found.pce(NAMES, SIZE)
  for glob in ("pairs-*", "0*"):
    path = min(found.folder.glob(glob))
    data = bytearray(path.read_bytes())
    data[-40] ^= 0x40  # Of the last number, before its digest.
    path.write_bytes(data)
  made.clear()
  np.testing.assert_array_equal(found.pce(NAMES, SIZE), right)
  assert len(made) == 1
  assert not all(found.has(name, SIZE) for name in NAMES)


def test_several_processes_make_exactly_what_one_makes(tmp_path, small_tiles, made):
  alone = kept(tmp_path / "one").pce(NAMES, SIZE)
  made.clear()
  found = kept(tmp_path / "three")
  with ThreadPoolExecutor(3) as pool:
    list(pool.map(lambda k: found.make(NAMES, SIZE, Share(k, 3)), range(3)))
  assert 10 <= len(made) <= 16  # Each tile once, but for those that two had begun.
  made.clear()
  np.testing.assert_array_equal(found.pce(NAMES, SIZE), alone)
  assert made == []


def test_what_a_lost_process_leaves_is_done_by_the_others(tmp_path, small_tiles, made):
  found = kept(tmp_path)
  found.make(NAMES, SIZE, Share(1, 4))
  assert len(made) == 10


def test_shares_begin_with_their_own_and_do_all():
  items = list(range(11))
  orders = [Share(k, 3).order(items) for k in range(3)]
  assert [order[:3] for order in orders] == [[0, 3, 6], [1, 4, 7], [2, 5, 8]]
  assert all(sorted(order) == items for order in orders)
  assert Share().order(items) == items
