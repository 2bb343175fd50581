"""Are two patches from one camera model, even one never seen? MISLnet and a scorer of pairs (Mayer & Stamm 2018).

  fsim train --config=configs/model.py                       virtual cameras, an hour of training on two cores
  fsim train --config=configs/model.py --config.evaluate.external=PATH/TO/DRESDEN_NAMED_JPEGS
  fsim train --config=configs/model.py:quick                 a smoke run, seconds
  fsim train --config=configs/model.py:paper                 the published sizes and schedules
  fsim splice photo.jpg --run=runs/model --out=maps         what differs from the rest of a photograph
  fsim cluster FOLDER --run=runs/model                       which images are of one model

Expected on the virtual cameras: .959 of pairs of 128x128 patches are decided correctly, .974 of pairs of images.
"""

from ml_collections import ConfigDict

from fsim.configs import common


def get_config(mode: str = "") -> ConfigDict:
  config = common.base("model")
  config.dtype = "float32"  # Of the networks' arithmetic, after the extractor's first layer: float32 or bfloat16.

  config.data = common.data(
    source="virtual/similarity",
    protocol="by_scene",  # Beside the models: by_scene, or stratified where scenes are not known.
  )
  config.data.sizes = (160, 80, 20)  # Models for the extractor, for the scorer of pairs, and never seen; in proportion.
  config.data.validation = 0.1  # Share of the scenes of every device; of stratified, of its images.
  config.data.test = 0.2  # Likewise.
  config.data.fold = 0  # Of protocol=scene_instance only.

  config.input = common.patches(
    size=128,  # Side of a patch in pixels; 256 in the paper.
    count=32,  # Patches an image, at most; 3 or more.
    rule="random",
    saturated=0.1,
    entropy=4.0,
  )

  config.extractor = common.normalised(
    batch=64,
    epochs=3,
    optimiser="adamw",  # Or "sgd", as published.
    learning_rate=1e-3,
    momentum=0.9,
    decay=0.1,
    halve_lr_every=1,
    precise_bn_batches=20,
  )
  config.extractor.run = ""  # A finished run, or a folder of weights: its extractor is taken, and not learned again.
  config.extractor.colours = "each"  # One filter a colour. "green" (as published) or "rgb": fsim/models/mislnet.py.
  config.extractor.truncation = 2.0  # Grey levels of the first layer's residuals; 0: they are not truncated.
  config.extractor.last_pool = "max"  # Or "average", as in Bayar & Stamm 2018.
  config.extractor.constrained = True  # False: an ordinary convolution first.
  config.extractor.block_shares = False  # Beside the features, what compression left near zero: models/block_shares.py.

  # The network of configs/patch.py on tiles of 64 pixels of the extractor's patches: its answers are compared too.
  config.tile_extractor = common.classifier(
    batch=128,
    epochs=1,  # 0: no such network and no baseline; scorer.use_tile_posteriors must be False then.
    optimiser="adamw",
    learning_rate=7e-4,  # Twice as much and it never leaves chance with 160 models.
    momentum=0.9,
    decay=1e-2,
    halve_lr_every=1,
  )

  config.scorer = common.phase(
    batch=256,
    epochs=2,
    optimiser="adamw",
    learning_rate=3e-2,
    momentum=0.9,
    decay=0.0,
    halve_lr_every=1,
  )
  config.scorer.pairs = 100_000  # An epoch, half of one model.
  config.scorer.recentre = True  # Log-odds of 0 where most validation pairs are decided correctly; False: as trained.
  config.scorer.use_tile_posteriors = True  # As features beside the extractor's; False as published.
  config.scorer.kind = "distance"  # Of two features, or "whitened"; or "network" as published (scorer.network).
  config.scorer.whitening = ""  # Of "whitened": another source, whose covariance, zero and scatter of images are taken.
  config.scorer.shrinkage = 0.7  # Of "whitened": how much of the covariance within models is ignored, above 0 to 1.
  config.scorer.network = ConfigDict()
  config.scorer.network.hidden = 1024  # Units of the shared layer; 2048 in Mayer & Stamm 2020.
  config.scorer.network.width = 64  # Units of the pair layer.
  config.scorer.network.product = False  # Whether the pair layer sees the product too, as in Mayer & Stamm 2020.
  config.scorer.network.dropout = 0.5  # Of the shared layer's outputs.

  config.evaluate.models = 20  # Models of the extractor's that are compared with those never seen; 5 in the paper.
  config.evaluate.pairs = 500  # Patch pairs of each pair of models.
  config.evaluate.patches = (1, 2, 4, 8, 16, 32)  # Of an image, for decisions on whole images.
  config.evaluate.draws = 10  # Random choices of those patches.
  config.evaluate.map_false_alarm = 0.01  # Of single patches of authentic validation images; sets the limit of maps.
  config.evaluate.external = ""  # Another source to evaluate on as well: none of its models are learned.

  if mode == "quick":
    config.data.source = "virtual/several"
    config.data.validation = 0.25
    config.data.test = 0.4
    config.input.size = 72
    config.input.stride = 72
    config.input.count = 4
    config.input.entropy = 2.0
    config.extractor.batch = 8
    config.extractor.epochs = 1
    config.extractor.precise_bn_batches = 2
    config.scorer.network.hidden = 32
    config.scorer.batch = 16
    config.scorer.pairs = 160
    config.scorer.epochs = 2
    config.tile_extractor.batch = 8
    config.tile_extractor.epochs = 1
    config.evaluate.models = 2
    config.evaluate.pairs = 20
    config.evaluate.patches = (1, 2)
    config.evaluate.draws = 2
    config.evaluate.resamples = 20
  elif mode == "paper":
    config.data.sizes = (40, 20, 5)
    config.input.size = 256
    config.input.stride = 256
    config.extractor.colours = "green"
    config.extractor.truncation = 0.0
    config.extractor.optimiser = "sgd"
    config.extractor.epochs = 30
    config.extractor.decay = 5e-4
    config.extractor.halve_lr_every = 3
    config.scorer.kind = "network"
    config.scorer.use_tile_posteriors = False
    config.scorer.recentre = False
    config.scorer.learning_rate = 5e-4
    config.scorer.pairs = 500_000
    config.scorer.epochs = 60
    config.scorer.halve_lr_every = 0
    config.evaluate.models = 5
    config.evaluate.pairs = 2000
  elif mode:
    raise ValueError(f"configs/model.py has the modes quick and paper, got {mode!r}")
  return config
