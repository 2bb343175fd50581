"""Ten splits of the patch system: mean and spread as in figure 3 of Bondi et al. 2017.

  fsim sweep configs/sweeps/patch_folds.py --workdir=runs/patch-folds

Expected: see docs/patch.md.
"""

from collections.abc import Iterator

CONFIG = "configs/patch.py"


def sweep() -> Iterator[dict]:
  for fold in range(10):
    yield {"data.fold": fold}
