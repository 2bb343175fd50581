"""A second network for forensic similarity: it names the camera model of small tiles, and its answers are compared.

By themselves they are the baseline; beside the extractor's features they are what is fused with them.
Shapes: p patches, t tiles of a patch, c classes.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int, UInt8
from ml_collections import ConfigDict

from fsim.boundary.errors import UserError
from fsim.data.patches import Cache, Stored
from fsim.models import posteriors
from fsim.models.extractors import PATCH_SIDE
from fsim.systems import patch_dataset
from fsim.systems.model import fitted
from fsim.systems.patch_dataset import PatchSet
from fsim.train import classify, feed, schedule
from fsim.train.context import Context
from fsim.train.loop import fit
from fsim.train.step import State


class Tiles:
  """Number -> pixels of a tile of PATCH_SIDE pixels: tile t of patch n has the number n * (tiles of a patch) + t."""

  def __init__(self, stored: Stored, size: int):
    self.stored, self.across = stored, size // PATCH_SIDE

  def __call__(self, number: int | np.integer) -> UInt8[np.ndarray, "s s 3"]:
    patch, tile = divmod(int(number), self.across**2)
    top, left = (PATCH_SIDE * k for k in divmod(tile, self.across))
    return self.stored(patch)[top : top + PATCH_SIDE, left : left + PATCH_SIDE]

  def take(self, numbers: Int[np.ndarray, " n"]) -> UInt8[np.ndarray, "n s s 3"]:
    patch, tile = np.divmod(numbers, self.across**2)
    side = self.across * PATCH_SIDE
    whole = self.stored.every()[:, :side, :side]
    apart = whole.reshape(len(whole), self.across, PATCH_SIDE, self.across, PATCH_SIDE, 3)  # A view.
    return apart[patch, tile // self.across, :, tile % self.across]

  def of(self, patches: Int[np.ndarray, " p"]) -> Int[np.ndarray, "p t"]:
    """Numbers of the tiles of these patches."""
    return patches[:, None] * self.across**2 + np.arange(self.across**2)


def require(config: ConfigDict) -> None:
  """Raises UserError if answers are to be fused and nobody learns to give them."""
  if config.scorer.use_tile_posteriors and not config.tile_extractor.epochs:
    raise UserError("scorer.use_tile_posteriors needs the network on tiles, but tile_extractor.epochs is 0")


def learned(
  cache: Cache,
  parts: dict[str, PatchSet],
  classes: list[str],
  config: ConfigDict,
  context: Context,
) -> State | None:
  """Trains the network of Bondi et al. 2017 on the extractor's patches; None if tile_extractor.epochs is 0."""
  step = config.tile_extractor
  if not step.epochs:
    return None
  tiles = Tiles(cache.stored(), config.input.size)
  net = fitted.tile_network(len(classes), config.dtype)
  each = tiles.across**2
  labelled = [patch_dataset.labelled(parts[name], classes, "model", each) for name in ("train", "validation")]
  pixels = feed.resident(tiles, np.concatenate([some.rows for some in labelled]), context)
  phase = classify.phase(net, pixels, *labelled, schedule.of(step), context)
  return fit(phase._replace(name="tiles"), context)


def sqrt_posteriors(
  state: State, classes: int, config: ConfigDict, context: Context, cache: Cache, part: PatchSet
) -> Float[np.ndarray, "p c"]:
  """What the trained network answers to the patches of a part, in their order (see `posteriors.sqrt_posteriors`)."""
  net = fitted.tile_network(classes, config.dtype)
  own = Tiles(cache.stored(), config.input.size)
  rows = own.of(part.numbers)
  seen, batch = feed.Pixels(context, own), config.tile_extractor.batch
  _, logits = classify.embed(net, state, seen, rows.ravel(), batch, context.layout, desc="answers")
  return np.asarray(posteriors.sqrt_posteriors(jnp.asarray(logits).reshape(*rows.shape, -1)))
