"""What the constraint, the colours, the truncation and the last pooling of MISLnet bring to forensic similarity.

fsim sweep configs/sweeps/model_constraint.py --workdir=runs/model-constraint
"""

from collections.abc import Iterator

CONFIG = "configs/model.py"
# Else what another network sees would hide the differences.
ALONE = {"scorer.use_tile_posteriors": False, "tile_extractor.epochs": 0}


def sweep() -> Iterator[dict]:
  for constrained in (True, False):
    yield ALONE | {"extractor.constrained": constrained}
  for colours in ("green", "rgb"):
    yield ALONE | {"extractor.colours": colours}
  yield ALONE | {"extractor.truncation": 0.0}
  yield ALONE | {"extractor.last_pool": "average"}
