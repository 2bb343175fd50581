import jax
import numpy as np
import pytest
import pywt
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import prnu_reference as reference
from fsim.prnu import matching, probe
from fsim.prnu.probe import Look
from fsim.prnu.residuals import DEFAULT, Settings, clean, compiled_noise, local_power, residuals
from fsim.prnu.wavelet import Transform
from tests.jpegs import scene

SIZES = [(64, 65), (130, 91), (77, 160)]
SHARPER = Settings(wavelet="db8", sigma=3.0)
# Both of one program, since to compile the filter is most of what these tests take.
NOISE_AND_RESIDUALS = jax.jit(
  lambda images, setting: (compiled_noise(images, setting), residuals(images, setting)), static_argnums=1
)


def relative(a, b):
  return np.abs(np.asarray(a) - b).max() / np.abs(b).max()


@pytest.mark.filterwarnings("ignore:Level value of 4:UserWarning")
@pytest.mark.parametrize(("name", "size"), [("db2", SIZES[0]), ("db4", SIZES[0]), ("db4", SIZES[1]), ("db8", SIZES[1])])
def test_the_transform_is_that_of_pywavelets(name, size):
  image = np.random.default_rng(0).normal(size=size).astype(np.float32)
  approximation, *details = pywt.wavedec2(image, name, mode="symmetric", level=4)
  ours, found = jax.tree.map(np.asarray, jax.jit(lambda x: Transform(name).analyse(x, 4))(image))
  assert relative(ours, approximation) < 1e-5
  for bands, theirs in zip(found, reversed(details), strict=True):
    for band, there in zip(bands, theirs, strict=True):
      assert relative(band, there) < 1e-5
  whole = pywt.waverec2([0 * approximation, *details], name, mode="symmetric")[: size[0], : size[1]]
  assert relative(jax.jit(lambda x: Transform(name).synthesise(x, size))(found), whole) < 1e-5


def test_wavelets_that_are_not_orthogonal_are_refused():
  with pytest.raises(ValueError, match=r"bior2\.2 is not orthogonal"):
    Transform("bior2.2").analyse(np.zeros((64, 64), np.float32), 1)


@pytest.mark.filterwarnings("ignore:Level value of 4:UserWarning")
@pytest.mark.parametrize(("setting", "size"), [(DEFAULT, SIZES[0]), (DEFAULT, SIZES[1]), (SHARPER, SIZES[2])])
def test_residuals_are_those_of_the_slow_reference(setting, size):
  image = scene(*size)
  options = {"wavelet": setting.wavelet, "sigma": setting.sigma}
  found, clear = NOISE_AND_RESIDUALS(image[None], setting)
  assert relative(found[0], reference.noise(image, **options)) < 1e-4
  assert relative(clear[0], reference.residual(image, **options)) < 1e-4


def test_images_of_a_batch_do_not_touch_each_other():
  images = np.stack([scene(*SIZES[0], seed=k) for k in range(3)])
  alone = np.concatenate([NOISE_AND_RESIDUALS(images[k : k + 1], DEFAULT)[1] for k in range(3)])
  np.testing.assert_allclose(residuals(images), alone, atol=1e-4)


def test_a_smooth_image_leaves_little_and_noise_is_kept():
  y, x = np.mgrid[:96, :96]
  smooth = np.stack([60 + x + y / 2] * 3, -1)
  grain = np.random.default_rng(0).normal(scale=2.0, size=(96, 96, 1))
  plain, noisy = (_filtered(image) for image in (smooth, smooth + grain))
  assert plain[8:-8, 8:-8].std() < 0.6
  kept = np.corrcoef(noisy[8:-8, 8:-8].ravel(), grain[8:-8, 8:-8, 0].ravel())[0, 1]
  assert kept > 0.9


def _filtered(image):
  return np.asarray(compiled_noise(np.round(image).astype(np.uint8)[None], DEFAULT))[0]


def test_means_of_each_phase_and_periodic_patterns_go():
  rng = np.random.default_rng(0)
  pattern = rng.normal(size=(1, 64, 96)).astype(np.float32)
  grid = np.zeros_like(pattern)
  grid[:, ::8, :] += 3
  grid[:, :, 1::2] += 2
  left = np.asarray(clean(pattern + grid, DEFAULT._replace(whiten=False)))[0]
  for i in (0, 1):
    for j in (0, 1):
      assert np.abs(left[i::2, j::2].mean(0)).max() < 1e-5
      assert np.abs(left[i::2, j::2].mean(1)).max() < 1e-5
  wave = 3 * np.cos(2 * np.pi * np.add.outer(np.arange(64) / 8, np.arange(96) / 8)).astype(np.float32)
  left = np.asarray(clean(wave + pattern, DEFAULT))[0]
  assert abs(np.vdot(left, wave)) < 0.2 * np.vdot(wave, wave)


