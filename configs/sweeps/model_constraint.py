"""What the constraint, the colours, the truncation and the last pooling of MISLnet bring to forensic similarity.

fsim sweep configs/sweeps/model_constraint.py --workdir=runs/model-constraint
"""

from collections.abc import Iterator

CONFIG = "configs/model.py"
ALONE = {"similarity.fused": False, "tiles.epochs": 0}  # Else what another network sees would hide the differences.


def sweep() -> Iterator[dict]:
  for constrained in (True, False):
    yield ALONE | {"network.constrained": constrained}
  for colours in ("green", "rgb"):
    yield ALONE | {"network.colours": colours}
  yield ALONE | {"network.truncation": 0.0}
  yield ALONE | {"network.last_pool": "average"}
