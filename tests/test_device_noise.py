"""Sensor noise in the system device: fingerprints of learned devices, two photographs, and both with the network."""

import dataclasses

import numpy as np
import pytest

from fsim import virtual
from fsim.data import jpeg
from fsim.metrics import rates
from fsim.prnu import compact
from fsim.prnu.compact import Patterns
from fsim.systems.device import noise
from fsim.systems.device.noise import Parts
from fsim.virtual import dataset, shots

SIDE = 64


def level(packed):
  n = len(packed)
  return Patterns(packed, np.zeros(n, bool), np.zeros((n, 2), int))


def photographed(devices, each, seed=0, strength=0.2):
  """Patterns of devices, noise for the greatest part, and the numbers of the devices."""
  sensors = np.random.default_rng(7).normal(size=(devices, SIDE, SIDE))
  labels = np.repeat(np.arange(devices), each)
  own = np.random.default_rng(seed).normal(size=(len(labels), SIDE, SIDE))
  return level(compact.pack(strength * sensors[labels] + own)), labels


def auc(log_odds, labels):
  i, j = np.triu_indices(len(labels), 1)
  return rates.summary(rates.roc(labels[i] == labels[j], log_odds[i, j].astype(float), np.ones(len(i))))["auc"]


def test_learned_devices_are_told_by_their_fingerprints_better_than_by_two_photographs():
  gallery = noise.enrol(*photographed(3, 12), 3)
  patterns, labels = photographed(3, 6, seed=1)
  by_device = noise.posteriors(noise.against(patterns, gallery), gallery)
  np.testing.assert_allclose(by_device.sum(1), 1)
  assert (by_device.argmax(1) == labels).all()
  parts = noise.parts(np.zeros((18, 18), np.float32), patterns, patterns, gallery)
  assert auc(parts.fingerprints, labels) > auc(parts.noise, labels) + 0.01 > 0.8


def test_photographs_of_a_device_that_was_not_learned_are_of_none():
  gallery = noise.enrol(*photographed(3, 12), 3)
  strangers = level(compact.pack(np.random.default_rng(5).normal(size=(4, SIDE, SIDE))))
  by_device = noise.posteriors(noise.against(strangers, gallery), gallery)
  assert (by_device.argmax(1) == 3).all()
  assert np.abs(noise.log_ratios(by_device, by_device)).max() < 1  # That says next to nothing.


def test_a_blank_photograph_says_nothing_of_learned_devices():
  gallery = noise.enrol(*photographed(3, 12), 3)
  patterns, _ = photographed(3, 2, seed=1)
  blank = level(compact.pack(np.zeros((2, SIDE, SIDE))))
  nothing = noise.posteriors(noise.against(blank, gallery), gallery)
  of_devices = noise.posteriors(noise.against(patterns, gallery), gallery)
  np.testing.assert_allclose(noise.log_ratios(nothing, of_devices), 0, atol=1e-9)
  np.testing.assert_allclose(noise.log_ratios(nothing, nothing), 0, atol=1e-9)


def test_strengths_are_those_of_photographs_that_the_fingerprint_is_not_made_of():
  rows = np.random.default_rng(0).normal(size=(5, SIDE**2))
  units = compact.units(rows.reshape(5, SIDE, SIDE))
  found = noise.without_each(units)
  rest = compact.units((units.sum(0) - units[2]).reshape(1, SIDE, SIDE))
  np.testing.assert_allclose(found[2], (units[2] @ rest.T).item(), atol=1e-3)
  assert noise.without_each(units[:1]) == 0


def test_a_device_with_one_photograph_says_nothing():
  patterns, labels = photographed(2, 6)
  gallery = noise.enrol(Patterns(*(part[:7] for part in patterns)), labels[:7], 2)
  assert (gallery.strengths[1] == 0).all()
  assert gallery.strengths[0].max() > 3
  unsaid = noise.posteriors(np.array([[0.0, 30.0]]), gallery)
  assert unsaid[0, 1] == pytest.approx(unsaid[0, 2] / 2)  # As before anything was seen.


