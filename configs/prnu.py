"""Cameras from noise patterns: AlexNet on residuals (Athanasiadou et al. 2018), beside the classical matcher.

  fsim train --config=configs/prnu.py                        virtual cameras, minutes on two CPU cores
  fsim train --config=configs/prnu.py --config.extractor.kind=default --workdir=runs/prnu-default
  fsim train --config=configs/prnu.py --config.data.one_model=Aurel_K1 --workdir=runs/prnu-one-model
  fsim train --config=configs/prnu.py --config.data.source=/path/to/dresden --workdir=runs/prnu-dresden
  fsim train --config=configs/prnu.py:quick                  a smoke run, seconds
  fsim train --config=configs/prnu.py:paper                  the published network and training; needs a GPU

Expected on the virtual cameras: AlexNet has an accuracy of .438 on images, the matcher .979 from the same patterns.
"""

from ml_collections import ConfigDict

from fsim.configs import common


def get_config(mode: str = "") -> ConfigDict:
  config = common.base("prnu")

  config.data = common.data(
    source="virtual/default",
    subset="natural,flat-field",
    protocol="ratio",  # 75/10/15 of each camera's images; or by_scene, stratified.
  )
  config.data.validation = 0.1  # Of protocol=by_scene and stratified only.
  config.data.test = 0.15  # Likewise.
  config.data.devices = 0  # Cameras with most images that take part (10, 17 and 15 in the paper); 0: all.
  config.data.one_model = ""  # Only devices of this model (Brand_Model); empty: of all.

  config.input = ConfigDict()
  config.input.size = 256  # Side of the central square in pixels, at one place of the sensor.

  config.extractor = common.normalised(
    batch=16,
    epochs=12,
    optimiser="sgd",
    learning_rate=0.01,
    momentum=0.9,
    decay=5e-4,
    halve_lr_every=4,
    precise_bn_batches=8,  # Batches that measure BatchNorm's statistics after an epoch; 0 where the norm is another.
  )
  config.extractor.kind = "modified"  # AlexNet "modified" for noise patterns, or "default".
  config.extractor.width = 256  # Units of both dense layers; 4,096 as published, which has 253 million weights.
  # "response" as published; "batch" is BatchNorm instead, which lets SGD take larger steps.
  config.extractor.norm = "batch"

  config.evaluate.largest = 1024  # Pixels a side at most of what the classical matcher sees of whole images.
  config.evaluate.alpha = 1e-4  # False-alarm probability of one comparison, for the PCE threshold of the report.

  if mode == "quick":
    config.data.source = "virtual/tiny"
    config.input.size = 64
    config.extractor.width = 32
    config.extractor.batch = 8
    config.extractor.epochs = 2
    config.extractor.precise_bn_batches = 3
    config.evaluate.resamples = 20
  elif mode == "paper":
    config.extractor.width = 4096
    config.extractor.norm = "response"
    config.extractor.epochs = 500
    config.extractor.learning_rate = 0.0025
    config.extractor.halve_lr_every = 0
    config.extractor.precise_bn_batches = 0
    config.extractor.batch = 128
  elif mode:
    raise ValueError(f"configs/prnu.py has the modes quick and paper, got {mode!r}")
  return config
