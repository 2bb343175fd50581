"""Photographs with true patterns are made as said, and a network learns patterns from them and not scenes."""

import dataclasses
import functools
import itertools
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.stats import norm

from fsim.boundary.errors import UserError
from fsim.models.constrained import KERNEL, constrain_kernel
from fsim.models.noise_net import Evidence, NoiseNet
from fsim.prnu import learned
from fsim.systems.noise import examples, learning, train
from fsim.systems.noise.examples import LEVEL, TILE, Delivered, Tiles
from fsim.systems.noise.learning import Seen, Training
from fsim.virtual.seeds import generator
from tests import networks

NET = NoiseNet(width=4, blocks=1)


@pytest.fixture(scope="module", autouse=True)
def _init_compiled():
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(NoiseNet, "init", networks.compiled(NoiseNet.init))
    yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  """Two scenes, one that validates, of three photographs each."""
  patch = pytest.MonkeyPatch()
  patch.setattr(examples, "SHOTS", 3)
  patch.setattr(examples, "CANVAS", 500)
  made = tmp_path_factory.mktemp("examples")
  assert examples.write(made, 2, 600.0, workers=1, seed=5) == 2
  patch.undo()
  return made


def test_scenes_that_validate_are_of_models_that_are_not_learned_from():
  learned, held_out = ([k for k in range(len(examples.models())) if examples.validates(k) == v] for v in (False, True))
  assert len(held_out) > 25
  assert not {examples.models()[k] for k in learned} & {examples.models()[k] for k in held_out}


def test_tiles_are_divided_by_scene(folder):
  learn, held_out = examples.load(folder)
  assert set(learn.scene) == {1}
  assert set(held_out.scene) == {0}
  assert learn.pixels.shape[1:] == (TILE, TILE, 3)
  assert learn.pattern.shape == learn.pixels.shape[:3]


def test_no_two_photographs_share_a_sensor(folder):
  for tiles in examples.load(folder):
    patterns = tiles.pattern.reshape(len(tiles.pattern), -1).astype(float)
    assert np.abs(np.corrcoef(patterns) - np.eye(len(patterns))).max() < 6 / TILE


def test_what_is_made_depends_on_the_seed_and_the_scene_alone(folder, tmp_path, monkeypatch):
  monkeypatch.setattr(examples, "SHOTS", 3)
  monkeypatch.setattr(examples, "CANVAS", 500)
  examples.write(tmp_path, 1, 600.0, workers=1, seed=5)
  assert (tmp_path / "0.npz").read_bytes() == (folder / "0.npz").read_bytes()


def test_nothing_is_made_once_the_time_is_over(tmp_path):
  assert examples.write(tmp_path, 2, 0.0, workers=1, seed=5) == 0
  assert not list(tmp_path.iterdir())


def test_a_pattern_is_resized_and_cut_with_its_pixels():
  """A photograph that shows its own pattern does so after whatever is done to it."""
  rng = np.random.default_rng(0)
  pattern = np.repeat(np.repeat(rng.standard_normal((32, 40)), 8, 0), 8, 1).astype(np.float32)
  taken = Delivered(np.clip(128 + 30 * pattern, 0, 255).astype(np.uint8)[..., None].repeat(3, 2), pattern)
  seen = set()
  for k in range(40):
    passed = examples.passed_on(taken, generator(1, k))
    assert np.corrcoef(passed.pixels[..., 1].ravel(), passed.pattern.ravel())[0, 1] > 0.9
    seen.add((passed.quality > 0, passed.factor != 1, passed.pixels.shape[0] % 8 > 0))
  assert {(False, False, False), (True, False, False), (True, True, True)} <= seen


def test_gained_nats_are_the_difference_of_two_normal_densities():
  rng = np.random.default_rng(0)
  pattern = jnp.asarray(rng.standard_normal((2, 24, 24)), jnp.float32)
  deviation = jnp.array([0.004, 0.01])
  found = Evidence(*(jnp.asarray(rng.uniform(10, 1e4, (2, 24, 24)), jnp.float32) for _ in range(2)))
  gained, _ = jax.jit(learning.gains)(found, pattern, deviation)
  scale = deviation[:, None, None]
  total = found.precision + scale**-2
  better = norm.logpdf(pattern * scale, found.information / total, total**-0.5) - norm.logpdf(pattern * scale, 0, scale)
  np.testing.assert_allclose(gained, better[:, 8:-8, 8:-8].sum((1, 2)), rtol=1e-3)


def test_expected_nats_are_those_gained_where_evidence_is_as_it_says():
  rng = np.random.default_rng(0)
  deviation, precision = jnp.full(4, 0.005), np.full((4, 256, 256), 4e3, np.float32)
  true = 0.005 * rng.standard_normal((4, 256, 256))
  information = precision * true + np.sqrt(precision) * rng.standard_normal((4, 256, 256))
  found = Evidence(jnp.asarray(information, jnp.float32), jnp.asarray(precision))
  gained, expected = jax.jit(learning.gains)(found, jnp.asarray(true / 0.005, jnp.float32), deviation)
  np.testing.assert_allclose(gained.mean(), expected.mean(), rtol=0.05)


