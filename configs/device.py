"""Device-based image matching: a signature network on whole images, a similarity network on pairs (Bennabhaktula 2020).

  fsim train --config=configs/device.py                      virtual cameras, minutes on two CPU cores
  fsim train --config=configs/device.py --config.data.source=/path/to/dresden --workdir=runs/dresden
  fsim train --config=configs/device.py:quick                a smoke run, seconds
  fsim train --config=configs/device.py:paper                the published sizes

Expected on the virtual cameras: see the results table in README.md.
"""

from ml_collections import ConfigDict
from ml_collections.config_dict import placeholder


def get_config(mode: str = "") -> ConfigDict:
  config = ConfigDict()
  config.system = "device"
  config.seed = 0
  config.dtype = "float32"  # Of the extractor's arithmetic: float32 or bfloat16.
  config.save_every = 500  # Steps between checkpoints inside an epoch; there is one at its end in any case.

  config.data = ConfigDict()
  config.data.source = "virtual/default"  # A virtual preset, a folder of Dresden-named JPEGs, or a mixture.
  config.data.folder = placeholder(str)  # Where data sets are kept; by default TFDS's own folder.
  config.data.on_error = "skip"  # Unusable files: "skip" lists them in the report, "raise" stops.
  config.data.subset = "natural"  # natural, flat-field, dark or jpeg (the paper's).
  config.data.platform = "original"  # Or what copies were passed on by ("WA"; several with commas), or "any".
  config.data.protocol = "stratified"  # See fsim/data/splits.py; by_scene where devices saw different places.
  config.data.fold = 0  # Of scene_instance.
  config.data.validation = 0.1
  config.data.test = 0.3
  config.data.merge_d70 = True  # D70s counts as D70, as in the published experiments.
  config.data.repair_mju = True  # mju_1050SW is mju-1050SW.
  config.data.pattern = placeholder(str)  # Of file names of another form than Dresden's, see docs/mobile.md.

  config.input = ConfigDict()
  config.input.size = 256  # Side of the square crop in pixels; not printed in the paper.
  config.input.front = "residual"  # What the network sees: "rgb" as published, or "residual", which needs fewer images.
  config.input.crop = "random"  # Of training images: "random" on the JPEG grid, or "centre"; all others are central.
  config.input.chains = ""  # Of training images, such as "recompress:0.2,messenger:0.1": see fsim/data/chained.py.

  config.reading = ConfigDict()
  config.reading.threads = 2
  config.reading.workers = 0  # Worker processes; 0 decodes in threads.

  config.signature = ConfigDict()
  config.signature.batch = 16
  config.signature.epochs = 15
  config.signature.optimiser = "sgd"  # Or "adamw".
  config.signature.learning_rate = 1e-3
  config.signature.momentum = 0.95
  config.signature.decay = 5e-4
  config.signature.halve_every = 0  # Epochs; 0: the learning rate stays.
  config.signature.settle = 20  # Batches on which BatchNorm statistics are measured after every epoch.
  config.signature.balanced = "auto"  # Devices drawn equally often: on, off, or auto (if they differ by more than 2:1).

  config.similarity = ConfigDict()
  config.similarity.width = 64  # Units of fc_2; not printed in the paper.
  config.similarity.batch = 256
  config.similarity.epochs = 30
  config.similarity.optimiser = "sgd"
  config.similarity.learning_rate = 5e-3
  config.similarity.momentum = 0.0
  config.similarity.decay = 0.0
  config.similarity.halve_every = 3  # Epochs.

  config.evaluate = ConfigDict()
  config.evaluate.external = ""  # A second source, on which the trained matcher is only tested.
  config.evaluate.draws = 100  # Image pairs a cell of the similarity matrix (Algorithm 1).
  config.evaluate.resamples = 500  # Of the bootstrap over devices.
  config.evaluate.errors = 6  # Worst false matches and worst misses to show, each.

  if mode == "quick":
    config.data.source = "virtual/tiny"
    config.data.validation = 0.34
    config.input.size = 64
    config.signature.settle = 4
    config.signature.epochs = 2
    config.signature.batch = 8
    config.similarity.epochs = 2
    config.similarity.batch = 16
    config.evaluate.resamples = 20
  elif mode == "paper":
    config.input.size = 512
    config.input.front = "rgb"
    config.input.crop = "centre"
    config.data.subset = "jpeg"
  elif mode:
    raise ValueError(f"configs/device.py has the modes quick and paper, got {mode!r}")
  return config
