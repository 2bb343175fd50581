import functools
import json

import numpy as np
import pytest

from fsim.prnu import fingerprints, matching, probe
from fsim.prnu.residuals import DEFAULT, Settings
from tests.jpegs import scene

SIZE = (128, 128)
PATTERN = 1 + 0.03 * np.random.default_rng(9).normal(size=(*SIZE, 1))


def photograph(seed, pattern=PATTERN):
  grain = np.random.default_rng(seed + 100).normal(size=(*SIZE, 3))
  return np.clip(scene(*SIZE, seed=seed) * pattern + grain, 0, 255).astype(np.uint8)


@functools.cache
def made(first, last, device="a"):
  sums = fingerprints.nothing(SIZE)
  for seed in range(first, last):
    sums = fingerprints.add(sums, photograph(seed), DEFAULT)
  return fingerprints.estimate(sums, device, tuple(f"{k}" for k in range(first, last)), DEFAULT)


def test_a_fingerprint_knows_its_sensor_and_no_other():
  pattern = made(0, 8).pattern()
  own, other = photograph(50), photograph(50, pattern=np.roll(PATTERN, 5, 0))
  pce = matching.aligned_pce(probe.against_fingerprint(np.stack([own, other])), pattern[None])
  assert pce[0, 0] > 60
  assert pce[1, 0] < matching.threshold(1e-4, 1)


def test_the_estimate_comes_nearer_to_the_pattern_with_every_image():
  truth = (PATTERN[..., 0] - 1)[8:-8, 8:-8].ravel()
  nearness = [np.corrcoef(made(0, n).estimate[8:-8, 8:-8].ravel(), truth)[0, 1] for n in (1, 4, 8)]
  assert nearness[0] < nearness[1] < nearness[2]


def test_pixels_that_few_images_show_come_down():
  """Half of the pixels are saturated in all images but one: less is known of them, and less is said."""
  sums = fingerprints.nothing(SIZE)
  for seed in range(6):
    image = photograph(seed)
    image[:, :64] = image[:, :64] if seed == 0 else 255
    sums = fingerprints.add(sums, image, DEFAULT)
  whole = fingerprints.estimate(sums, "a", ("0",), DEFAULT)
  seldom, often = (slice(8, -8), slice(8, 56)), (slice(8, -8), slice(72, -8))
  assert whole.estimate[seldom].std() > 1.1 * whole.estimate[often].std()
  pattern = whole.pattern()
  assert pattern[seldom].std() < pattern[often].std()


def test_two_halves_merged_are_the_whole():
  merged, whole = fingerprints.merge(made(0, 3), made(3, 8)), made(0, 8)
  np.testing.assert_allclose(merged.estimate, whole.estimate, atol=1e-5 * np.abs(whole.estimate).max())
  np.testing.assert_allclose(merged.weight, whole.weight, rtol=1e-5)
  assert merged.images == whole.images


def test_what_cannot_be_merged_is_refused():
  with pytest.raises(ValueError, match="2 images are in both"):
    fingerprints.merge(made(0, 3), made(1, 4))
  with pytest.raises(ValueError, match="differ in size or settings"):
    fingerprints.merge(made(0, 3), made(3, 8)._replace(settings=Settings(sigma=3.0)))


def test_no_image_no_fingerprint():
  with pytest.raises(ValueError, match="no image is left for the fingerprint of x"):
    fingerprints.estimate(fingerprints.nothing(SIZE), "x", (), DEFAULT)


@pytest.mark.parametrize(("bits", "tolerance"), [(16, 1e-3), (32, 1e-6)])
def test_files_keep_pattern_and_metadata(tmp_path, bits, tolerance):
  path, whole = tmp_path / "cam.npz", made(0, 3)
  fingerprints.save(path, whole, bits)
  read = fingerprints.load(path)
  np.testing.assert_allclose(read.estimate, whole.estimate, atol=tolerance * np.abs(whole.estimate).max())
  np.testing.assert_allclose(read.weight, whole.weight, rtol=tolerance, atol=tolerance * whole.weight.max())
  assert read[2:] == whole[2:]
  with np.load(path) as file:
    about = json.loads(str(file["about"]))
    assert (about["bits"], about["size"], file["estimate"].dtype.itemsize) == (bits, [128, 128], bits // 8)
