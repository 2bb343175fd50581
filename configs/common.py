"""What the configurations share: each field stands here once, with what it means in all of them.

A configuration from anywhere may take them: `from fsim.configs import common`. Comments beside the arguments of a call
go before those that stand here (see fsim/commands/fields.py).
"""

from ml_collections import ConfigDict
from ml_collections.config_dict import placeholder


def base(system: str) -> ConfigDict:
  """The fields at the top, of reading, and of every evaluation."""
  config = ConfigDict()
  config.system = system
  config.seed = 0
  config.dtype = "float32"  # Of the extractor's arithmetic: float32 or bfloat16.
  config.save_every = 500  # Steps between checkpoints inside an epoch; there is one at its end in any case.
  config.reading = ConfigDict()
  config.reading.threads = 2
  config.reading.workers = 0  # Worker processes that decode; 0 decodes in threads. Patches are read in threads always.
  config.evaluate = ConfigDict()
  config.evaluate.resamples = 500  # Of the bootstrap over devices (or models).
  return config


def data(*, source: str, protocol: str, subset: str = "natural") -> ConfigDict:
  """Which images, and how they are divided; what the protocol must know is the configuration's own."""
  data = ConfigDict()
  data.source = source  # A virtual preset, a folder of Dresden-named JPEGs, or a mixture: docs/mixtures.md.
  data.folder = placeholder(str)  # Where data sets and what is made of them are kept; by default TFDS's own folder.
  data.on_error = "skip"  # Unusable files: "skip" lists them in the report, "raise" stops.
  data.subset = subset  # natural, flat-field, dark or jpeg; several with commas between them.
  data.platform = "original"  # Or what copies were passed on by ("WA"; several with commas), or "any".
  data.merge_d70 = True  # D70s counts as D70, as in the published experiments.
  data.repair_mju = True  # mju_1050SW is mju-1050SW.
  data.pattern = placeholder(str)  # Of file names of another form than Dresden's, see docs/mobile.md.
  data.protocol = protocol  # See fsim/data/splits.py.
  return data


def patches(*, size: int, count: int, rule: str, saturated: float = 0.0, entropy: float = 0.0) -> ConfigDict:
  """Patches of an image that are seen; they do not overlap."""
  patches = ConfigDict()
  patches.size = size  # Side of a patch in pixels.
  patches.stride = size  # Between patches; a multiple of 8, the JPEG grid. As large as the size: none overlap.
  patches.count = count  # Patches an image, at most.
  patches.rule = rule  # Which are taken; see fsim/data/patches.py.
  patches.saturated = saturated  # Largest share of saturated pixels in a patch.
  patches.entropy = entropy  # Least entropy of a patch, in nats.
  patches.chains = ""  # Of training images, such as "recompress:0.2,messenger:0.1": docs/mixtures.md.
  return patches


def phase(
  *,
  batch: int,
  epochs: int,
  optimiser: str,
  learning_rate: float,
  momentum: float,
  decay: float,
  halve_lr_every: int,
) -> ConfigDict:
  """Of training."""
  phase = ConfigDict()
  phase.batch = batch
  phase.epochs = epochs
  phase.optimiser = optimiser  # "sgd" or "adamw".
  phase.learning_rate = learning_rate
  phase.momentum = momentum  # Of "adamw": its b1.
  phase.decay = decay  # Of kernels: "sgd" has it in the gradient, "adamw" apart from it.
  phase.halve_lr_every = halve_lr_every  # Epochs; 0: the learning rate stays.
  return phase


def classifier(**settings: int | float | str) -> ConfigDict:
  """The phase of a network that learns to tell classes apart."""
  classifier = phase(**settings)
  classifier.balanced = "auto"  # Classes drawn equally often: on, off, or auto (if they differ by more than 2:1).
  return classifier


def normalised(*, precise_bn_batches: int, **settings: int | float | str) -> ConfigDict:
  """Such a phase of a network with BatchNorm."""
  normalised = classifier(**settings)
  normalised.precise_bn_batches = precise_bn_batches  # Batches that measure BatchNorm's statistics after an epoch.
  return normalised
