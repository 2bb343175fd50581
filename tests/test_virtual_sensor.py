"""Sensor, demosaicing and file: do they do what physics and the papers say?"""

import io
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fsim.virtual import demosaic, jpeg_encoder, pipeline, sensor
from fsim.virtual.reference_models import AUREL, SIX
from fsim.virtual.seeds import generator

PLAIN = replace(
  AUREL.sensor,
  prnu=0.0,
  shading=0.0,
  dark=0.0,
  hot=0.0,
  lines=0.0,
  full_well=20000.0,
  read_noise=8.0,
  bits=14,
  black=256,
)
BAYERS = st.sampled_from(["RGGB", "GRBG", "GBRG", "BGGR"])


@pytest.mark.parametrize("iso", [1.0, 4.0])
def test_the_photon_transfer_curve_gives_the_gain_back(iso):
  own = sensor.maps(PLAIN, 0, "d", 200, 200)
  means, variances = [], []
  for level in np.linspace(0.05, 0.8, 9):
    light = np.full((200, 200), level, np.float32)
    a, b = (sensor.expose(light, PLAIN, own, iso, 0.0, generator(0, k, f"{level}")).astype(float) for k in (1, 2))
    means.append(a.mean() - PLAIN.black)
    variances.append((a - b).var() / 2)
  slope, at_zero = np.polyfit(means, variances, 1)
  gain = iso * (2**14 - 1 - 256) / 20000  # DN an electron.
  assert slope == pytest.approx(gain, rel=0.03)
  assert np.sqrt(at_zero) / gain == pytest.approx(8, rel=0.25)


def test_more_flat_fields_bring_the_estimate_nearer_to_the_prnu_that_was_put_in():
  kind = replace(PLAIN, prnu=0.008)
  own = sensor.maps(kind, 0, "d", 128, 128)
  light = np.full((128, 128), 0.6, np.float32)
  frames = [sensor.expose(light, kind, own, 1.0, 0.0, generator(0, k)).astype(float) for k in range(100)]
  agreement = [np.corrcoef(np.mean(frames[:n], 0).ravel(), own.gain.ravel())[0, 1] for n in (1, 10, 100)]
  assert agreement == sorted(agreement)
  assert agreement[0] < 0.8
  assert agreement[-1] > 0.95


def test_dark_frames_show_the_dark_pattern_and_grow_with_time():
  kind = replace(PLAIN, dark=6.0, hot=1e-3)
  own = sensor.maps(kind, 0, "d", 128, 128)
  night = np.zeros((128, 128), np.float32)
  long, short = (
    np.mean([sensor.expose(night, kind, own, 1.0, t, generator(0, k)).astype(float) for k in range(30)], 0)
    for t in (30.0, 1.0)
  )
  cold = np.asarray(own.dark, float) < 40
  assert np.corrcoef(long[cold], own.dark[cold])[0, 1] > 0.95
  assert (long - 256)[cold].mean() == pytest.approx(30 * (short - 256)[cold].mean(), rel=0.1)


def test_devices_have_patterns_of_their_own_and_always_the_same():
  first, again, other = (sensor.maps(AUREL.sensor, 3, name, 64, 64) for name in ("a", "a", "b"))
  np.testing.assert_array_equal(first.gain, again.gain)
  assert abs(np.corrcoef(first.gain.ravel(), other.gain.ravel())[0, 1]) < 0.1


def test_too_much_light_is_clipped_at_the_top_of_the_converter():
  own = sensor.maps(PLAIN, 0, "d", 16, 16)
  assert (sensor.expose(np.full((16, 16), 5, np.float32), PLAIN, own, 1.0, 0.0, generator(0)) >= 2**14 - 60).all()


def test_hot_pixels_are_mended_and_edges_are_not():
  raw = np.full((32, 32), 256 + 2000, np.uint16)
  raw[:, 16:] += 6000
  edge = sensor.linear(raw, PLAIN, mends=True)
  raw[8, 8] = 16000
  mended = sensor.linear(raw, PLAIN, mends=True)
  np.testing.assert_allclose(mended, edge, atol=1e-6)
  assert sensor.linear(raw, PLAIN, mends=False)[8, 8] > 0.9


@settings(max_examples=20, deadline=None)
@given(BAYERS, st.sampled_from(list(demosaic.METHODS)), st.integers(0, 9))
def test_demosaicing_keeps_what_was_measured_and_even_colours(bayer, method, seed):
  rng = generator(seed)
  colour = rng.random((3, 1, 1), dtype=np.float32)
  even = sensor.mosaic(np.broadcast_to(colour, (3, 32, 36)).copy(), bayer)
  np.testing.assert_allclose(demosaic.demosaic(even, bayer, method), np.broadcast_to(colour, (3, 32, 36)), atol=1e-5)
  raw = rng.random((32, 36), dtype=np.float32)
  np.testing.assert_allclose(sensor.mosaic(demosaic.demosaic(raw, bayer, method), bayer), raw, atol=1e-6)


