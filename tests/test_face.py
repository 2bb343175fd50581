"""`import fsim` as a notebook does it: light, and what a finished run answers with."""

import importlib.metadata
import json
import subprocess
import sys
import tomllib

import jax
import numpy as np
import pytest

import fsim
from fsim.boundary.errors import UserError
from fsim.data import jpeg
from fsim.data.loader import centre_crop
from fsim.models.extractors import SignatureNet
from fsim.models.scorers import HadamardScorer
from fsim.prnu import compact, probe
from fsim.systems import SYSTEMS, system
from fsim.systems.device import noise, predictor
from fsim.systems.device.predictor import DevicePredictor
from fsim.systems.model.predictor import SimilarityPredictor
from fsim.systems.patch.predictor import ModelPredictor
from tests import fitted_similarity, jpegs, predictors
from tests.commands import ROOT
from tests.networks import applied
from tests.predictors import SIZE

FIFTH = 0.2  # Seconds of CPU that `import fsim` may take.


@pytest.fixture(scope="module")
def known():
  return predictors.device()


@pytest.fixture(scope="module")
def device_run(tmp_path_factory):
  return predictors.device_run(tmp_path_factory.mktemp("runs") / "device")


def image(seed=0, side=80):
  return jpegs.scene(side, side, seed=seed)


def python(code):
  return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_importing_it_takes_no_time_and_neither_jax_nor_numpy():
  code = "import time, sys; start = time.process_time(); import fsim; print(time.process_time() - start)"
  heavy = "[name for name in ('jax', 'numpy', 'PIL') if name in sys.modules]"
  seconds, found = python(f"{code}; print({heavy})").splitlines()
  assert float(seconds) < FIFTH
  assert found == "[]"


def test_it_names_what_it_has():
  assert {"load", "prnu", "__version__"} <= set(dir(fsim))
  assert fsim.__version__ == importlib.metadata.version("forensic-fsim")
  assert fsim.prnu.__name__ == "fsim.prnu"
  with pytest.raises(AttributeError, match="no attribute 'prun'"):
    _ = fsim.prun


def test_it_says_that_it_is_typed():
  assert (ROOT / "fsim" / "py.typed").is_file()
  packaged = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
  assert "py.typed" in packaged["fsim"]


def test_systems_that_answer_about_new_images_have_a_predictor():
  assert [name for name in SYSTEMS if system(name).predictor] == ["device", "model", "patch"]


def test_every_run_gives_its_own_predictor(device_run, tmp_path):
  assert isinstance(fsim.load(str(device_run)), DevicePredictor)
  assert isinstance(fsim.load(predictors.model_run(tmp_path / "model")), SimilarityPredictor)
  assert isinstance(fsim.load(predictors.patch_run(tmp_path / "patch")), ModelPredictor)


@pytest.mark.parametrize("name", ["prnu", "mobile"])
def test_a_system_without_one_says_so(name, tmp_path):
  with pytest.raises(UserError, match=f"a run of the system {name} measures how well it works, and keeps no predictor"):
    fsim.load(predictors.begun(tmp_path / "run", name))


@pytest.mark.parametrize("system", ["deep", 7, ["device"]])
def test_a_run_of_a_system_that_is_not_there_is_refused(system, tmp_path):
  with pytest.raises(UserError, match="which this fsim does not have"):
    fsim.load(predictors.begun(tmp_path / "run", system))


def test_what_is_no_run_is_refused(tmp_path):
  with pytest.raises(UserError, match="not a run of fsim: config\\.json is missing"):
    fsim.load(tmp_path)
  with pytest.raises(UserError, match="nowhere"):
    fsim.load(tmp_path / "nowhere")
  with pytest.raises(UserError, match="no finished run of the system model: it is not finished"):
    fsim.load(predictors.begun(tmp_path / "run", "model"))


def test_a_run_that_is_not_finished_and_one_that_kept_no_networks_say_what_to_do(tmp_path):
  folder = predictors.begun(tmp_path / "run", "device")
  with pytest.raises(UserError, match="it is not finished, the folder predictor is missing"):
    fsim.load(folder)
  (folder / "evaluation.json").write_text("[]")
  with pytest.raises(UserError, match="the command that made it, given once more, trains nothing and leaves them"):
    fsim.load(folder)


def test_a_loaded_predictor_is_the_saved_one(known, device_run):
  again = fsim.load(device_run)
  for before, after in zip(jax.tree.leaves(known), jax.tree.leaves(again), strict=True):
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("side", [8, 63, 513, 5000, -64, 64.0])
def test_a_side_that_no_run_can_have_is_refused(side, tmp_path):
  folder = predictors.device_run(tmp_path / "run")
  path = folder / "predictor" / "predictor.json"
  path.write_text(json.dumps(json.loads(path.read_text()) | {"noise": side}))
  with pytest.raises(UserError, match="'noise' must be 0 or a multiple of 8"):
    fsim.load(folder)


