"""Everything that is needed to say whether two patches come from one camera model: the networks and their gate.

Shapes: p patches, s pixels a side, d features, n m rows of features.
"""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Float, UInt8

from fsim import cpu
from fsim.models import posteriors, saved, scorers
from fsim.models.extractors import PatchNet
from fsim.models.mislnet import FEATURES, MislNet

BATCH = 32  # Patches whose features are computed at once.
ARRAYS = {"network.npz": "variables", "tiles.npz": "tiles", "scorer.npz": "scorer"}  # Files, and what is in them.
ROWS = 256  # Features are scored in multiples of so many, so that few shapes are compiled.


class Comparer(NamedTuple):
  """A trained system of Mayer & Stamm 2018, with or without the network of Bondi et al. 2017 on tiles.

  size: pixels a side of a patch. count: patches an image, at most. entropy: nats below which a patch is not spoken
  about; saturated: share of saturated pixels above which it is not. colours, truncation, last_pool, constrained,
  classes and `variables` are those of a MislNet; `tiles` those of a PatchNet for as many classes, empty if none is
  asked; kind, hidden, width, product and `scorer` those of `scorers.forensic`. zero: its logit that counts as log-odds
  of 0. threshold: score (sigmoid of the log-odds, 0..1) from which two patches are said to be of one camera model.
  limit: value above which a splicing map marks that has every patch as a reference (see `splicing.limit_of`).
  dtype: of the networks' arithmetic.
  """

  size: int
  count: int
  colours: str
  truncation: float
  last_pool: str
  constrained: bool
  classes: int
  variables: dict[str, Any]
  tiles: dict[str, Any]
  kind: str
  hidden: int
  width: int
  product: bool
  scorer: dict[str, Any]
  zero: float
  entropy: float
  saturated: float
  threshold: float
  limit: float
  dtype: str


def features(comparer: Comparer, pixels: UInt8[np.ndarray, "p s s 3"]) -> Float[np.ndarray, "p d"]:
  """The extractor's, and behind them the roots of the posteriors if there are tiles (see `kinds`).

  Raises ValueError for patches of another size than the networks were trained on.
  """
  if pixels.shape[1:3] != (comparer.size, comparer.size):
    raise ValueError(f"patches must have {comparer.size} pixels a side, got {pixels.shape[1]}x{pixels.shape[2]}")
  forward = _forward(network(comparer), tile_network(comparer.classes, comparer.dtype) if comparer.tiles else None)
  made = np.empty((len(pixels), sum(kinds(bool(comparer.tiles), comparer.classes))), np.float32)
  for first in range(0, len(pixels), BATCH):
    some = pixels[first : first + BATCH]
    padded = np.concatenate([some, np.zeros((BATCH - len(some), *some.shape[1:]), np.uint8)])
    made[first : first + BATCH] = forward(comparer.variables, comparer.tiles, padded)[: len(some)]
  return made


def log_odds(comparer: Comparer, a: Float[np.ndarray, "n d"], b: Float[np.ndarray, "m d"]) -> Float[np.ndarray, "n m"]:
  """Of every pair of rows, both orders averaged: positive where one source is likelier in the scorer's view."""
  logits = np.asarray(_scored(pair_scorer(comparer), comparer.scorer, _padded(a), _padded(b)))
  return logits[: len(a), : len(b)] - np.float32(comparer.zero)


def network(comparer: Comparer) -> MislNet:
  settings = (comparer.classes, comparer.colours, comparer.truncation, comparer.last_pool, comparer.constrained)
  return MislNet(*settings, dtype=jnp.dtype(comparer.dtype))


def tile_network(classes: int, dtype: str) -> PatchNet:
  """That of Bondi et al. 2017, shown residuals, from which it learns in far fewer steps."""
  return PatchNet(classes=classes, front="residual", dtype=jnp.dtype(dtype))


def kinds(fused: bool, classes: int) -> tuple[int, ...]:
  """How many features there are of the extractor, and of the posteriors."""
  return (FEATURES, classes) if fused else (FEATURES,)


def pair_scorer(comparer: Comparer) -> nn.Module:
  sizes = kinds(bool(comparer.tiles), comparer.classes)
  return scorers.forensic(comparer.kind, comparer.hidden, comparer.width, comparer.product, 0.0, sizes)


def save(folder: Path, comparer: Comparer) -> None:
  """Arrays and JSON: nothing that runs when it is read."""
  folder.mkdir(parents=True, exist_ok=True)
  for name, field in ARRAYS.items():
    saved.save(folder / name, getattr(comparer, field))
  plain = {name: value for name, value in comparer._asdict().items() if name not in ARRAYS.values()}
  (folder / "comparer.json").write_text(json.dumps(plain, indent=1))


def load(folder: Path) -> Comparer:
  """Raises FileNotFoundError if the folder holds none."""
  plain = json.loads((folder / "comparer.json").read_text())
  return Comparer(**plain, **{field: saved.load(folder / name) for name, field in ARRAYS.items()})


@functools.cache
def _forward(net: MislNet, tile_net: PatchNet | None) -> Callable:
  def forward(variables: dict, tiles: dict, x: UInt8[Array, "p s s 3"]) -> Float[Array, "p d"]:
    found = [net.apply(variables, x)[0]]
    if tile_net:
      cut = posteriors.tiled(x)
      logits = tile_net.apply(tiles, cut.reshape(-1, *cut.shape[2:]))[1]
      found.append(posteriors.roots(logits.reshape(*cut.shape[:2], -1)))
    return jnp.concatenate(found, axis=1)

  return jax.jit(forward, compiler_options=cpu.compiler_options())


@jax.jit(static_argnums=0)
def _scored(scorer: nn.Module, params: dict, a: Float[Array, "n d"], b: Float[Array, "m d"]) -> Float[Array, "n m"]:
  rows, columns = (scorer.apply(params, x, method="parts") for x in (a, b))
  return scorers.score_rows(scorer, params, rows, columns)


def _padded(x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "m d"]:
  return np.pad(x, ((0, -len(x) % ROWS), (0, 0)))