@pytest.mark.parametrize("method", ["malvar", "menon"])
def test_better_methods_are_nearer_to_the_scene_than_bilinear(method):
  grey = scipy.ndimage.gaussian_filter(generator(1).random((128, 128), dtype=np.float32), 1.0)
  scene = np.stack([grey * 0.9, grey, grey * 0.8])
  raw = sensor.mosaic(scene, "GRBG")
  error, of_bilinear = (
    np.abs(demosaic.demosaic(raw, "GRBG", m) - scene)[:, 8:-8, 8:-8].mean() for m in (method, "bilinear")
  )
  assert error < 0.6 * of_bilinear


@pytest.mark.parametrize("bayer", ["RGGB", "GRBG", "GBRG", "BGGR"])
def test_the_methods_agree_with_the_library(bayer):
  library = pytest.importorskip("colour_demosaicing", reason="pip install colour-demosaicing")
  raw = scipy.ndimage.gaussian_filter(generator(0).random((64, 80), dtype=np.float32), 0.8)
  peers = {
    "bilinear": library.demosaicing_CFA_Bayer_bilinear(raw, bayer),
    "malvar": library.demosaicing_CFA_Bayer_Malvar2004(raw, bayer),
    "menon": library.demosaicing_CFA_Bayer_Menon2007(raw, bayer, refining_step=False),
  }
  for method, peer in peers.items():
    ours = demosaic.demosaic(raw, bayer, method)
    np.testing.assert_allclose(ours[:, 8:-8, 8:-8], np.moveaxis(peer, 2, 0)[:, 8:-8, 8:-8], atol=1e-5)


@pytest.mark.parametrize("method", list(demosaic.METHODS))
def test_demosaicing_leaves_a_correlation_of_period_two(method):
  """Interpolated pixels are predicted by their neighbours better than measured ones (Popescu & Farid 2005)."""
  raw = 0.5 + 0.1 * generator(2).standard_normal((256, 256), dtype=np.float32)
  green = demosaic.demosaic(raw, "GRBG", method)[1]
  misfit = np.abs(green - scipy.ndimage.uniform_filter(green, 3))
  spectrum = np.abs(np.fft.fft2(misfit - misfit.mean()))
  assert spectrum[128, 128] > 20 * np.median(spectrum)  # Green is a chequerboard: frequency (1/2, 1/2).


def test_odd_mosaics_are_refused():
  with pytest.raises(ValueError, match="even sides, got 31x32"):
    demosaic.demosaic(np.zeros((31, 32), np.float32), "RGGB", "malvar")


@settings(max_examples=20, deadline=None)
@given(st.floats(1, 8), st.floats(1, 7), st.sampled_from(list(jpeg_encoder.SUBSAMPLINGS)), st.integers(0, 3))
def test_a_file_tells_its_tables_and_its_camera(step, rise, subsampling, turns):
  encoder = jpeg_encoder.Encoder(step, rise, 1.5, 1.3, subsampling)
  label = jpeg_encoder.Label("Make", "Model", "123", datetime(2009, 1, 2, 3, 4, 5), turns)
  pixels = generator(0).integers(0, 255, (32, 48, 3), dtype=np.uint8)
  with Image.open(io.BytesIO(jpeg_encoder.encode(pixels, encoder, label))) as image:
    image.load()
    assert (image.quantization[0], image.quantization[1]) == jpeg_encoder.tables(encoder)
    assert image.layer[0][1:3] == {"4:4:4": (1, 1), "4:2:2": (2, 1), "4:2:0": (2, 2)}[subsampling]
    tags = image.getexif()
    assert (tags[271], tags[272], tags[274]) == ("Make", "Model", (1, 6, 3, 8)[turns])
    assert tags.get_ifd(0x8769)[36867] == "2009:01:02 03:04:05"


def test_the_six_models_have_tables_of_their_own():
  assert len({jpeg_encoder.tables(model.encoder)[0].__repr__() for model in SIX}) == len(SIX)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.5, 2), st.floats(-1, 1))
def test_the_tone_curve_rises_from_black_to_white(contrast, lift):
  ramp = np.broadcast_to(np.linspace(0, 1, 200, dtype=np.float32), (3, 1, 200)).copy()
  curve = pipeline.tone(ramp, contrast, lift)[0, 0]
  assert (np.diff(curve) >= 0).all()
  assert (curve[0], curve[-1]) == pytest.approx((0, 1), abs=1e-3)  # A quarter of a grey level.


def test_noise_reduction_flattens_noise_and_spares_edges():
  clean = np.full((64, 64), 0.3, np.float32)
  clean[:, 32:] = 0.7
  noisy = clean + 0.02 * generator(0).standard_normal(clean.shape, dtype=np.float32)
  quiet = pipeline.denoise(noisy, 0.02)
  assert (quiet - clean)[:, :24].std() < 0.5 * (noisy - clean)[:, :24].std()
  assert quiet[:, 32].mean() - quiet[:, 31].mean() > 0.36


def test_sharpening_steepens_edges_up_to_its_limit():
  edge = scipy.ndimage.gaussian_filter(np.repeat(np.float32([[0.2] * 16 + [0.8] * 16]), 32, 0), 1.0)
  sharp = pipeline.sharpen(edge, 1.5, 1.0, 0.1)
  assert np.diff(sharp).max() > 1.3 * np.diff(edge).max()
  assert np.abs(sharp - edge).max() <= 0.1 + 1e-6
