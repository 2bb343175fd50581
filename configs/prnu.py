"""Cameras from noise patterns: AlexNet on residuals (Athanasiadou et al. 2018), beside the classical matcher.

  fsim train --config=configs/prnu.py                        virtual cameras, minutes on two CPU cores
  fsim train --config=configs/prnu.py --config.network.kind=default --workdir=runs/prnu-default
  fsim train --config=configs/prnu.py --config.data.one_model=Aurel_K1 --workdir=runs/prnu-one-model
  fsim train --config=configs/prnu.py --config.data.source=/path/to/dresden --workdir=runs/prnu-dresden
  fsim train --config=configs/prnu.py:quick                  a smoke run, seconds
  fsim train --config=configs/prnu.py:paper                  the published network and training; needs a GPU

Expected on the virtual cameras: see the results table in README.md.
"""

from ml_collections import ConfigDict
from ml_collections.config_dict import placeholder


def get_config(mode: str = "") -> ConfigDict:
  config = ConfigDict()
  config.system = "prnu"
  config.seed = 0
  config.dtype = "float32"  # Of the network's arithmetic: float32 or bfloat16.
  config.save_every = 500  # Steps between checkpoints inside an epoch; there is one at its end in any case.

  config.data = ConfigDict()
  config.data.source = "virtual/default"  # A virtual preset, a folder of Dresden-named JPEGs, or a mixture.
  config.data.folder = placeholder(str)  # Where data sets and patterns are kept; by default TFDS's own folder.
  config.data.on_error = "skip"  # Unusable files: "skip" lists them in the report, "raise" stops.
  config.data.subset = "natural,flat-field"  # Of natural, flat-field, dark and jpeg; several with commas between them.
  config.data.platform = "original"  # Or what copies were passed on by ("WA"; several with commas), or "any".
  config.data.protocol = "ratio"  # 75/10/15 of each camera's images; or by_scene, stratified.
  config.data.validation = 0.1  # Of by_scene, stratified.
  config.data.test = 0.15
  config.data.devices = 0  # Cameras with most images that take part (10, 17 and 15 in the paper); 0: all.
  config.data.one_model = ""  # Only devices of this model (Brand_Model); empty: of all.
  config.data.merge_d70 = True  # D70s counts as D70, as in the published experiments.
  config.data.repair_mju = True  # mju_1050SW is mju-1050SW.
  config.data.pattern = placeholder(str)  # Of file names of another form than Dresden's, see docs/mobile.md.

  config.input = ConfigDict()
  config.input.size = 256  # Side of the central square in pixels, at one place of the sensor.

  config.reading = ConfigDict()
  config.reading.threads = 2
  config.reading.workers = 0  # Worker processes; 0 reads in threads.

  config.network = ConfigDict()
  config.network.kind = "modified"  # AlexNet "modified" for noise patterns, or "default".
  config.network.width = 256  # Units of both dense layers; 4,096 as published, which has 253 million weights.
  config.network.norm = (
    "batch"  # "response" as published; "batch" is BatchNorm instead, which lets SGD take larger steps.
  )
  config.network.batch = 16
  config.network.epochs = 12
  config.network.optimiser = "sgd"  # Or "adamw".
  config.network.learning_rate = 0.01
  config.network.momentum = 0.9
  config.network.decay = 5e-4
  config.network.halve_every = 4  # Epochs; 0: the learning rate stays.
  config.network.settle = 8  # Batches on which BatchNorm statistics are measured after every epoch.
  config.network.balanced = "auto"  # Cameras drawn equally often: on, off, or auto (if they differ by more than 2:1).

  config.evaluate = ConfigDict()
  config.evaluate.largest = 1024  # Pixels a side at most of what the classical matcher sees of whole images.
  config.evaluate.alpha = 1e-4  # False-alarm probability of one comparison, for the PCE threshold of the report.
  config.evaluate.resamples = 500  # Of the bootstrap over devices.

  if mode == "quick":
    config.data.source = "virtual/tiny"
    config.input.size = 64
    config.network.width = 32
    config.network.batch = 8
    config.network.epochs = 2
    config.network.settle = 3
    config.evaluate.resamples = 20
  elif mode == "paper":
    config.network.width = 4096
    config.network.norm = "response"
    config.network.epochs = 500
    config.network.learning_rate = 0.0025
    config.network.halve_every = 0
    config.network.settle = 0
    config.network.batch = 128
  elif mode:
    raise ValueError(f"configs/prnu.py has the modes quick and paper, got {mode!r}")
  return config
