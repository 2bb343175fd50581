"""Are two patches from one camera model, even one never seen? MISLnet and a scorer of pairs (Mayer & Stamm 2018).

  fsim train --config=configs/model.py                       virtual cameras, an hour of training on two cores
  fsim train --config=configs/model.py --config.evaluate.external=PATH/TO/DRESDEN_NAMED_JPEGS
  fsim train --config=configs/model.py:quick                 a smoke run, seconds
  fsim train --config=configs/model.py:paper                 the published sizes and schedules
  fsim splice photo.jpg --run=runs/model --out=maps         what differs from the rest of a photograph
  fsim cluster FOLDER --run=runs/model                       which images are of one model

Expected on the virtual cameras: see the results table in README.md.
"""

from ml_collections import ConfigDict
from ml_collections.config_dict import placeholder


def get_config(mode: str = "") -> ConfigDict:
  config = ConfigDict()
  config.system = "model"
  config.seed = 0
  config.dtype = "float32"  # Of the networks' arithmetic, after the extractor's first layer: float32 or bfloat16.
  config.save_every = 500  # Steps between checkpoints inside an epoch; there is one at its end in any case.

  config.data = ConfigDict()
  config.data.source = "virtual/similarity"  # A virtual preset, a folder of Dresden-named JPEGs, or a mixture.
  config.data.folder = placeholder(str)  # Where data sets and patches are kept; by default TFDS's own folder.
  config.data.on_error = "skip"  # Unusable files: "skip" lists them in the report, "raise" stops.
  config.data.subset = "natural"  # natural, flat-field, dark or jpeg.
  config.data.platform = "original"  # Or what copies were passed on by ("WA"; several with commas), or "any".
  config.data.sizes = (160, 80, 20)  # Models for the extractor, for the scorer of pairs, and never seen; in proportion.
  config.data.protocol = "by_scene"  # Beside the models: by_scene, or stratified where scenes are not known.
  config.data.fold = 0  # Of scene_instance.
  config.data.validation = 0.1  # Share of the scenes (or images) of every device.
  config.data.test = 0.2
  config.data.merge_d70 = True  # D70s counts as D70.
  config.data.repair_mju = True  # mju_1050SW is mju-1050SW.
  config.data.pattern = placeholder(str)  # Of file names of another form than Dresden's, see docs/mobile.md.

  config.input = ConfigDict()
  config.input.size = 128  # Side of a patch in pixels; 256 in the paper.
  config.input.stride = 128  # As large as the size, so that no two patches overlap.
  config.input.count = 32  # Patches an image, at most; 3 or more.
  config.input.rule = "random"  # Of the places where patches lie; see fsim/data/patches.py.
  config.input.saturated = 0.1  # Largest share of saturated pixels in a patch.
  config.input.entropy = 4.0  # Least entropy of a patch, in nats.
  config.input.chains = ""  # Of training images, such as "recompress:0.2,messenger:0.1": see fsim/data/chained.py.

  config.reading = ConfigDict()
  config.reading.threads = 2
  config.reading.workers = 0  # Worker processes; 0 reads in threads.

  config.network = ConfigDict()
  config.network.colours = "each"  # One filter a colour. "green" (as published) or "rgb": fsim/models/mislnet.py.
  config.network.truncation = 2.0  # Grey levels of the first layer's residuals; 0: they are not truncated.
  config.network.last_pool = "max"  # Or "average", as in Bayar & Stamm 2018.
  config.network.constrained = True  # False: an ordinary convolution first.
  config.network.batch = 64
  config.network.epochs = 3
  config.network.optimiser = "adamw"  # Or "sgd", as published.
  config.network.learning_rate = 1e-3
  config.network.momentum = 0.9  # Adam's b1.
  config.network.decay = 0.1
  config.network.halve_every = 1  # Epochs.
  config.network.settle = 20  # Training batches on which BatchNorm's statistics are measured before use.
  config.network.balanced = "auto"  # Models drawn equally often: on, off, or auto (if they differ by more than 2:1).

  config.similarity = ConfigDict()
  config.similarity.kind = "distance"  # Of two features; "network" as published, to which hidden to dropout belong.
  config.similarity.fused = True  # Posteriors of the network on tiles count as features too; False as published.
  config.similarity.hidden = 1024  # Units of the shared layer; 2048 in Mayer & Stamm 2020.
  config.similarity.width = 64  # Units of the pair layer.
  config.similarity.product = False  # Whether the pair layer sees the product too, as in Mayer & Stamm 2020.
  config.similarity.dropout = 0.5  # Of the shared layer's outputs.
  config.similarity.batch = 256
  config.similarity.pairs = 100_000  # An epoch, half of one model.
  config.similarity.epochs = 2
  config.similarity.optimiser = "adamw"
  config.similarity.learning_rate = 3e-2
  config.similarity.momentum = 0.9
  config.similarity.decay = 0.0
  config.similarity.halve_every = 1  # Epochs; 0: the learning rate stays.
  config.similarity.centred = True  # Log-odds of 0 where most validation pairs are decided rightly; False: as trained.

  # The network of configs/patch.py on tiles of 64 pixels of the extractor's patches: its answers are compared too.
  config.tiles = ConfigDict()
  config.tiles.batch = 128
  config.tiles.epochs = 1  # 0: no such network and no baseline; similarity.fused must be False then.
  config.tiles.optimiser = "adamw"
  config.tiles.learning_rate = 7e-4  # Twice as much and it never leaves chance with 160 models.
  config.tiles.momentum = 0.9
  config.tiles.decay = 1e-2
  config.tiles.halve_every = 1
  config.tiles.settle = 0
  config.tiles.balanced = "auto"

  config.evaluate = ConfigDict()
  config.evaluate.models = 20  # Models of the extractor's that are compared with those never seen; 5 in the paper.
  config.evaluate.pairs = 500  # Patch pairs of each pair of models.
  config.evaluate.patches = (1, 2, 4, 8, 16, 32)  # Of an image, for decisions on whole images.
  config.evaluate.draws = 10  # Random choices of those patches.
  config.evaluate.marked = 0.01  # Of single patches of authentic validation images; sets the limit of maps.
  config.evaluate.resamples = 500  # Of the bootstrap over models.
  config.evaluate.external = ""  # Another source to evaluate on as well: none of its models are learned.

  if mode == "quick":
    config.data.source = "virtual/several"
    config.data.validation = 0.25
    config.data.test = 0.4
    config.input.size = 72
    config.input.stride = 72
    config.input.count = 4
    config.input.entropy = 2.0
    config.network.batch = 8
    config.network.epochs = 1
    config.network.settle = 2
    config.similarity.hidden = 32
    config.similarity.batch = 16
    config.similarity.pairs = 160
    config.similarity.epochs = 2
    config.tiles.batch = 8
    config.tiles.epochs = 1
    config.evaluate.models = 2
    config.evaluate.pairs = 20
    config.evaluate.patches = (1, 2)
    config.evaluate.draws = 2
    config.evaluate.resamples = 20
  elif mode == "paper":
    config.data.sizes = (40, 20, 5)
    config.input.size = 256
    config.input.stride = 256
    config.network.colours = "green"
    config.network.truncation = 0.0
    config.network.optimiser = "sgd"
    config.network.epochs = 30
    config.network.decay = 5e-4
    config.network.halve_every = 3
    config.similarity.kind = "network"
    config.similarity.fused = False
    config.similarity.centred = False
    config.similarity.learning_rate = 5e-4
    config.similarity.pairs = 500_000
    config.similarity.epochs = 60
    config.similarity.halve_every = 0
    config.evaluate.models = 5
    config.evaluate.pairs = 2000
  elif mode:
    raise ValueError(f"configs/model.py has the modes quick and paper, got {mode!r}")
  return config
