"""One to four convolutions, ten folds each (Freire-Obregón et al. 2018, figure 7).

  fsim sweep configs/sweeps/mobile_depth.py --workdir=runs/mobile-depth

--set data.level=sensor names the cameras instead of the phones.
"""

from collections.abc import Iterator

CONFIG = "configs/mobile.py"
MEASURES = ("patches", "images, mean softmax", "images, majority")


def sweep() -> Iterator[dict]:
  for depth in (1, 2, 3, 4):
    for fold in range(10):
      yield {"extractor.depth": depth, "data.fold": fold}