@pytest.mark.parametrize("file", ["network.npz", "scorer.npz", "noise.npz", "predictor.json"])
def test_a_damaged_predictor_is_named(file, tmp_path):
  folder = predictors.device_run(tmp_path / "device")
  (folder / "predictor" / file).write_bytes(b"{")
  with pytest.raises(UserError, match=f"no finished run of the system device: predictor/{file}"):
    fsim.load(folder)


def test_a_setting_that_no_run_has_is_named(tmp_path):
  folder = predictors.device_run(tmp_path / "device")
  path = folder / "predictor" / "predictor.json"
  path.write_text(json.dumps(json.loads(path.read_text()) | {"threshold": 2}))
  with pytest.raises(UserError, match="the field 'threshold' must be a finite number from 0 to 1"):
    fsim.load(folder)


def test_signatures_are_those_of_the_network_on_the_central_square(known):
  images = [image(seed) for seed in range(predictor.BATCH + 1)]
  found = known.signature(images)
  squares = np.stack([centre_crop(one, SIZE) for one in images])
  expected = applied(SignatureNet(4, "residual"), known.network, squares)[0]
  np.testing.assert_allclose(found.vectors, expected, atol=1e-5)
  assert np.ptp(expected, 0).max() > 0.01
  np.testing.assert_array_equal(found.patterns.packed[-1], compact.pack(np.asarray(probe.against_image(squares)))[-1])
  np.testing.assert_allclose(known.signature(images[3]).vectors[0], found.vectors[3], atol=1e-6)
  np.testing.assert_allclose(known.signature(np.stack(images)).vectors, found.vectors, atol=1e-6)
  assert known.signature([]).vectors.shape == (0, 1024)


def test_scores_are_those_of_the_run_and_the_same_in_either_order(known):
  signatures = known.signature([image(0), image(1)])
  network = HadamardScorer(8)
  a, b = (applied(network, known.scorer, one[None], method="terms") for one in signatures.vectors)
  both = [float(applied(network, known.scorer, *ends, method="combine")[0]) for ends in ((a, b), (b, a))]
  found, back = known.score(image(0), image(1)), known.score(image(1), image(0))
  assert abs(both[0] - both[1]) > 1e-4
  np.testing.assert_allclose(found.network, np.mean(both), atol=1e-4)
  np.testing.assert_allclose(found.noise, compact.z(signatures.patterns, signatures.patterns)[0, 1], atol=1e-4)
  offset, *weights = known.weights
  parts = (found.network, found.noise, found.fingerprints)
  np.testing.assert_allclose(found.log_odds, offset + np.dot(weights, parts), atol=1e-5)
  np.testing.assert_allclose(found.log_odds, back.log_odds, atol=1e-5)
  assert found.probability == pytest.approx(1 / (1 + np.exp(-found.log_odds)))
  assert found.same == (found.probability >= known.threshold)


def test_one_sensor_speaks_for_one_device_whatever_the_network_says(known):
  """The same photograph twice has the same noise; a learned device's fingerprint in two others says as much."""
  other = known.score(image(0), image(1))
  assert known.score(image(0), image(0)).noise > 20 > other.noise
  prints = known.gallery.prints.copy()
  prints[2] = known.signature(image(0)).patterns.packed[0]
  own = known._replace(gallery=known.gallery._replace(prints=prints))
  assert own.score(image(0), image(0)).fingerprints > 1 > own.score(image(0), image(1)).fingerprints


def test_a_run_of_the_networks_alone_looks_at_no_noise(known, tmp_path):
  alone = known._replace(noise=0, gallery=None, weights=noise.NETWORK_ALONE)
  predictor.save(predictors.begun(tmp_path / "run", "device"), alone)
  assert not (tmp_path / "run" / "predictor" / "noise.npz").exists()
  found = fsim.load(tmp_path / "run").score(image(0), image(1))
  assert found.log_odds == pytest.approx(found.network)
  assert (found.noise, found.fingerprints) == (0, 0)


def test_a_run_from_before_noise_was_looked_at_is_refused_by_what_it_lacks(tmp_path):
  folder = predictors.device_run(tmp_path / "device")
  path = folder / "predictor" / "predictor.json"
  fields = json.loads(path.read_text())
  del fields["noise"]
  path.write_text(json.dumps(fields))
  with pytest.raises(UserError, match="the field 'noise' is missing"):
    fsim.load(folder)