def planted(count: int, seed: int) -> Tiles:
  """Smooth scenes, of which all sensors see the same few, with patterns strong enough to be learned at once."""
  rng = np.random.default_rng(seed)
  scenes = np.random.default_rng(9).normal(0, 20, (2, 5, 5))
  scenes = np.stack([np.kron(s, np.ones((16, 16)))[:64, :64] for s in scenes])
  pattern = rng.standard_normal((count, 64, 64))
  light = 120 + scenes[np.arange(count) % 2]
  pixels = light[..., None] * (1 + 0.02 * pattern[..., None]) + rng.normal(0, 2, (count, 64, 64, 3))
  levels = np.clip(np.rint(pattern / LEVEL), -127, 127).astype(np.int8)
  rest = np.zeros(count, np.float32)
  return Tiles(np.clip(pixels, 0, 255).astype(np.uint8), levels, rest + np.float32(0.02), rest, rest, rest)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
  patch = pytest.MonkeyPatch()
  patch.setattr(learning, "AT_ONCE", 8)
  out = tmp_path_factory.mktemp("learned")
  data, held_out = (learning.seen(planted(n, seed)) for n, seed in ((24, 1), (8, 2)))
  ticks = itertools.count()
  patch.setattr(learning, "time", SimpleNamespace(time=lambda: float(next(ticks))))
  how = Training(until=8.0, batch=4, steps=10, reports=2)
  variables = learning.learn(data, held_out, NET, how, out)
  patch.undo()
  return variables, data, held_out, out


def test_patterns_of_sensors_that_were_never_seen_are_learned(trained):
  variables, data, held_out, _ = trained
  untrained = NET.init(jax.random.key(0), data.pixels[:1], *jnp.ones((2, 1, 64, 64)))
  before, after = (learning.measured(v["params"], held_out, NET)["gained"] for v in (untrained, variables))
  assert after > before
  assert after > 50


def test_content_that_all_sensors_saw_is_not_taken_for_a_pattern(trained):
  """Photographs 0 and 2 show one scene by two sensors: what is found of the one is not in the other."""
  variables, _, held_out, _ = trained
  found = learned.of_residual(held_out.pixels, held_out.residual.astype(jnp.float32), NET, variables)
  mean = np.asarray(found.information / (found.precision + 0.02**-2)).reshape(8, -1)
  true = np.asarray(held_out.pattern).reshape(8, -1).astype(float)
  own = [np.corrcoef(mean[k], true[k])[0, 1] for k in range(8)]
  other = [np.corrcoef(mean[k], true[(k + 2) % 8])[0, 1] for k in range(8)]
  assert min(own) > 0.2
  assert np.abs(other).max() < 5 / 64


def test_the_filters_stay_constrained_and_the_weights_are_on_disk(trained):
  variables, _, _, out = trained
  kernel = variables["params"]["ConstrainedConv_0"][KERNEL]
  np.testing.assert_allclose(constrain_kernel(kernel), kernel, atol=1e-5)
  assert {path.name for path in out.iterdir()} == {"noise_net.npz", "noise_curve.json"}


def test_what_is_there_is_learned_from_and_not_made_again(folder, tmp_path, monkeypatch):
  ticks = itertools.count()
  monkeypatch.setattr(learning, "time", SimpleNamespace(time=lambda: float(next(ticks))))
  monkeypatch.setattr(train, "Training", functools.partial(Training, steps=1))
  monkeypatch.setattr(train, "time", SimpleNamespace(time=lambda: 0.0))
  monkeypatch.setattr(learning, "AT_ONCE", 2)
  before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
  (tmp_path / "tiles").symlink_to(folder)
  assert examples.write(folder, 2, 600.0, workers=1, seed=5) == 0
  train.main([str(tmp_path), "--making=0", "--learning=3", "--width=4", "--blocks=1", "--batch=1", "--dtype=float32"])
  assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
  assert (tmp_path / "noise_net.npz").exists()


def test_nothing_is_learned_from_an_empty_folder(tmp_path):
  with pytest.raises(UserError, match="two scenes"):
    train.main([str(tmp_path), "--making=0"])


def test_tiles_are_turned_together():
  rng = np.random.default_rng(0)
  residual = jnp.asarray(rng.standard_normal((2, 16, 16)), jnp.float32)
  pixels = jnp.asarray(rng.integers(0, 255, (2, 16, 16, 3)), jnp.uint8)
  batch = Seen(pixels, residual, residual.astype(jnp.int8), jnp.ones(2))
  looks, turned = set(), jax.jit(learning.turned)
  for k in range(100):
    seen = turned(batch, jax.random.key(k))
    np.testing.assert_array_equal(seen.residual.astype(jnp.int8), seen.pattern)
    looks.add(np.asarray(seen.residual)[0].tobytes())
  assert len(looks) == 8


def test_the_learning_rate_rises_and_falls_to_nothing():
  how = Training(until=0.0, steps=5, learning_rate=1.0)
  assert learning._rates(0.0, 0.01, how)[0] == 0
  assert learning._rates(0.019, 0.001, how)[-1] == pytest.approx(1, abs=0.01)
  assert learning._rates(0.98, 0.1, how)[-1] == pytest.approx(0, abs=1e-6)


def test_held_out_models_stay_out_of_presets_that_are_measured():
  named = {dataclasses.replace(model) for model in examples.models()}
  assert len(named) == len(examples.models())
