"""Scorers of pairs: distance, the published network, the later one with the product (Mayer & Stamm 2020).

  python -m launch.sweep configs/sweeps/model_pairs.py --workdir=runs/model-pairs

Each run trains the same extractor anew; `similarity.*` is all that differs.
"""

from collections.abc import Iterator

CONFIG = "configs/model.py"
NETWORK = {
  "similarity.kind": "network",
  "similarity.learning_rate": 5e-4,
  "similarity.epochs": 10,
  "similarity.halve_every": 3,
}


def sweep() -> Iterator[dict]:
  yield {"similarity.kind": "distance"}
  for hidden, product in ((1024, False), (2048, False), (1024, True), (2048, True)):
    yield NETWORK | {"similarity.hidden": hidden, "similarity.product": product}
