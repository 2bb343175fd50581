"""What a photograph can show, told by imaginary cameras' photographs."""

import numpy as np
import pytest

from fsim.data.quantisation import Compression
from fsim.evidence import quality
from fsim.prnu import probe
from tests import sensors


def pixels(factor: float = 1.0) -> np.ndarray:
  return np.clip(np.asarray(sensors.photograph(0, 1)) * factor, 0, 255).astype(np.uint8)


def measured(image: np.ndarray, compression: Compression | None = None) -> quality.Quality:
  return quality.measured(probe.filtered(image[None]), compression)


def test_a_dark_photograph_has_less_information():
  assert measured(pixels(0.2)).information < measured(pixels()).information


def test_saturated_pixels_have_none():
  half = pixels(0.8)
  half[:, : sensors.SIDE // 2] = 255
  assert measured(half).information < measured(pixels(0.8)).information
  assert measured(half).saturated == pytest.approx(0.5, abs=0.1)


def test_texture_is_told_from_a_plain_picture():
  rough = np.clip(pixels(0.8) + np.random.default_rng(0).normal(0, 20, (sensors.SIDE, sensors.SIDE, 1)), 0, 255)
  assert measured(rough.astype(np.uint8)).texture < measured(pixels(0.8)).texture


def test_stronger_compression_is_told_and_none_counts_as_the_best():
  strong, none = measured(pixels(), Compression(20.0, 0.8)), measured(pixels())
  assert strong.step > none.step


def test_features_are_those_that_are_named_and_finite():
  found = measured(np.zeros((sensors.SIDE, sensors.SIDE, 3), np.uint8))
  assert found.features().shape == (len(quality.NAMES),)
  assert np.isfinite(found.features()).all()
  assert found.pixels == sensors.SIDE**2
