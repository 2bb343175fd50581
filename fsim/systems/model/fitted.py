"""Everything that is needed to say whether two patches come from one camera model: the networks and their gate.

Shapes: p patches, s pixels a side, d features, n m rows of features or images.
"""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Float, UInt8

from fsim import cpu
from fsim.boundary import arrays, console, fields, inputs, outputs
from fsim.models import pair_scorers, posteriors, saved, scorers
from fsim.models.block_shares import SHARES
from fsim.models.extractors import FRONTS, PATCH_SIDE, PatchNet
from fsim.models.mislnet import COLOURS, FEATURES, LEAST_SIDE, POOLS, MislNet
from fsim.systems import predictor

FIELDS = "predictor.json"
BATCH = 32  # Patches whose features are computed at once.
ARRAYS = {"network.npz": "variables", "tiles.npz": "tiles", "scorer.npz": "scorer"}  # Files, and what is in them.
ROWS = 256  # Features are scored in multiples of so many, so that few shapes are compiled.
TILE_FRONT = "residual"  # What the network on tiles is taught with: it learns from them in far fewer steps.
MOST_SIDE = 512  # Pixels of a patch: its network takes gigabytes from there.
MANY = 10_000  # More classes, patches an image or units of a layer than any run has.
PLAIN = {  # Fields that are no arrays, and what they may be.
  "size": fields.whole(LEAST_SIDE, MOST_SIDE),
  "count": fields.whole(1, MANY),
  "colours": fields.one_of(COLOURS),
  "truncation": fields.number(0, 255),
  "last_pool": fields.one_of(POOLS),
  "constrained": fields.FLAG,
  "block_shares": fields.FLAG,
  "classes": fields.whole(1, MANY),
  "tile_front": fields.one_of(FRONTS),
  "kind": fields.one_of(pair_scorers.KINDS),
  "hidden": fields.whole(1, MANY),
  "width": fields.whole(1, MANY),
  "product": fields.FLAG,
  "zero": fields.number(-arrays.LARGEST, arrays.LARGEST),
  "scatter": fields.number(-arrays.LARGEST, arrays.LARGEST),
  "entropy": fields.number(0, 10),
  "saturated": fields.number(0, 1),
  "threshold": fields.number(0, 1),
  "limit": fields.number(0, 1),
  "dtype": fields.one_of(predictor.DTYPES),
}
NOT_BEFORE = {"block_shares": False}  # What files of before it have not.


class FittedSimilarity(NamedTuple):
  """A trained system of Mayer & Stamm 2018, with or without the network of Bondi et al. 2017 on tiles, or that alone.

  size: pixels a side of a patch. count: patches an image, at most. entropy: nats below which a patch is not spoken
  about; saturated: share of saturated pixels above which it is not. colours, truncation, last_pool, constrained,
  block_shares, classes and `variables` are those of a MislNet, tile_front and `tiles` those of a PatchNet for as many
  classes; one of the two may have no variables, and is not asked. kind, hidden, width, product and `scorer` are those
  of `pair_scorers.forensic`. zero: its logit that counts as log-odds of 0. scatter: what `image_log_odds` takes off for
  each of two images. threshold: score (sigmoid of the log-odds, 0..1) from which two patches are said to be of one
  camera model. limit: value above which a splicing map marks that has every patch as a reference (see
  `splicing.limit_of`). dtype: of the networks' arithmetic.
  """

  size: int
  count: int
  colours: str
  truncation: float
  last_pool: str
  constrained: bool
  block_shares: bool
  classes: int
  tile_front: str
  variables: dict[str, Any]
  tiles: dict[str, Any]
  kind: str
  hidden: int
  width: int
  product: bool
  scorer: dict[str, Any]
  zero: float
  scatter: float
  entropy: float
  saturated: float
  threshold: float
  limit: float
  dtype: str


def features(fitted: FittedSimilarity, pixels: UInt8[np.ndarray, "p s s 3"]) -> Float[np.ndarray, "p d"]:
  """The extractor's, and behind them the roots of the posteriors of the tiles, of whichever there is (see `kinds`).

  Raises ValueError for patches of another size than the networks were trained on, UserError for features that are no
  finite numbers.
  """
  if pixels.shape[1:3] != (fitted.size, fitted.size):
    raise ValueError(f"patches must have {fitted.size} pixels a side, got {pixels.shape[1]}x{pixels.shape[2]}")
  tile_net = tile_network(fitted.classes, fitted.dtype, fitted.tile_front)
  forward = _forward(network(fitted) if fitted.variables else None, tile_net if fitted.tiles else None)
  made = np.empty((len(pixels), sum(_kinds(fitted))), np.float32)
  for first in range(0, len(pixels), BATCH):
    some = pixels[first : first + BATCH]
    found = forward(fitted.variables, fitted.tiles, arrays.filled(some, BATCH))
    made[first : first + BATCH] = found[: len(some)]
  predictor.require_sane(made)
  return made


