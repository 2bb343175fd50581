"""The gap between virtual and real cameras: what the statistics answer to, and that no camera stands on both sides."""

import numpy as np
import pandas as pd
import pytest
import scipy.ndimage

from benchmarks import gap_statistics, virtual_gap
from benchmarks.gap_statistics import CONTROL, GROUPS
from benchmarks.virtual_gap import EVERYTHING, FOLDS, Patches
from fsim.virtual import postprocessing
from fsim.virtual.presets import PRESETS
from tests import jpegs

RNG = np.random.default_rng(0)


def patch(plane):
  """A grey patch of 128x128 from values of that shape."""
  return np.clip(np.round(plane), 0, 255).astype(np.uint8)[..., None].repeat(3, 2)


def noisy(deviation, seed=0):
  return 100 + np.random.default_rng(seed).normal(0, deviation, (128, 128))


def cameras(number, shift, seed, images=3, make="M"):
  """Patches of cameras whose statistics are noise around a shift."""
  rng = np.random.default_rng(seed)
  rows = [
    {"make": f"{make}{c % 4}", "camera": f"{make}{c % 4} {c}", "device": f"{make}{c % 4} {c} 0", "image": f"{c} {k}"}
    for c in range(number)
    for k in range(images)
  ]
  return Patches(pd.DataFrame(rows), {name: rng.normal(shift, 1, (len(rows), 3)) for name in (*GROUPS, CONTROL)})


@pytest.fixture
def quick(monkeypatch):
  """Few trees and few resamples."""
  few = virtual_gap.ExtraTreesClassifier(10, min_samples_leaf=4, random_state=0)
  monkeypatch.setattr(virtual_gap, "forest", lambda: virtual_gap.make_pipeline(few))
  monkeypatch.setattr(virtual_gap, "RESAMPLES", 10)


@pytest.mark.parametrize("level", [0, 255])
def test_every_group_measures_even_a_flat_patch_in_finite_numbers(level):
  for name, values in gap_statistics.measure(patch(np.full((128, 128), level))).items():
    assert np.isfinite(values).all(), name


def test_more_noise_is_more_noise_and_follows_brightness_where_it_does():
  weak, strong = (gap_statistics.noise(gap_statistics.see(patch(noisy(s)))) for s in (2, 6))
  assert (strong[[0, 1, 2, 5, 6]] - weak[[0, 1, 2, 5, 6]]).min() > 0.8
  ramp = np.linspace(40, 200, 128)[:, None] + RNG.normal(0, 1, (128, 128)) * np.linspace(1, 5, 128)[:, None]
  darkest, _, brightest, *_ = gap_statistics.noise(gap_statistics.see(patch(ramp)))
  assert brightest > darkest + 0.5


def test_blur_moves_the_spectrum_to_low_frequencies_and_correlates_neighbours():
  fine = noisy(6)
  coarse = 100 + 3 * (scipy.ndimage.gaussian_filter(fine, 1.0) - 100)
  seen = [gap_statistics.see(patch(plane)) for plane in (fine, coarse)]
  high = [gap_statistics.spectrum(one)[10:15].mean() for one in seen]
  assert high[1] < high[0] - 1
  near = [gap_statistics.correlation(one)[:3] for one in seen]
  assert (near[1] > near[0] + 0.3).all()


def test_green_that_was_interpolated_shows_its_filters():
  green = noisy(6)
  interpolated = green.copy()
  mask = np.add(*np.mgrid[0:128, 0:128]) % 2 == 1
  around = scipy.ndimage.convolve(green, np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) / 4, mode="mirror")
  interpolated[mask] = around[mask]
  plain, mosaic = (gap_statistics.demosaicing(gap_statistics.see(patch(plane))) for plane in (green, interpolated))
  assert mosaic[8] > plain[8] + 0.3  # Green's quincunx: three peaks and two differences a colour.