def test_unknown_zero_mean_is_refused():
  with pytest.raises(ValueError, match="zero_mean must be"):
    clean(np.zeros((1, 64, 64), np.float32), Settings(zero_mean="rows"))


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 63), st.integers(64, 70))
def test_tiny_images_are_refused_with_the_reason(short, long):
  with pytest.raises(ValueError, match=f"{long}x{short} pixels are too few for a noise residual: at least 64"):
    compiled_noise(np.zeros((1, short, long, 3), np.uint8), DEFAULT)


def test_local_power_is_the_mean_square_of_the_surroundings():
  x = np.random.default_rng(0).normal(size=(20, 24)).astype(np.float32)
  np.testing.assert_allclose(local_power(x)[10, 12], (x[6:15, 8:17] ** 2).mean(), rtol=1e-5)


def test_an_image_that_can_answer_nothing_has_its_cause():
  good = scene(96, 96)
  bright, black, plain = good.copy(), good.copy(), np.full((96, 96, 3), 90, np.uint8)
  bright[:80], black[:80] = 255, 2
  causes = ["over-exposed: 83 %", "under-exposed: 83 %", "no noise left", "too small: 63 pixels"]
  for image, cause in zip([bright, black, plain, good[:63]], causes, strict=True):
    found, objection = probe.examined(image)
    assert (found, objection.startswith(cause)) == (None, True)
    assert probe.look(image, probe.for_image) == Look(objection, None)
  found, objection = probe.examined(good)
  look = probe.look(good, probe.for_image)
  assert objection == look.objection == ""
  np.testing.assert_array_equal(look.pattern, probe.for_image(found)[0])


@pytest.mark.parametrize("ask", [probe.against_fingerprint, probe.against_image])
def test_saturated_pixels_do_not_count(ask):
  image = scene(96, 96)
  image[20:40, 20:40] = 255
  found = np.abs(np.asarray(ask(image[None]))[0])
  assert found[21:39, 21:39].mean() < 0.15 * found.mean()


@pytest.mark.parametrize("ask", [probe.against_fingerprint, probe.against_image])
def test_two_sensors_behind_one_encoder_do_not_match_by_its_grid(ask):
  """A pattern of 8x8 pixels, weaker than the noise and fading over the image, as JPEG encoders leave it."""
  size, rng = (192, 256), np.random.default_rng(0)
  fading = np.linspace(0.5, 1.5, size[1])
  grid = fading * np.tile(rng.normal(size=(8, 8)), (size[0] // 8, size[1] // 8))
  scenes = [110 + rng.normal(scale=2.0, size=size) for _ in range(2)]
  seen = [np.clip(np.stack([s + grid] * 3, -1).round(), 0, 255).astype(np.uint8) for s in scenes]
  alone = np.asarray(residuals(np.stack(seen)))
  limit = matching.threshold(1e-4, 1)
  assert matching.aligned_pce(alone[:1], alone[1:]).item() > limit
  patterns = np.asarray(ask(np.stack(seen)))
  assert abs(matching.aligned_pce(patterns[:1], patterns[1:]).item()) < limit


@pytest.mark.parametrize("size", [(64, 64), (65, 91), (1000, 750)])
def test_little_is_lost_with_the_grid(size):
  kept = probe._off_grid(*size)
  assert kept.mean() > 0.93
  assert not kept[0, 0]


@pytest.mark.parametrize("ask", [probe.against_fingerprint, probe.against_image])
def test_texture_counts_no_more_than_smooth_parts(ask):
  rng = np.random.default_rng(0)
  image = 110 + rng.normal(scale=1.5, size=(128, 256, 1)) + np.zeros(3)
  image[:, 128:] += rng.normal(scale=12.0, size=(128, 128, 1))
  found = np.asarray(ask(np.clip(image.round(), 0, 255).astype(np.uint8)[None]))[0]
  assert found[:, 140:].std() == pytest.approx(found[:, :116].std(), rel=0.15)
