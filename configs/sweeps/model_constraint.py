"""What the constraint, the colours and the last pooling of MISLnet bring to forensic similarity.

python -m launch.sweep configs/sweeps/model_constraint.py --workdir=runs/model-constraint
"""

from collections.abc import Iterator

CONFIG = "configs/model.py"


def sweep() -> Iterator[dict]:
  for constrained in (True, False):
    yield {"network.constrained": constrained}
  yield {"network.colours": "rgb"}
  yield {"network.last_pool": "average"}
