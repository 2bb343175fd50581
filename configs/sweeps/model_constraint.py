"""What the constraint, the colours, the truncation and the last pooling of MISLnet bring to forensic similarity.

python -m launch.sweep configs/sweeps/model_constraint.py --workdir=runs/model-constraint
"""

from collections.abc import Iterator

CONFIG = "configs/model.py"


def sweep() -> Iterator[dict]:
  for constrained in (True, False):
    yield {"network.constrained": constrained}
  for colours in ("green", "rgb"):
    yield {"network.colours": colours}
  yield {"network.truncation": 0.0}
  yield {"network.last_pool": "average"}
