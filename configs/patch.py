"""Camera models from 64x64 patches: a small network, one-vs-one linear SVMs on its features, votes (Bondi et al. 2017).

  fsim train --config=configs/patch.py                       virtual cameras, minutes on two CPU cores
  fsim train --config=configs/patch.py --config.data.fold=3 --workdir=runs/patch-3
  fsim train --config=configs/patch.py:quick                 a smoke run, seconds
  fsim train --config=configs/patch.py:paper                 the published numbers of epochs

Expected on the virtual cameras: see the results table in README.md.
"""

from ml_collections import ConfigDict
from ml_collections.config_dict import placeholder


def get_config(mode: str = "") -> ConfigDict:
  config = ConfigDict()
  config.system = "patch"
  config.seed = 0
  config.dtype = "float32"  # Of the network's arithmetic: float32 or bfloat16.
  config.save_every = 500  # Steps between checkpoints inside an epoch; there is one at its end in any case.

  config.data = ConfigDict()
  config.data.source = "virtual/models"  # A virtual preset, a folder of Dresden-named JPEGs, or a mixture.
  config.data.folder = placeholder(str)  # Where data sets and patches are kept; by default TFDS's own folder.
  config.data.on_error = "skip"  # Unusable files: "skip" lists them in the report, "raise" stops.
  config.data.subset = "natural"  # natural, flat-field, dark or jpeg.
  config.data.platform = "original"  # Or what copies were passed on by ("WA"; several with commas), or "any".
  config.data.protocol = "scene_instance"  # See fsim/data/splits.py; by_scene where models have one device only.
  config.data.fold = 0  # Of scene_instance.
  config.data.validation = 0.1  # Of by_scene, stratified.
  config.data.test = 0.3
  config.data.merge_d70 = True  # D70s counts as D70, as in the published experiments.
  config.data.repair_mju = True  # mju_1050SW is mju-1050SW.
  config.data.pattern = placeholder(str)  # Of file names of another form than Dresden's, see docs/mobile.md.
  config.data.unknown_models = ""  # Models (Brand_Model, commas between) not to learn; empty: as the protocol has it.

  config.input = ConfigDict()
  config.input.front = "residual"  # What the network sees: "rgb" as published, or "residual": learned in fewer steps.
  config.input.size = 64  # Side of a patch in pixels.
  config.input.stride = 64  # Between the patches that are judged; a multiple of 8, the JPEG grid.
  config.input.count = 32  # Patches an image, at most.
  config.input.rule = "paper"  # Mean near half range ("paper"), or the measure of the published code ("code").
  config.input.saturated = 0.0  # Largest share of saturated pixels in a patch.
  config.input.entropy = 0.0  # Least entropy of a patch, in nats.
  config.input.chains = ""  # Of training images, such as "recompress:0.2,messenger:0.1": see fsim/data/chained.py.

  config.reading = ConfigDict()
  config.reading.threads = 2
  config.reading.workers = 0  # Worker processes; 0 reads in threads.

  config.network = ConfigDict()
  config.network.batch = 128
  config.network.epochs = 10
  config.network.optimiser = "adamw"  # Or "sgd", as published: slower to learn, and diverges on residuals from .015 on.
  config.network.learning_rate = 1.5e-3
  config.network.momentum = 0.9  # Adam's b1.
  config.network.decay = 0.4
  config.network.halve_every = 2  # Epochs.
  config.network.settle = 0  # The network has no BatchNorm.
  config.network.balanced = "auto"  # Models drawn equally often: on, off, or auto (if they differ by more than 2:1).

  config.svm = ConfigDict()
  config.svm.c = (1e-4, 1e-3, 1e-2, 1e-1)  # The best on validation patches is taken, with standardised features or not.
  config.svm.sample = 500  # Training patches of each model to choose with; the chosen setting learns from all.

  config.transfer = ConfigDict()
  config.transfer.images = (1, 2, 5, 10)  # Of each model that the network never saw.
  config.transfer.draws = 10  # Random choices of those images.

  config.unknown = ConfigDict()
  config.unknown.rejected = 0.05  # Share of the validation images that the answer "none of these" may cost.

  config.evaluate = ConfigDict()
  config.evaluate.draws = 20  # Random orders of the voting patches.
  config.evaluate.resamples = 500  # Of the bootstrap over devices.

  if mode == "quick":
    config.data.source = "virtual/few"
    config.data.validation = 0.34
    config.input.count = 8
    config.network.batch = 16
    config.network.epochs = 2
    config.svm.c = (1e-2, 1.0)
    config.svm.sample = 50
    config.transfer.images = (1, 2)
    config.transfer.draws = 2
    config.evaluate.draws = 4
    config.evaluate.resamples = 20
  elif mode == "paper":
    config.input.front = "rgb"
    config.network.optimiser = "sgd"
    config.network.learning_rate = 0.015
    config.network.decay = 7.5e-3
    config.network.epochs = 50
    config.network.halve_every = 10
  elif mode:
    raise ValueError(f"configs/patch.py has the modes quick and paper, got {mode!r}")
  return config
