"""Forms of the pair network: the published one, the later one with the product (Mayer & Stamm 2020), and in between.

  python -m launch.sweep configs/sweeps/model_pairs.py --workdir=runs/model-pairs

Each run trains the same extractor anew; `similarity.*` is all that differs.
"""

from collections.abc import Iterator

CONFIG = "configs/model.py"


def sweep() -> Iterator[dict]:
  for hidden, product in ((1024, False), (2048, False), (1024, True), (2048, True)):
    yield {"similarity.hidden": hidden, "similarity.product": product}
