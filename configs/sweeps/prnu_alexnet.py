"""AlexNet as published and as modified for noise patterns, on three divisions of the images each.

  fsim sweep configs/sweeps/prnu_alexnet.py --workdir=runs/prnu-alexnet

The classical matcher stands beside both, on the same images.
"""

from collections.abc import Iterator

CONFIG = "configs/prnu.py"


def sweep() -> Iterator[dict]:
  for kind in ("default", "modified"):
    for seed in range(3):
      yield {"extractor.kind": kind, "seed": seed}
