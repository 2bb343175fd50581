"""The network for phones beside those of Baroffio et al. 2016 and Tuama et al. 2016, ten folds each.

  fsim sweep configs/sweeps/mobile_rivals.py --workdir=runs/mobile-rivals

Each sees patches of its own size: fewer of an image where they are larger. Widths of the rivals are this project's
(fsim/models/mobile.py).
"""

from collections.abc import Iterator

CONFIG = "configs/mobile.py"
MEASURES = ("patches", "images, mean softmax", "images, majority")
SATURATED = 0.1  # A large patch is rarely without a saturated pixel.
NETWORKS = {
  "phones": {"input.size": 32, "input.stride": 32},
  "baroffio": {
    "input.size": 48,
    "input.stride": 48,
    "input.count": 32,
    "extractor.depth": 3,
    "extractor.activation": "relu",
  },
  "tuama": {
    "input.size": 256,
    "input.stride": 256,
    "input.count": 8,
    "input.front": "high_pass",
    "extractor.depth": 3,
    "extractor.activation": "relu",
    "extractor.batch": 32,
    "extractor.learning_rate": 1e-3,  # At .01 its loss grows without bound.
    "extractor.halve_lr_every": 2,
  },
}


def sweep() -> Iterator[dict]:
  for kind, own in NETWORKS.items():
    for fold in range(10):
      yield {"extractor.kind": kind, **own, "input.saturated": SATURATED, "data.fold": fold}
