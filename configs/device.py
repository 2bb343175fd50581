"""Device-based image matching: a signature network on whole images, a similarity network on pairs (Bennabhaktula 2020),
and sensor noise beside them.

  fsim train --config=configs/device.py                      virtual cameras, minutes on two CPU cores
  fsim train --config=configs/device.py --config.data.source=/path/to/dresden --workdir=runs/dresden
  fsim train --config=configs/device.py:quick                a smoke run, seconds
  fsim train --config=configs/device.py:paper                the published sizes

Expected on the virtual cameras: AUC 1.000 of all pairs and within a model; the published network alone has .941, and
.495 (chance) within a model.
"""

from ml_collections import ConfigDict

from fsim.configs import common


def get_config(mode: str = "") -> ConfigDict:
  config = common.base("device")

  config.data = common.data(source="virtual/default", protocol="stratified")
  config.data.validation = 0.1  # Share of the images of every device; of by_scene, of its scenes.
  config.data.test = 0.3  # Likewise.
  config.data.fold = 0  # Of protocol=scene_instance only.

  config.input = ConfigDict()
  config.input.size = 128  # Side of the square crop in pixels; not printed in the paper.
  config.input.front = "residual"  # What the network sees: "rgb" as published, or "residual", which needs fewer images.
  config.input.crop = "random"  # Of training images: "random" on the JPEG grid, or "centre"; all others are central.
  config.input.chains = ""  # Of training images, such as "recompress:0.2,messenger:0.1": docs/mixtures.md.

  config.noise = ConfigDict()
  config.noise.size = 512  # Side of the central square whose sensor noise is looked at too; 0: the networks alone.

  config.extractor = common.normalised(
    batch=16,
    epochs=15,
    optimiser="sgd",
    learning_rate=1e-3,
    momentum=0.95,
    decay=5e-4,
    halve_lr_every=0,
    precise_bn_batches=10,
  )

  config.scorer = common.phase(
    batch=2048,
    epochs=10,
    optimiser="sgd",
    learning_rate=5e-3,
    momentum=0.9,
    decay=0.0,
    halve_lr_every=3,
  )
  config.scorer.width = 64  # Units of fc_2; not printed in the paper.

  config.evaluate.external = ""  # A second source, on which the trained matcher is only tested.
  config.evaluate.draws = 100  # Image pairs a cell of the similarity matrix (Algorithm 1).
  config.evaluate.errors = 6  # Worst false matches and worst misses to show, each.

  if mode == "quick":
    config.data.source = "virtual/tiny"
    config.data.validation = 0.34
    config.input.size = 64
    config.noise.size = 64
    config.extractor.precise_bn_batches = 4
    config.extractor.epochs = 2
    config.extractor.batch = 8
    config.scorer.epochs = 2
    config.scorer.batch = 16
    config.evaluate.resamples = 20
  elif mode == "paper":
    config.input.size = 512
    config.noise.size = 0
    config.extractor.precise_bn_batches = 20
    config.scorer.batch = 256
    config.scorer.epochs = 30
    config.scorer.momentum = 0.0
    config.input.front = "rgb"
    config.input.crop = "centre"
    config.data.subset = "jpeg"
  elif mode:
    raise ValueError(f"configs/device.py has the modes quick and paper, got {mode!r}")
  return config
