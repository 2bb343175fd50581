"""Scorers of pairs: distances fused or of the extractor alone, the published network, the later one with the product.

The last is that of Mayer & Stamm 2020. Which of them goes best is chosen on other models: benchmarks.held_out_models.

  fsim sweep configs/sweeps/model_pairs.py --workdir=runs/model-pairs

Each run trains the same extractor anew; `scorer.*` is all that differs.
"""

from collections.abc import Iterator

CONFIG = "configs/model.py"
NETWORK = {
  "scorer.kind": "network",
  "scorer.use_tile_posteriors": False,
  "scorer.learning_rate": 5e-4,
  "scorer.epochs": 10,
  "scorer.halve_lr_every": 3,
}


def sweep() -> Iterator[dict]:
  for fused in (True, False):
    yield {"scorer.kind": "distance", "scorer.use_tile_posteriors": fused}
  for hidden, product in ((1024, False), (2048, False), (1024, True), (2048, True)):
    yield NETWORK | {"scorer.network.hidden": hidden, "scorer.network.product": product}
