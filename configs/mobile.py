"""Phones from 32x32 patches: which phone, or which of its cameras (Freire-Obregón et al. 2018).

  fsim train --config=configs/mobile.py                      virtual phones, a minute on two CPU cores
  fsim train --config=configs/mobile.py --config.data.level=sensor --workdir=runs/mobile-sensor
  fsim train --config=configs/mobile.py --config.data.fold=3 --workdir=runs/mobile-3
  fsim train --config=configs/mobile.py:quick                a smoke run, seconds
  fsim train --config=configs/mobile.py:paper                the published input; 256 patches an image

Other networks, depths, activations and dropouts: configs/sweeps/mobile_*.py. Folders of other names, such as MICHE-I's:
docs/mobile.md.
"""

from ml_collections import ConfigDict
from ml_collections.config_dict import placeholder


def get_config(mode: str = "") -> ConfigDict:
  config = ConfigDict()
  config.system = "mobile"
  config.seed = 0
  config.dtype = "float32"  # Of the network's arithmetic: float32 or bfloat16.
  config.save_every = 500  # Steps between checkpoints inside an epoch; there is one at its end in any case.

  config.data = ConfigDict()
  config.data.source = "virtual/phones"  # A virtual preset, a folder of JPEGs, or a mixture.
  config.data.folder = placeholder(str)  # Where data sets and patches are kept; by default TFDS's own folder.
  config.data.on_error = "skip"  # Unusable files: "skip" lists them in the report, "raise" stops.
  config.data.subset = "natural"  # natural, flat-field, dark or jpeg.
  config.data.platform = "original"  # Or what copies were passed on by ("WA"; several with commas), or "any".
  config.data.level = "model"  # What is named: the phone, whichever its camera ("model"), or each camera ("sensor").
  config.data.protocol = "image_folds"  # As published; "scene_folds" keeps scenes apart as well.
  config.data.folds = 10
  config.data.fold = 0  # Tested; the next one validates, the others train.
  config.data.merge_d70 = True  # Of Dresden-named folders: D70s counts as D70.
  config.data.repair_mju = True  # mju_1050SW is mju-1050SW.
  config.data.pattern = placeholder(str)  # Of file names of another form than Dresden's, see docs/mobile.md.

  config.input = ConfigDict()
  config.input.front = "residual"  # What the network sees: "rgb" as published, "residual" or "high_pass".
  config.input.size = 32  # Side of a patch in pixels.
  config.input.stride = 32  # Between patches; a multiple of 8, the JPEG grid.
  config.input.count = 64  # Patches an image, at most.
  config.input.rule = "paper"  # Mean near half range ("paper"), see fsim/data/patches.py for others.
  config.input.saturated = 0.0  # Largest share of saturated pixels in a patch.
  config.input.entropy = 0.0  # Least entropy of a patch, in nats.
  config.input.chains = ""  # Of training images, such as "recompress:0.2,messenger:0.1": see fsim/data/chained.py.

  config.reading = ConfigDict()
  config.reading.threads = 2
  config.reading.workers = 0  # Worker processes; 0 reads in threads.

  config.network = ConfigDict()
  config.network.kind = "phones"  # Or the rivals "baroffio" and "tuama".
  config.network.depth = 2  # Convolutions: 1 to 4 of "phones", 3 of the rivals.
  config.network.activation = "leaky_relu"  # Or "relu".
  config.network.dropout = 0.5
  config.network.batch = 128
  config.network.epochs = 4
  config.network.optimiser = "sgd"  # Or "adamw".
  config.network.learning_rate = 0.01
  config.network.momentum = 0.9
  config.network.decay = 5e-4
  config.network.halve_every = 1  # Epochs.
  config.network.settle = 0  # The network has no BatchNorm.
  config.network.balanced = "auto"  # Classes drawn equally often: on, off, or auto (if they differ by more than 2:1).

  config.evaluate = ConfigDict()
  config.evaluate.draws = 20  # Random orders of the voting patches.
  config.evaluate.resamples = 500  # Of the bootstrap over devices.

  if mode == "quick":
    config.data.source = "virtual/few_phones"
    config.data.folds = 3
    config.input.count = 8
    config.network.batch = 16
    config.network.epochs = 2
    config.evaluate.draws = 4
    config.evaluate.resamples = 20
  elif mode == "paper":
    config.input.front = "rgb"
    config.input.count = 256
    config.network.epochs = 30
    config.network.halve_every = 10
  elif mode:
    raise ValueError(f"configs/mobile.py has the modes quick and paper, got {mode!r}")
  return config
