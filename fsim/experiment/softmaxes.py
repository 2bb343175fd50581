"""A baseline for forensic similarity: a network that names camera models, whose answers are compared.

Shapes: p patches, c classes.
"""

from collections.abc import Callable
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int, UInt8
from ml_collections import ConfigDict

from fsim.data.patches import Cache, Stored, Training
from fsim.evaluate import votes
from fsim.experiment import patched
from fsim.experiment.patched import Part
from fsim.experiment.trials import Trial
from fsim.models.extractors import PatchNet
from fsim.train import classify
from fsim.train.classify import Labelled, Views
from fsim.train.loop import fit
from fsim.train.mesh import Layout
from fsim.train.metrics import Diary

SIDE = 64  # Pixels of what the network sees (Bondi et al. 2017).


class Tiles:
  """Number -> pixels of a tile of SIDE pixels: tile t of patch n has the number n * (tiles of a patch) + t."""

  def __init__(self, stored: Stored, size: int):
    self.stored, self.across = stored, size // SIDE

  def __call__(self, number: int | np.integer) -> UInt8[np.ndarray, "s s 3"]:
    patch, tile = divmod(int(number), self.across**2)
    top, left = (SIDE * k for k in divmod(tile, self.across))
    return self.stored(patch)[top : top + SIDE, left : left + SIDE]

  def of(self, patches: Int[np.ndarray, " p"]) -> Int[np.ndarray, "p t"]:
    """Numbers of the tiles of these patches."""
    return patches[:, None] * self.across**2 + np.arange(self.across**2)


def learned(
  cache: Cache,
  parts: dict[str, Part],
  classes: list[str],
  config: ConfigDict,
  workdir: Path,
  diary: Diary,
  layout: Layout,
) -> Callable[[Trial], Float[np.ndarray, "p c"] | None]:
  """Trains the network of Bondi et al. 2017 on the extractor's patches.

  Returns a function that gives its mean softmax over the tiles of each patch, or None if baseline.epochs is 0.
  """
  step = config.baseline
  if not step.epochs:
    return lambda trial: None
  tiles = Tiles(cache.stored(), config.input.size)
  net = PatchNet(classes=len(classes), front="residual", dtype=jnp.dtype(config.dtype))
  labelled = [labelled_tiles(tiles, parts[name], classes) for name in ("train", "validation")]
  phase = classify.phase(net, Views(Training(tiles), tiles), *labelled, step, config, layout)
  state = fit(phase._replace(name="baseline"), workdir, diary, layout)

  def softmax(trial: Trial) -> Float[np.ndarray, "p c"]:
    own = Tiles(trial.cache.stored(), config.input.size)
    rows = own.of(trial.part.numbers)
    settings = {"batch": step.batch, "threads": config.reading.threads, "layout": layout}
    _, logits = classify.embed(net, state, own, rows.ravel(), **settings)
    return votes.softmax(logits).reshape(*rows.shape, -1).mean(1)

  return softmax


def labelled_tiles(tiles: Tiles, part: Part, classes: list[str]) -> Labelled:
  rows = tiles.of(part.numbers)
  labels = patched.places(part, classes, "model")[part.image].astype(np.int32)
  return Labelled(rows.ravel(), np.repeat(labels, rows.shape[1]))