def log_odds(
  fitted: FittedSimilarity, a: Float[np.ndarray, "n d"], b: Float[np.ndarray, "m d"]
) -> Float[np.ndarray, "n m"]:
  """Of every pair of rows, both orders averaged: positive where one source is likelier in the scorer's view.

  Raises UserError where they are no finite numbers.
  """
  logits = np.asarray(_scored(pair_scorer(fitted), fitted.scorer, *(arrays.filled(x, ROWS) for x in (a, b))))
  found = logits[: len(a), : len(b)] - np.float32(fitted.zero)
  predictor.require_sane(found)
  return found


def image_log_odds(
  fitted: FittedSimilarity, a: Sequence[Float[np.ndarray, "_ d"]], b: Sequence[Float[np.ndarray, "_ d"]]
) -> Float[np.ndarray, "n m"]:
  """Of every pair of images, from the features of their patches: the log-odds of the means of these.

  A mean of k lies nearer to other images than its patches do, by 1 - 1/k of their scatter. That of a usual image is
  taken off, so that images compare as their patches do on average; an image whose own patches scatter more than usual
  does not count as unlike all others for it.
  """
  found = log_odds(fitted, *(np.stack([own.mean(0) for own in side]) for side in (a, b)))
  rest = [np.array([1 - 1 / len(own) for own in side], np.float32) for side in (a, b)]
  return found - np.float32(fitted.scatter) * (rest[0][:, None] + rest[1])


def network(fitted: FittedSimilarity) -> MislNet:
  settings = (fitted.classes, fitted.colours, fitted.truncation, fitted.last_pool, fitted.constrained)
  return MislNet(*settings, fitted.block_shares, jnp.dtype(fitted.dtype))


def tile_network(classes: int, dtype: str, front: str = TILE_FRONT) -> PatchNet:
  """That of Bondi et al. 2017."""
  return PatchNet(classes=classes, front=front, dtype=jnp.dtype(dtype))


def kinds(extracted: bool, block_shares: bool, tiled: bool, classes: int) -> tuple[int, ...]:
  """How many features there are of the extractor, if it is asked, and of the posteriors, if they are."""
  return (FEATURES + SHARES * block_shares,) * extracted + (classes,) * tiled


def pair_scorer(fitted: FittedSimilarity) -> nn.Module:
  attributes = {"hidden": fitted.hidden, "width": fitted.width, "product": fitted.product, "dropout": 0.0}
  return pair_scorers.forensic(fitted.kind, _kinds(fitted), attributes)


def _kinds(fitted: FittedSimilarity) -> tuple[int, ...]:
  return kinds(bool(fitted.variables), fitted.block_shares, bool(fitted.tiles), fitted.classes)


def save(folder: Path, fitted: FittedSimilarity) -> None:
  """Arrays and JSON: nothing that runs when it is read."""
  folder.mkdir(parents=True, exist_ok=True)
  for name, field in ARRAYS.items():
    saved.save(folder / name, getattr(fitted, field))
  plain = {name: value for name, value in fitted._asdict().items() if name not in ARRAYS.values()}
  outputs.replace(folder / FIELDS, console.to_json(plain).encode())


def load(folder: Path) -> FittedSimilarity:
  """Raises Unreadable for the first file that is not as `save` writes it."""
  start = load_networks(folder)
  row = jnp.zeros((1, sum(_kinds(start))))
  return start._replace(scorer=saved.load(folder / "scorer.npz", pair_scorer(start), row, row))


def load_networks(folder: Path) -> FittedSimilarity:
  """Without the scorer of pairs. Raises Unreadable as `load`."""
  plain = NOT_BEFORE | inputs.read_json(folder / FIELDS, limit=MANY)
  fields.require(folder / FIELDS, plain, PLAIN)
  start = FittedSimilarity(**plain, variables={}, tiles={}, scorer={})
  patch, tile = (jnp.zeros((1, side, side, 3), jnp.uint8) for side in (start.size, PATCH_SIDE))
  tile_net = tile_network(start.classes, start.dtype, start.tile_front)
  tiles = saved.load(folder / "tiles.npz", tile_net, tile, optional=True)
  variables = saved.load(folder / "network.npz", network(start), patch, optional=bool(tiles))
  return start._replace(variables=variables, tiles=tiles)


def of_run(run: Path) -> FittedSimilarity:
  """Raises UserError for everything that is no finished run of the system model."""
  return predictor.of_run(run, "model", "predictor", load)


@functools.cache
def _forward(net: MislNet | None, tile_net: PatchNet | None) -> Callable:
  def forward(variables: dict, tiles: dict, x: UInt8[Array, "p s s 3"]) -> Float[Array, "p d"]:
    found = [net.apply(variables, x)[0]] if net else []
    if tile_net:
      cut = posteriors.tiled(x)
      logits = tile_net.apply(tiles, cut.reshape(-1, *cut.shape[2:]))[1]
      found.append(posteriors.sqrt_posteriors(logits.reshape(*cut.shape[:2], -1)))
    return jnp.concatenate(found, axis=1)

  return jax.jit(forward, compiler_options=cpu.compiler_options())


@jax.jit(static_argnums=0)
def _scored(scorer: nn.Module, params: dict, a: Float[Array, "n d"], b: Float[Array, "m d"]) -> Float[Array, "n m"]:
  rows, columns = (scorer.apply(params, x, method="terms") for x in (a, b))
  return scorers.score_rows(scorer, params, rows, columns)
