"""The true pattern of a virtual photograph lies where the photograph has it."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from fsim.prnu.residuals import residuals
from fsim.virtual import dataset
from fsim.virtual.presets import PRESETS
from fsim.virtual.random_models import invent
from fsim.virtual.shots import NO_SCENE, Frame

PLAIN = invent("Ardent", "C4")


def strong(**pipeline) -> dataclasses.dataclass:
  """A preset of one model whose pixels differ by 4 %, processed little, of which flat fields are taken."""
  sensor = dataclasses.replace(PLAIN.sensor, prnu=0.04, shading=0.0, full_well=30000.0)
  own = dataclasses.replace(PLAIN.pipeline, **({"quiet": 0.0, "size": 1.0} | pipeline))
  encoder = dataclasses.replace(PLAIN.encoder, step=1.0)
  model = dataclasses.replace(PLAIN, sensor=sensor, pipeline=own, encoder=encoder)
  return dataclasses.replace(PRESETS["virtual/tiny"], models=(model,), devices=(2,), side=192)


def coherences(preset, frame: Frame) -> np.ndarray:
  """Normalised correlation of the residual with the true pattern at every cyclic shift."""
  pixels = np.asarray(Image.open(io.BytesIO(dataset.picture(preset, frame))))
  seen, true = np.asarray(residuals(pixels[None]))[0], dataset.delivered(preset, frame)
  assert true.shape == pixels.shape[:2]
  spectra = [np.fft.rfft2((x - x.mean()) / x.std()) for x in (seen, true)]
  return np.fft.irfft2(spectra[0] * np.conj(spectra[1]), s=seen.shape) / seen.size


@pytest.mark.parametrize("size", [1.0, 0.8, 1.25])
def test_the_residual_of_a_flat_field_correlates_with_the_true_pattern_at_no_shift(size):
  found = coherences(strong(size=size), Frame("flat-field", NO_SCENE, 0, 0, 1, 1.0))
  assert np.unravel_index(found.argmax(), found.shape) == (0, 0)
  assert found[0, 0] > 0.3


def test_the_pattern_is_zoomed_and_turned_as_the_pixels_are():
  preset = strong()
  preset = dataclasses.replace(preset, models=(dataclasses.replace(preset.models[0], upright=True),), zoomed=1.0)
  shots = [Frame("natural", 1, 0, 0, shot, 1.0) for shot in range(1, 20)]
  turned = next(frame for frame in shots if dataset.delivered(preset, frame).shape[0] == 192)
  found = coherences(preset, turned)
  assert np.unravel_index(found.argmax(), found.shape) == (0, 0)
  assert found[0, 0] > 0.1


def test_the_pattern_of_another_device_is_not_there():
  frames = [Frame("flat-field", NO_SCENE, 0, instance, 1, 1.0) for instance in (0, 1)]
  preset = strong()
  a, b = (dataset.delivered(preset, frame) for frame in frames)
  assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 4 / a.size**0.5