def test_jpeg_leaves_its_grid_and_its_zeros():
  scene = jpegs.scene(128, 128)
  squeezed = postprocessing.recompress(60, "4:4:4")(scene)
  before, after = (gap_statistics.measure(one) for one in (scene, squeezed))
  assert after["8x8 block grid"][0] > before["8x8 block grid"][0] + 0.02
  assert after["JPEG quantisation"][3] > before["JPEG quantisation"][3] + 0.2
  moved = gap_statistics.measure(np.roll(squeezed, (3, 3), (0, 1)))
  assert moved["8x8 block grid"][0] < after["8x8 block grid"][0]


def test_residuals_of_grey_noise_agree_and_those_of_coloured_noise_do_not():
  grey = patch(noisy(4))
  coloured = np.clip(np.stack([noisy(4, k) for k in range(3)], -1), 0, 255).astype(np.uint8)
  same, apart = (gap_statistics.colours(gap_statistics.see(one))[:3] for one in (grey, coloured))
  assert same.min() > 0.99
  assert np.abs(apart).max() < 0.1


def test_sharpening_overshoots_at_edges():
  plane = 60 + 100 * (np.arange(128)[None] % 64 > 31) + RNG.normal(0, 0.5, (128, 128))
  soft = scipy.ndimage.gaussian_filter(plane, 1.0)
  sharp = soft + 1.5 * (soft - scipy.ndimage.gaussian_filter(soft, 2.0))
  plain, over = (gap_statistics.edges(gap_statistics.see(patch(one))) for one in (soft, sharp))
  assert over[6] - over[9] > plain[6] - plain[9] + 0.03  # Two pixels behind the edge against five.


def test_clipping_and_coarse_contrast_are_counted():
  burnt = patch(np.where(noisy(30) > 120, 255, 100))
  ends = [gap_statistics.clipping(gap_statistics.see(one))[3] for one in (burnt, patch(noisy(5)))]
  assert ends[0] > ends[1] + 3
  coarse = 100 + 20 * (scipy.ndimage.gaussian_filter(noisy(6), 8) - 100)
  fine, smooth = (gap_statistics.local_tone(gap_statistics.see(patch(plane)))[:4] for plane in (noisy(6), coarse))
  assert smooth[-1] > fine[-1] + 1  # Of the coarsest octave over the next.


def test_no_camera_stands_in_two_folds_and_both_kinds_are_in_each():
  names = [f"real {k % 7}" for k in range(40)] + [f"virtual {k % 11}" for k in range(60)]
  is_real = np.arange(100) < 40
  fold = virtual_gap.folds(names, is_real, 0)
  assert all(len(set(fold[np.asarray(names) == name])) == 1 for name in names)
  assert set(fold[is_real]) == set(fold[~is_real]) == set(range(FOLDS))
  with pytest.raises(ValueError, match="got 2 real ones"):
    virtual_gap.folds(["a", "b", *"cdefgh"], np.arange(8) < 2, 0)


def test_cameras_count_equally_however_many_patches_they_have():
  weight = virtual_gap.evenly(["a", "a", "a", "b"])
  np.testing.assert_allclose(weight, [1 / 6, 1 / 6, 1 / 6, 1 / 2])


def test_what_differs_is_told_and_what_does_not_is_not(quick):
  kept = [name for name in GROUPS if name != "clipping, histogram"]
  real, virtual = cameras(8, 0.0, 1, images=8), cameras(8, 0.0, 2, images=8)
  virtual.groups["clipping, histogram"][:] += 3
  table = virtual_gap.gap(real, virtual)
  assert table.loc["clipping, histogram", "all"] > 0.95
  assert table.loc[EVERYTHING, "all"] > 0.9
  assert table.loc[kept, "all"].mean() == pytest.approx(0.5, abs=0.1)
  assert (table["low"] <= table["high"]).all()
  assert table.loc[EVERYTHING, "numbers"] == 3 * len(GROUPS)  # The control is not among them.


