"""ReLU against Leaky ReLU, ten folds each (Freire-Obregón et al. 2018, figure 8).

  fsim sweep configs/sweeps/mobile_activation.py --workdir=runs/mobile-activation

--set data.level=sensor names the cameras instead of the phones.
"""

from collections.abc import Iterator

CONFIG = "configs/mobile.py"
MEASURES = ("patches", "images, mean softmax", "images, majority")


def sweep() -> Iterator[dict]:
  for activation in ("relu", "leaky_relu"):
    for fold in range(10):
      yield {"extractor.activation": activation, "data.fold": fold}
