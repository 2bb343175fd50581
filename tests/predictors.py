"""Folders of runs that were never trained: networks drawn at random, or set by hand, saved as a run saves them."""

import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from fsim import weights as shipped
from fsim.data.patches import Choice
from fsim.models.extractors import PatchNet, SignatureNet
from fsim.models.scorers import HadamardScorer
from fsim.prnu import compact
from fsim.systems import svm
from fsim.systems.device import predictor
from fsim.systems.device.noise import QUANTILES, Gallery, Weights
from fsim.systems.device.predictor import WIDTH, DevicePredictor
from fsim.systems.model import fitted
from fsim.systems.patch import fitted as fitted_classifier
from fsim.systems.patch import openset
from fsim.weights import card
from tests import fitted_similarity
from tests.networks import drawn

SIZE = 64


def device(dtype="float32"):
  images, row = jnp.zeros((1, SIZE, SIZE, 3), jnp.uint8), jnp.zeros((1, WIDTH))
  network = drawn(SignatureNet(4, "residual", jnp.dtype(dtype)), images)
  scorer = drawn(HadamardScorer(8), row, row)
  return DevicePredictor(4, SIZE, "residual", dtype, 8, 0.5, SIZE, network, scorer, gallery(), Weights(-2, 1, 0.5, 1))


def gallery():
  """Fingerprints of four devices that took no photograph."""
  prints = np.random.default_rng(1).normal(size=(4, SIZE, SIZE))
  return Gallery(compact.pack(prints), np.full((4, QUANTILES), 5, np.float32), 1.5)


def device_run(folder: Path) -> Path:
  """A run of configs/device.py."""
  predictor.save(begun(folder, "device"), device())
  return folder


def model_run(folder: Path) -> Path:
  fitted.save(begun(folder, "model") / "predictor", fitted_similarity.made())
  return folder


def weights(home: Path, name: str = "camera_models") -> Path:
  """A folder of weights in the place of `fsim.weights.FOLDER`, with a card."""
  folder = home / name
  fitted.save(folder, fitted_similarity.made())
  training = {
    "commands": ["fsim train configs/model.py --workdir=runs/camera_models"],
    "commit": "0" * 40,
    "seed": 0,
    "extractor": "",
  }
  row = {"repository": "someone/photographs", "commit": "1" * 40, "licence": "CC BY 4.0", "count": 2}
  data = {"source": "virtual/tiny", "protocol": "by_scene", "data_digest": "2" * 64, "images": 12}
  facts = {
    "format": card.FORMAT,
    "name": name,
    "version": "7",
    "system": "model",
    "files": shipped.digests(folder),
    "training": training | {"python": "3.11", "platform": "Linux", "devices": "1 x cpu", "packages": {"jax": "0.10"}},
    "data": data | {"recipes": {"opencams/train": "3" * 64}, "photographs": [row]},
    "figures": [{"figure": "AUC", "value": 0.9, "command": "fsim train configs/model.py"}],
    "check": {"auc": 0.5},
    "repetition": "the same to the bit",
    "limits": ["textures alone"],
  }
  (folder / card.CARD).write_text(json.dumps(facts))
  return folder


def patch_run(folder: Path, dtype: str = "float32") -> Path:
  """Its SVMs answer anything."""
  rng = np.random.default_rng(0)
  classes, pairs = ["Aurel_K1", "Boreas_P20", "Calyx_I7"], np.array([[0, 1], [0, 2], [1, 2]])
  machines = svm.Svms(classes, pairs, rng.normal(size=(3, 128)), np.zeros(3), np.zeros(128), np.ones(128), 1.0)
  rule = openset.Rule("distance", -1e9, openset.ClassGaussians(np.zeros((3, 128)), np.eye(128)), {})
  variables = drawn(PatchNet(classes=3, front="residual"), jnp.zeros((1, 64, 64, 3), jnp.uint8))
  known = fitted_classifier.FittedClassifier(
    Choice(64, 64, 12, "paper", 1.0, 0.0), "residual", dtype, variables, machines, rule
  )
  fitted_classifier.save(begun(folder, "patch") / "predictor", known)
  return folder


def begun(folder: Path, system: str) -> Path:
  folder.mkdir(parents=True)
  (folder / "config.json").write_text(json.dumps({"system": system}))
  return folder