def test_a_fingerprint_is_of_photographs_in_landscape_where_there_are_any():
  patterns, labels = photographed(2, 6)
  portrait = np.arange(12) % 6 == 0
  wrong = compact.pack(np.random.default_rng(9).normal(size=(12, SIDE, SIDE)))
  mixed = patterns._replace(packed=np.where(portrait[:, None, None], wrong, patterns.packed), portrait=portrait)
  kept = Patterns(*(part[~portrait] for part in patterns))
  np.testing.assert_array_equal(noise.enrol(mixed, labels, 2).prints, noise.enrol(kept, labels[~portrait], 2).prints)


def parts(n=30, seed=0):
  """Of images of three devices: a network that answers at random, noise that knows a little, fingerprints a lot."""
  rng = np.random.default_rng(seed)
  labels = np.arange(n) % 3
  same = labels[:, None] == labels
  network, z, prints = (np.tril(rng.normal(size=(n, n))) for _ in range(3))
  made = [part + part.T + shift * same for part, shift in ((network, 0), (z, 2), (prints, 6))]
  return Parts(*made), same, labels


def test_the_combination_is_better_than_each_part_and_no_part_counts_against_itself():
  made, same, labels = parts()
  weights = noise.learn(made, same)
  assert min(weights[1:]) >= 0
  assert weights.fingerprints > 0 < weights.noise
  others, _, labels = parts(seed=1)
  whole = auc(noise.combined(others, weights), labels)
  assert whole > auc(others.noise, labels)
  assert whole >= auc(others.fingerprints, labels) - 0.002
  against = noise.learn(made._replace(noise=-made.noise), same)
  assert against.noise == 0


def test_the_weights_are_a_logistic_regression():
  """At the minimum the log-odds are right on average, but for the shrinking."""
  made, same, _ = parts()
  weights = noise.learn(made, same)
  upper = np.triu_indices(len(same), 1)
  unlearned = made._replace(fingerprints=np.full(same.shape, -np.log(noise.UNKNOWN)))
  told = np.concatenate([noise.combined(each, weights)[upper] for each in (made, unlearned)])
  assert (1 / (1 + np.exp(-told))).mean() == pytest.approx(same[upper].mean(), abs=1e-3)


def test_without_noise_the_network_speaks_alone():
  network = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
  made = noise.parts(network, None, None, None)
  np.testing.assert_allclose(noise.combined(made, noise.NETWORK_ALONE), network)


@pytest.fixture(scope="module")
def one_model():
  """Two virtual cameras of one model, 12 scenes: patterns, numbers of the devices, numbers of the scenes."""
  tiny = virtual.PRESETS["virtual/tiny"]
  models = virtual.PRESETS["virtual/default"].models[2:3]
  preset = dataclasses.replace(tiny, models=models, devices=(2,), scenes=12, flat_fields=0, side=256)
  frames = shots.frames(preset)
  images = [jpeg.decode(dataset.picture(preset, frame)) for frame in frames]
  packed = np.concatenate([compact.of(compact.square(image, 256)[None], 1) for image in images])
  return level(packed), np.array([frame.instance for frame in frames]), np.array([frame.scene for frame in frames])


def test_two_cameras_of_one_model_are_told_apart(one_model):
  """On scenes that are in no fingerprint; both took each."""
  patterns, labels, scene = one_model
  train, test = scene < 8, scene >= 8
  gallery = noise.enrol(Patterns(*(part[train] for part in patterns)), labels[train], 2)
  asked = Patterns(*(part[test] for part in patterns))
  found = noise.parts(np.zeros((8, 8), np.float32), asked, asked, gallery)
  assert auc(found.fingerprints, labels[test]) > 0.9
  assert auc(found.noise, labels[test]) > 0.7
