"""python -m benchmarks.scoring [--images 4000] [--product] [--rounds 5] [--json OUT]

Similarity of every pair of so many feature vectors, by the pair network of fsim.models.scorers, both orders averaged:
naively, each pair through the whole network (in batches, in JAX and in PyTorch), and factorised, as fsim does it, with
the shared layer once an image. Needs `pip install '.[benchmark]'`. Naive ways are timed on a part of the pairs
(--part), the factorised one on all, its share of every image included. A pair is counted once, though the factorised
way computes it in two cells. Ways take turns; before anything is timed, all must give the same logits in float32
throughout ("highest"). They are timed in the default arithmetic, which on a GPU is TF32, on both sides. The factorised
way must at least write every cell: what that is of the rate of a copy is told, and its operations beside a product's.
"""

import argparse
import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import torch
from jaxtyping import Array, Float, Int
from torch.nn import functional as F
from tqdm import tqdm

from benchmarks import machine
from fsim import cpu
from fsim.models import scorers
from fsim.models.pair_scorers import PairScorer

FEATURES = 200
TOLERANCE = 1e-4  # Of a logit.


class Way(NamedTuple):
  """A function that scores `pairs` pairs when it is called, and a few of its logits."""

  run: Callable[[], Any]
  pairs: int
  logits: Float[np.ndarray, " p"]


def naive(
  scorer: PairScorer, params: dict, features: Float[Array, "n d"], pairs: Int[np.ndarray, "p 2"], batch: int
) -> Way:
  @jax.jit
  def both(a: Float[Array, "n d"], b: Float[Array, "n d"]) -> Float[Array, " n"]:
    return (scorer.apply(params, a, b) + scorer.apply(params, b, a)) / 2

  def run() -> Float[np.ndarray, " p"]:
    terms = (pairs[k : k + batch] for k in range(0, len(pairs), batch))
    return np.concatenate([np.asarray(both(features[some[:, 0]], features[some[:, 1]])) for some in terms])

  return Way(run, len(pairs), run())


class TorchScorer(torch.nn.Module):
  """`fsim.models.pair_scorers.PairScorer` as it is published: dense layers on concatenated vectors."""

  def __init__(self, params: dict, product: bool, device: str):
    super().__init__()
    self.product = product
    own = jax.tree.map(lambda x: torch.tensor(np.asarray(x), device=device), params["params"])
    sides = ("first", "second", "product")[: 3 if product else 2]
    self.shared = (own["shared"]["kernel"].T.contiguous(), own["shared"]["bias"])
    self.pair = (torch.cat([own[f"pair_{side}"]["kernel"] for side in sides]).T.contiguous(), own["pair_first"]["bias"])
    self.last = (own["same_source"]["kernel"].T.contiguous(), own["same_source"]["bias"])
    self.slopes = own["shared_slope"], own["pair_slope"]

  def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    a, b = (F.prelu(F.linear(x, *self.shared), self.slopes[0]) for x in (a, b))
    joined = torch.cat([a, b, a * b] if self.product else [a, b], 1)
    return F.linear(F.prelu(F.linear(joined, *self.pair), self.slopes[1]), *self.last)[:, 0]


def naive_torch(
  params: dict, product: bool, features: Float[Array, "n d"], pairs: Int[np.ndarray, "p 2"], batch: int
) -> Way:
  device = "cpu" if jax.default_backend() == "cpu" else "cuda"
  net, x = TorchScorer(params, product, device), torch.tensor(np.asarray(features), device=device)
  ends = torch.from_numpy(pairs).long().to(device)

  @torch.inference_mode()
  def run() -> Float[np.ndarray, " p"]:
    made = []
    for some in ends.split(batch):
      a, b = x[some[:, 0]], x[some[:, 1]]
      made.append(((net(a, b) + net(b, a)) / 2).cpu().numpy())
    return np.concatenate(made)

  return Way(run, len(pairs), run())


