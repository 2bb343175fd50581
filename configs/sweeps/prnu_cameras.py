r"""Both networks on 10, 17 and 15 cameras, as in the tables of Athanasiadou et al. 2018.

  fsim sweep configs/sweeps/prnu_cameras.py --workdir=runs/prnu-cameras \
      --set data.source=virtual/models --set data.subset=natural
  fsim sweep configs/sweeps/prnu_cameras.py --workdir=runs/prnu-dresden --set data.source=/path/to/dresden

The paper does not say which cameras it took; these are the ones with most images, by name where there are as many.
"""

from collections.abc import Iterator

CONFIG = "configs/prnu.py"


def sweep() -> Iterator[dict]:
  for kind in ("default", "modified"):
    for count in (10, 17, 15):
      yield {"extractor.kind": kind, "data.devices": count}
