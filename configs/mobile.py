"""Phones from 32x32 patches: which phone, or which of its cameras (Freire-Obregón et al. 2018).

  fsim train --config=configs/mobile.py                      virtual phones, a minute on two CPU cores
  fsim train --config=configs/mobile.py --config.data.level=sensor --workdir=runs/mobile-sensor
  fsim train --config=configs/mobile.py --config.data.fold=3 --workdir=runs/mobile-3
  fsim train --config=configs/mobile.py:quick                a smoke run, seconds
  fsim train --config=configs/mobile.py:paper                the published input; 256 patches an image

Expected on the virtual phones, over ten folds: .956 of patches are classified correctly, .982 of images.

Other networks, depths, activations and dropouts: configs/sweeps/mobile_*.py. Folders of other names, such as MICHE-I's:
docs/mobile.md.
"""

from ml_collections import ConfigDict

from fsim.configs import common


def get_config(mode: str = "") -> ConfigDict:
  config = common.base("mobile")

  config.data = common.data(
    source="virtual/phones",
    protocol="image_folds",  # As published; "scene_folds" keeps scenes apart as well.
  )
  config.data.level = "model"  # What is named: the phone, whichever its camera ("model"), or each camera ("sensor").
  config.data.folds = 10
  config.data.fold = 0  # Tested; the next one validates, the others train.

  config.input = common.patches(
    size=32,
    count=64,
    rule="paper",  # Mean near half range ("paper"), see fsim/data/patches.py for others.
  )
  config.input.front = "residual"  # What the network sees: "rgb" as published, "residual" or "high_pass".

  config.extractor = common.classifier(
    batch=128,
    epochs=4,
    optimiser="sgd",
    learning_rate=0.01,
    momentum=0.9,
    decay=5e-4,
    halve_lr_every=1,
  )
  config.extractor.kind = "phones"  # Or the rivals "baroffio" and "tuama".
  config.extractor.depth = 2  # Convolutions: 1 to 4 of "phones", 3 of the rivals.
  config.extractor.activation = "leaky_relu"  # Or "relu".
  config.extractor.dropout = 0.5

  config.evaluate.draws = 20  # Random orders of the voting patches.

  if mode == "quick":
    config.data.source = "virtual/few_phones"
    config.data.folds = 3
    config.input.count = 8
    config.extractor.batch = 16
    config.extractor.epochs = 2
    config.evaluate.draws = 4
    config.evaluate.resamples = 20
  elif mode == "paper":
    config.input.front = "rgb"
    config.input.count = 256
    config.extractor.epochs = 30
    config.extractor.halve_lr_every = 10
  elif mode:
    raise ValueError(f"configs/mobile.py has the modes quick and paper, got {mode!r}")
  return config