def factorised(scorer: PairScorer, params: dict, features: Float[Array, "n d"], pairs: Int[np.ndarray, "p 2"]) -> Way:
  @jax.jit
  def matrix(x: Float[Array, "n d"]) -> Float[Array, "n n"]:
    terms = scorer.apply(params, x, method="terms")
    return scorers.score_rows(scorer, params, terms, terms)

  n = len(features)
  return Way(lambda: jax.block_until_ready(matrix(features)), n * (n - 1) // 2, np.asarray(matrix(features))[*pairs.T])


def check(ways: dict[str, Way]) -> None:
  """Raises ValueError if one of them computes something else."""
  first, *others = ways.items()
  for name, way in others:
    worst = float(np.abs(way.logits - first[1].logits).max())
    if worst > TOLERANCE:
      raise ValueError(f"{name} does not compute what {first[0]} computes: logits differ by up to {worst}")


def allow_tf32(allowed: bool) -> None:
  """Of PyTorch, on a GPU."""
  torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed


def measure(ways: dict[str, Way], rounds: int) -> dict[str, list[float]]:
  """Pairs a second of each way, one value a round."""
  rates = {name: [] for name in ways}
  for _, (name, way) in tqdm(list(itertools.product(range(rounds), ways.items())), desc="measuring", leave=False):
    start = time.perf_counter()
    way.run()
    rates[name].append(way.pairs / (time.perf_counter() - start))
  return rates


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("--images", type=int, default=4000)
  parser.add_argument("--part", type=int, default=40_960, help="pairs that the naive ways are timed on")
  parser.add_argument("--batch", type=int, default=4096, help="pairs at once, naively")
  parser.add_argument("--product", action="store_true", help="the later pair network: 2048 units, and the product")
  parser.add_argument("--rounds", type=int, default=5)
  parser.add_argument("--json", type=Path, help="file for all rates")
  options = parser.parse_args()
  cpu.keep_memory()
  scorer = PairScorer(hidden=2048, product=True) if options.product else PairScorer()
  features = jax.random.normal(jax.random.key(0), (options.images, FEATURES))
  params = scorer.init(jax.random.key(1), *jnp.zeros((2, 1, FEATURES)))
  pairs = np.random.default_rng(0).integers(options.images, size=(options.part, 2))

  def ways() -> dict[str, Way]:
    found = {
      "factorised": factorised(scorer, params, features, pairs),
      "naive": naive(scorer, params, features, pairs, options.batch),
    }
    return found | {"naive, PyTorch": naive_torch(params, options.product, features, pairs, options.batch)}

  allow_tf32(False)
  with jax.default_matmul_precision("highest"):
    check(ways())
  allow_tf32(True)
  rates, most = measure(ways(), options.rounds), machine.best()
  print(f"{'':16}{'pairs/s':>14}   factorised is x times as fast: median (range over rounds)")
  for name, values in rates.items():
    ratios = np.array(rates["factorised"]) / np.array(values)
    print(f"{name:16}{np.median(values):14,.0f}   {np.median(ratios):.1f} ({ratios.min():.1f} to {ratios.max():.1f})")
  rate, width = float(np.median(rates["factorised"])), 64
  # Two cells a pair; of a cell, the sum, PReLU and last layer of `width` units in both orders.
  written, flops = 2 * rate * 4, 2 * rate * 2 * width * (5 + 2 * 2048 * options.product)
  print(
    f"factorised, {jax.devices()[0].device_kind}: {written / 1e9:.1f} GB/s written, "
    f"{written / most.bytes_per_second:.3f} of a copy's {most.bytes_per_second / 1e9:,.0f} GB/s; "
    f"{flops / 1e12:.2f} TFLOP/s, {flops / most.flops_per_second:.3f} of a product's {most.flops_per_second / 1e12:.1f}"
  )
  if options.json:
    found = {"images": options.images, "product": options.product, "rates": rates, "best": most._asdict()}
    options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
  main()