@pytest.mark.parametrize(
  ("change", "cause"),
  [
    ({"prints": np.zeros((3, SIZE, SIZE // 2), np.uint8)}, "'prints' must be of shape"),
    ({"strengths": np.zeros((4, 2))}, "'strengths' must be of shape"),
    ({"spread": np.float64(0.5)}, "'spread' must be 1 or more"),
    ({"strengths": np.full((4, noise.QUANTILES), -1.0)}, "'spread' must be 1 or more, no strength"),
    ({"weights": np.array([0.0, 1, 1, -1])}, "'spread' must be 1 or more, no strength and no weight below 0"),
    ({"weights": np.ones(3)}, "'weights' must be of shape"),
    ({"weights": np.full(4, np.nan)}, "'weights' holds numbers that are not finite"),
  ],
)
def test_noise_that_does_not_fit_the_run_is_named(change, cause, tmp_path):
  folder = predictors.device_run(tmp_path / "device")
  path = folder / "predictor" / "noise.npz"
  arrays = dict(np.load(path)) | change
  np.savez(path, **arrays)
  with pytest.raises(UserError, match=f"predictor/noise.npz: the array {cause}"):
    fsim.load(folder)


def test_an_image_may_be_a_file(known, tmp_path):
  path = tmp_path / "photo.jpg"
  path.write_bytes(jpegs.jpeg(3, 96, 96))
  pixels = jpeg.decode(path.read_bytes())
  np.testing.assert_array_equal(known.signature(path).vectors, known.signature(pixels).vectors)
  np.testing.assert_array_equal(known.signature([str(path), pixels]).vectors[:1], known.signature(str(path)).vectors)


@pytest.mark.parametrize(
  ("given", "cause"),
  [
    (np.zeros((80, 80, 3), np.float32), "this is float32 of shape \\(80, 80, 3\\)"),
    (np.zeros((80, 80, 4), np.uint8), "this is uint8 of shape \\(80, 80, 4\\)"),
    (np.zeros((80, 40, 3), np.uint8), "image 0: 40x80 is smaller than the 64 pixels that the run looks at"),
    ("nowhere.jpg", "nowhere.jpg: No such file"),
    ([image(0), image(0)[0]], "image 1: .* this is uint8 of shape"),
  ],
)
def test_what_is_no_image_is_refused(given, cause, known):
  with pytest.raises(UserError, match=cause):
    known.signature(given)


def test_networks_that_give_no_numbers_say_nothing(known):
  broken = known._replace(scorer=jax.tree.map(lambda x: np.full_like(x, 1e20), known.scorer))
  with pytest.raises(UserError, match="not finite"):
    broken.score(image(0), image(1))


def test_arithmetic_of_half_the_bits_is_kept(known):
  half = predictors.device("bfloat16").signature(image()).vectors
  assert half.dtype == np.float32
  assert 0 < np.abs(half - known.signature(image()).vectors).max() < 0.1


def test_log_odds_of_two_images_are_those_of_the_means_of_their_patches(tmp_path):
  run = fsim.load(predictors.model_run(tmp_path / "model"))
  fine, coarse = (fitted_similarity.texture(kind, 300, 300) for kind in ("fine", "coarse"))
  other = fitted_similarity.texture("fine", 300, 300, seed=1)
  a, b = run.embeddings(fine), run.embeddings(coarse)
  assert run.log_odds(fine, coarse) == pytest.approx(run.image_log_odds([a], [b])[0, 0])
  assert run.patch_log_odds(a, b).shape == (len(a), len(b))
  assert run.log_odds(fine, coarse) < -2 < 2 < run.log_odds(fine, other)
  np.testing.assert_array_equal(run.embed_patches(fitted_similarity.tiles("fine", 1)).shape, (16, 200))
  pasted = fine.copy()
  pasted[80:230, 80:230] = coarse[80:230, 80:230]
  assert run.splicing(pasted).mask[100:200, 100:200].mean() > 0.5
  with pytest.raises(UserError, match="0 patches have texture enough"):
    run.embeddings(np.full((300, 300, 3), 128, np.uint8))


def test_a_model_is_named(tmp_path):
  run = fsim.load(predictors.patch_run(tmp_path / "patch"))
  verdict = run.name(image(0, 256))
  assert verdict.answer in run.classes
  assert verdict.patches == 12
  blocks = run.blocks(image(0, 256))
  assert blocks.shape == (4, 4)
  assert set(blocks.ravel()) <= {-1, 0, 1, 2}
