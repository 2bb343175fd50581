"""Stages that bring virtual cameras nearer to real ones, and that all models without them stay as they were."""

import dataclasses
import io
from datetime import datetime

import numpy as np
import pytest
from PIL import Image

from fsim.virtual import dataset, jpeg_encoder, nearer_models, pipeline, sensor, shots
from fsim.virtual.jpeg_encoder import StandardEncoder
from fsim.virtual.presets import PRESETS
from fsim.virtual.reference_models import SIX
from fsim.virtual.seeds import generator

NEW = {"colour_quiet", "local"}


def full(model, **stages):
  return pipeline.LocalPipeline(**dataclasses.asdict(model.pipeline), **{**dict.fromkeys(NEW, 0.0), **stages})


def developed(settings):
  """A file's pixels of a noisy mosaic with a bright and a dark half."""
  raw = np.full((64, 96), 0.08, np.float32)
  raw[:, 48:] = 0.5
  raw += 0.02 * generator(0).standard_normal(raw.shape, dtype=np.float32)
  look = pipeline.Look((1.0, 1.0), 1.0, 1.0, 0.0, 1.0)
  return pipeline.develop(np.clip(raw, 0, 1), settings, look, "RGGB", 0.02, 1.0, raw.shape).astype(float)


@pytest.mark.parametrize("model", SIX)
def test_stages_that_are_off_change_no_pixel(model):
  np.testing.assert_array_equal(developed(full(model)), developed(model.pipeline))


@pytest.mark.parametrize("name", ["virtual/default", "virtual/models", "virtual/similarity", "virtual/dresden"])
def test_collections_made_before_do_not_know_the_stages(name):
  """Their preset.json says how they were made, and a folder of other settings is refused."""
  for model in PRESETS[name].models:
    assert not NEW & set(dataclasses.asdict(model.pipeline))


def test_colour_noise_reduction_takes_colour_noise_and_leaves_edges_of_colour():
  before, after = (developed(full(SIX[3], colour_quiet=share)) for share in (0.0, 4.0))
  noise = [(image[..., 0] - image[..., 1])[:, :40].std() for image in (before, after)]
  assert noise[1] < 0.6 * noise[0]
  edge = np.zeros((32, 64), np.float32)
  edge[:, 32:] = 0.3
  kept = pipeline.denoise(edge + 0.01 * generator(1).standard_normal(edge.shape, dtype=np.float32), 0.02, 9)
  assert kept[:, 33].mean() - kept[:, 30].mean() > 0.2


@pytest.mark.parametrize("quality", [50, 75, 90, 95])
def test_standard_tables_are_those_of_libjpeg(quality):
  file = io.BytesIO()
  Image.new("RGB", (16, 16)).save(file, "JPEG", quality=quality)
  with Image.open(file) as image:
    told = image.quantization
  ours = jpeg_encoder.tables(StandardEncoder(2 - quality / 50, "4:2:0"))
  np.testing.assert_allclose(ours, [told[0], told[1]], atol=1)  # libjpeg rounds a half up.


def test_a_file_with_standard_tables_tells_them_and_its_subsampling():
  encoder = StandardEncoder(0.13, "4:2:2")
  label = jpeg_encoder.Label("Make", "Model", "123", datetime(2009, 1, 2), 0)
  pixels = generator(0).integers(0, 255, (32, 48, 3), dtype=np.uint8)
  with Image.open(io.BytesIO(jpeg_encoder.encode(pixels, encoder, label))) as image:
    assert (image.quantization[0], image.quantization[1]) == jpeg_encoder.tables(encoder)
    assert image.layer[0][1:3] == (2, 1)


def test_the_nearer_models_differ_and_siblings_share_their_brands_way():
  models = PRESETS["virtual/nearer"].models
  assert len({(m.lens, m.sensor, m.pipeline, m.encoder) for m in models}) == len(models) == 260
  for k in range(0, 40, 4):
    siblings = models[k : k + 4]
    assert len({(m.make, m.pipeline.contrast, m.pipeline.matrix, m.encoder.subsampling) for m in siblings}) == 1
    assert len({type(m.encoder) for m in siblings}) == 1
  standard = np.mean([isinstance(m.encoder, StandardEncoder) for m in models])
  assert 0.75 < standard < 0.95
  assert all(m.pipeline.colour_quiet > 0 for m in models)
  assert nearer_models.approach("House0", "1") == models[0]


def test_local_tone_mapping_brings_dark_and_bright_nearer_and_amplifies_noise_where_it_brightens():
  before, after = (developed(full(SIX[0], local=strength)) for strength in (0.0, 0.5))
  dark, bright = np.s_[:, 8:40], np.s_[:, 56:88]
  assert after[bright].mean() - after[dark].mean() < 0.8 * (before[bright].mean() - before[dark].mean())
  assert after[dark].std() > 1.1 * before[dark].std()


def test_phones_differ_and_each_shot_of_one_is_processed_in_its_own_way():
  models = PRESETS["virtual/adaptive"].models
  assert len(set(models)) == len(models) == 120
  model = next(m for m in models if m.adaptation.exposures == 8)
  made = [model.for_shot(generator(0, k)) for k in range(40)]
  assert len({one.pipeline.quiet for one in made}) == len({one.encoder.step for one in made}) == 40
  merged = np.array([(one.sensor.full_well, one.sensor.read_noise) for one in made]) / (
    model.sensor.full_well,
    model.sensor.read_noise,
  )
  np.testing.assert_allclose(merged[:, 0], merged[:, 1] ** 2)  # Counts of exposures, and their roots.
  assert set(np.round(merged[:, 0], 6)) == set(range(1, 9))
  assert all(0 <= one.pipeline.local <= model.adaptation.local for one in made)
  spread = np.std(np.log([one.pipeline.quiet for one in made]))
  np.testing.assert_allclose(spread, model.adaptation.spread, rtol=0.4)


def test_a_phone_makes_the_same_file_again_and_has_the_same_pattern_in_every_shot(monkeypatch):
  preset = dataclasses.replace(PRESETS["virtual/adaptive"], side=96)
  first, second, *_ = (frame for frame in shots.frames(preset) if frame.model == 3)
  made, maps = [], sensor.maps
  monkeypatch.setattr(dataset, "_patterns", {})
  monkeypatch.setattr(sensor, "maps", lambda *key: made.append(key) or maps(*key))
  assert dataset.picture(preset, first) == dataset.picture(preset, first)
  assert dataset.picture(preset, second) != dataset.picture(preset, first)
  assert len(made) == 1