def test_a_camera_that_can_be_known_by_itself_alone_is_no_gap(quick):
  rng = np.random.default_rng(0)
  names = [f"{side} {k}" for side in ("real", "virtual") for k in range(12) for _ in range(10)]
  own = {name: rng.normal(0, 5, 4) for name in set(names)}
  x = np.array([own[name] + rng.normal(0, 0.1, 4) for name in names])
  is_real = np.arange(len(names)) < len(names) // 2
  told = virtual_gap.out_of_fold(x, names, is_real, virtual_gap.forest())
  assert virtual_gap.auc(told, names, is_real, np.ones(len(x), bool))[0] < 0.9


def test_distance_is_nothing_for_one_camera_and_grows_with_what_parts_two():
  same = cameras(2, 0.0, 3, images=200)
  near = virtual_gap.distances(same, "camera")
  assert len(near) == 1
  assert near[list(GROUPS)].to_numpy().max() < 0.25
  for name in GROUPS:
    same.groups[name][:200] += 4
  apart = virtual_gap.distances(same, "camera")
  np.testing.assert_allclose(apart[list(GROUPS)].to_numpy(), 4, atol=0.6)


def test_neighbours_are_of_one_make_or_of_two_and_the_nearest_is_the_nearest():
  patches = cameras(8, 0.0, 4, images=20)
  for name in GROUPS:
    patches.groups[name] += 3.0 * np.repeat(np.arange(8) // 2, 20)[:, None]  # Two and two are alike.
  found = virtual_gap.neighbours(patches)
  assert (found["cameras"], found["same make, pairs"], found["two makes, pairs"]) == (8, 4, 24)
  assert found["nearest of a dozen"] < 0.6
  assert found["same make"] == pytest.approx(6, rel=0.1)  # Makes repeat every four cameras.


def test_frames_are_spread_over_models_and_scenes_and_come_scene_by_scene():
  preset, frames = virtual_gap.drawn(PRESETS["virtual/similarity"], 20, 3)
  assert len({frame.model for frame in frames}) == 20
  assert len(set(frames)) == len(frames) == 60
  assert [frame.scene for frame in frames] == sorted(frame.scene for frame in frames)
  assert preset.side == virtual_gap.SIDE
  assert len(virtual_gap.drawn(PRESETS["virtual/default"], 60, 3)[1]) == 6 * 3


def test_photographs_of_a_folder_are_named_and_no_device_has_too_many(tmp_path):
  (tmp_path / "natural").mkdir()
  lines = ["filename,brand,model,instance,subset"]
  for number in range(5):
    lines.append(f"A_B_{number // 4}_{number}.JPG,A,B,{number // 4},natural")
    file = tmp_path / "natural" / f"A_B_{number // 4}_{number}.JPG"
    file.write_bytes(postprocessing.compressed(jpegs.scene(128, 256, number), 95, "4:4:4"))
  (tmp_path / "list.csv").write_text("\n".join([*lines, "A_B_0_9.JPG,A,B,0,flat-field"]))
  measured = virtual_gap.measure(virtual_gap.real(tmp_path, 2), "real")
  assert set(measured.table["image"]) == {"A_B_0_0.JPG", "A_B_0_3.JPG", "A_B_1_4.JPG"}
  assert set(measured.table["camera"]) == {"A B"}
  assert all(len(x) == len(measured.table) for x in measured.groups.values())
  assert virtual_gap.kinds(measured, len(measured.table) + 1).keys() == {"all"}


def test_the_figure_is_drawn(tmp_path, quick):
  real, virtual = cameras(8, 0.0, 5), cameras(8, 1.0, 6)
  for patches in (real, virtual):
    for name in GROUPS:
      patches.groups[name] = np.random.default_rng(0).normal(size=(len(patches.table), 22))
  virtual_gap.figure(real, {"made": virtual}, {"made": virtual_gap.gap(real, virtual)}, tmp_path / "gap.png")
  assert (tmp_path / "gap.png").stat().st_size > 10_000
