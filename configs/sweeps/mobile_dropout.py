"""Four shares of dropout, ten folds each (Freire-Obregón et al. 2018, figure 9).

  fsim sweep configs/sweeps/mobile_dropout.py --workdir=runs/mobile-dropout

--set data.level=sensor names the cameras instead of the phones.
"""

from collections.abc import Iterator

CONFIG = "configs/mobile.py"
MEASURES = ("patches", "images, mean softmax", "images, majority")


def sweep() -> Iterator[dict]:
  for dropout in (0.35, 0.45, 0.5, 0.55):
    for fold in range(10):
      yield {"extractor.dropout": dropout, "data.fold": fold}
