"""The comparison of learned and classical noise measures what the commands do, on the pairs that it names."""

import numpy as np
import pandas as pd
import pytest

from benchmarks import learned_noise, learned_noise_real, noise_photographs
from benchmarks.noise_photographs import Photos
from fsim.prnu import fingerprints, matching, probe
from fsim.prnu.settings import DEFAULT, LEARNED
from tests.test_prnu_matching import blockwise


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
  """Two twins and four photographs of two devices, of one scene each."""
  patch = pytest.MonkeyPatch()
  paired, devices = noise_photographs.paired()[:1], noise_photographs.devices()[:2]
  few = {"TWIN_SCENES": 1, "paired": lambda: paired, "TWIN_SIDE": 128}
  few |= {"SCENES": 1, "devices": lambda: devices, "SHOTS": 2, "SIDE": 64}
  for name, value in few.items():
    patch.setattr(noise_photographs, name, value)
  folder = tmp_path_factory.mktemp("photographs")
  made = noise_photographs.make(folder, workers=1)
  before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
  noise_photographs.make(folder, workers=1)
  assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before
  patch.undo()
  return made


def alike(a, b):
  return np.corrcoef(a.ravel().astype(float), b.ravel().astype(float))[0, 1]


def test_twins_share_all_but_the_sensor(photos):
  twins, _ = photos
  assert twins.pixels.shape == (2, 128, 128, 3)
  assert alike(*twins.pixels) > 0.95
  assert abs(alike(*twins.pattern)) < 0.25


def test_photographs_of_a_device_share_its_pattern_and_no_other(photos):
  _, series = photos
  assert series.device.tolist() == [0, 0, 1, 1]
  assert alike(series.pattern[0], series.pattern[1]) > 0.99
  assert abs(alike(series.pattern[0], series.pattern[2])) < 0.25


@pytest.mark.parametrize("settings", [DEFAULT, LEARNED])
def test_patterns_are_those_of_the_commands(photos, settings):
  pixels = photos[1].pixels
  found = learned_noise.patterns(pixels, settings)
  assert len(found.query) == 4
  same = {"rtol": 1e-3, "atol": 1e-3}
  np.testing.assert_allclose(found.query, probe.against_fingerprint(pixels, settings), **same)
  np.testing.assert_allclose(found.pair, probe.against_image(pixels, settings), **same)
  sums = fingerprints.add(fingerprints.nothing(pixels.shape[1:3]), pixels[1], settings)
  for part, expected in zip(found.sums, sums, strict=True):
    np.testing.assert_allclose(part[1], expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_patterns_are_resized_and_cut_with_their_photographs(photos, monkeypatch):
  monkeypatch.setattr(learned_noise, "USUAL", 64)
  twins, _ = photos
  for _, value, make in learned_noise.conditions(twins):
    if value in (128, 64, 75, learned_noise.FACTOR):
      made = make()
      assert made.pixels.shape[:3] == made.pattern.shape
      assert made.pixels.shape[1] == (value if value in (128,) else 64)


def test_tiles_are_of_one_place_in_both(photos):
  twins, _ = photos
  found = learned_noise.tiles(Photos(twins.pixels, twins.pixels[..., 0] / 1.0, twins.device), 64)
  assert found.pixels.shape == (8, 64, 64, 3)
  np.testing.assert_array_equal(found.pixels[..., 0], found.pattern)
  assert (found.device % 2).tolist() == [0, 1] * 4


def test_what_is_shown_of_pairs_is_the_pce_of_a_match():
  a, b = blockwise(3, 3), blockwise(4, 3)
  for in_step in (False, True):
    found = learned_noise_real.pce(a, b, in_step)
    widening = np.array([[matching.widening(x, y) if in_step else 1 for y in b] for x in a])
    np.testing.assert_allclose(found, matching.aligned_pce(a, b, exact=False) / widening, rtol=0.02)


def test_false_matches_are_those_of_others_above_the_threshold():
  same = np.array([True] * 10 + [False] * 1000)
  pce = np.concatenate([np.full(10, 12.0), np.linspace(-5, 5, 997), [9.0, 10.0, 20.0]])
  row = learned_noise_real.told(same, pce, ~same)
  assert (row["false 0.001"], row["false 0.0001"], row["expected 0.001"]) == (2, 1, 1.0)
  assert row["low 0.0001"] == pytest.approx(0.0253, abs=1e-3)  # Clopper and Pearson, one of many.
  assert row["high 0.0001"] == pytest.approx(5.57, abs=0.02)
  assert (row["found 0.001"], row["found 0.0001"]) == (1, 0)


def test_the_figure_shows_what_was_measured_and_joins_only_steps(tmp_path):
  rows = [("true pattern", learned_noise.SIDE, 64), ("true pattern", learned_noise.SIDE, 256)]
  rows += [("true pattern", learned_noise.COMPRESSED, 90), ("true pattern", learned_noise.RESIZED, 0.75)]
  table = pd.DataFrame([(*row, m, 0.9, 0.5) for row in rows for m in learned_noise.METHODS])
  table.columns = ["against", "condition", "value", "method", "auc", "tpr"]
  sides, saved, fingerprints_, real = learned_noise.panels(table, pd.DataFrame())
  assert sides.table["place"].tolist() == ["64", "64", "256", "256"]
  assert list(dict.fromkeys(saved.table["place"])) == ["as it is", "90", "resized\nby 0.75"]
  assert len(fingerprints_.table) == len(real.table) == 0
  learned_noise.draw(table, pd.DataFrame(), tmp_path / "figure.png")
  assert (tmp_path / "figure.png").stat().st_size > 5000
