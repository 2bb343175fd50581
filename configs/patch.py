"""Camera models from 64x64 patches: a small network, one-vs-one linear SVMs on its features, votes (Bondi et al. 2017).

  fsim train --config=configs/patch.py                       virtual cameras, minutes on two CPU cores
  fsim train --config=configs/patch.py --config.data.fold=3 --workdir=runs/patch-3
  fsim train --config=configs/patch.py:quick                 a smoke run, seconds
  fsim train --config=configs/patch.py:paper                 the published numbers of epochs

Expected on the virtual cameras, over ten folds: .715 of patches are classified correctly, .891 of images.
"""

from ml_collections import ConfigDict

from fsim.configs import common


def get_config(mode: str = "") -> ConfigDict:
  config = common.base("patch")

  config.data = common.data(
    source="virtual/models",
    protocol="scene_instance",  # See fsim/data/splits.py; by_scene where models have one device only.
  )
  config.data.fold = 0  # Of scene_instance: which device and which scenes of a model are tested.
  config.data.validation = 0.1  # Of protocol=by_scene and stratified only.
  config.data.test = 0.3  # Likewise.
  config.data.unknown_models = ""  # Models (Brand_Model, commas between) not to learn; empty: as the protocol has it.

  config.input = common.patches(
    size=64,
    count=32,
    rule="paper",  # Mean near half range ("paper"), or the measure of the published code ("code").
  )
  config.input.front = "residual"  # What the network sees: "rgb" as published, or "residual": learned in fewer steps.

  config.extractor = common.classifier(
    batch=128,
    epochs=10,
    optimiser="adamw",  # Or "sgd", as published: slower to learn, and diverges on residuals from .015 on.
    learning_rate=1.5e-3,
    momentum=0.9,
    decay=0.4,
    halve_lr_every=2,
  )

  config.svm = ConfigDict()
  config.svm.c = (1e-4, 1e-3, 1e-2, 1e-1)  # The best on validation patches is taken, with standardised features or not.
  config.svm.sample = 500  # Training patches of each model to choose with; the chosen setting learns from all.

  config.transfer = ConfigDict()
  config.transfer.images = (1, 2, 5, 10)  # Of each model that the network never saw.
  config.transfer.draws = 10  # Random choices of those images.

  config.unknown = ConfigDict()
  config.unknown.rejected = 0.05  # Share of the validation images that the answer "none of these" may cost.

  config.evaluate.draws = 20  # Random orders of the voting patches.

  if mode == "quick":
    config.data.source = "virtual/few"
    config.data.validation = 0.34
    config.input.count = 8
    config.extractor.batch = 16
    config.extractor.epochs = 2
    config.svm.c = (1e-2, 1.0)
    config.svm.sample = 50
    config.transfer.images = (1, 2)
    config.transfer.draws = 2
    config.evaluate.draws = 4
    config.evaluate.resamples = 20
  elif mode == "paper":
    config.input.front = "rgb"
    config.extractor.optimiser = "sgd"
    config.extractor.learning_rate = 0.015
    config.extractor.decay = 7.5e-3
    config.extractor.epochs = 50
    config.extractor.halve_lr_every = 10
  elif mode:
    raise ValueError(f"configs/patch.py has the modes quick and paper, got {mode!r}")
  return config
