"""What a finished run answers with: signatures of images, and whether two images come from one device.

Bennabhaktula et al. 2020, section 3. Shapes: b images, s pixels a side, n m rows of signatures, 1024 values each.
"""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt8

from fsim import cpu
from fsim.boundary import arrays, console, fields, inputs, outputs
from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.data import given
from fsim.data.given import Image, Images
from fsim.data.loader import centre_crop
from fsim.metrics.scores import sigmoid
from fsim.models import saved, scorers
from fsim.models.extractors import FRONTS, SignatureNet
from fsim.models.scorers import HadamardScorer
from fsim.systems import predictor

FOLDER = "predictor"  # In the run folder.
WIDTH = 1024  # Values of a signature.
BATCH = 8  # Images of which signatures are made at once.
MANY = 100_000  # More classes, pixels a side or units of a layer than any run has.
PLAIN = {  # Fields that are no arrays, and what they may be.
  "classes": fields.whole(1, MANY),
  "size": fields.whole(64, 4096),
  "front": fields.one_of(FRONTS),
  "dtype": fields.one_of(predictor.DTYPES),
  "width": fields.whole(1, MANY),
  "threshold": fields.number(0, 1),
}


class Score(NamedTuple):
  """What two images say together.

  Attributes:
    probability: sigmoid of the log-odds, 0..1. It ranks pairs; no population is behind it.
    log_odds: of one device against two in the network's view (natural logarithm), the mean of both orders.
    same: whether the probability reaches the run's threshold.
  """

  probability: float
  log_odds: float
  same: bool


class DevicePredictor(NamedTuple):
  """Both networks of a run.

  Attributes:
    classes: devices that the signature network learned.
    size: pixels a side of the central square that it sees; smaller images are refused.
    front: what it is shown of them (see `extractors.FRONTS`).
    dtype: of its arithmetic.
    width: units of the similarity network's fc_2.
    threshold: probability from which two images are said to be of one device: the best F1 on validation pairs.
    network, scorer: the variables of the two.
  """

  classes: int
  size: int
  front: str
  dtype: str
  width: int
  threshold: float
  network: dict[str, Any]
  scorer: dict[str, Any]

  def signature(self, image: Image | Images) -> Float[np.ndarray, "*n 1024"]:
    """Of one image, 1024 values in -1..1 (section 3.1); of many, a row each.

    Raises UserError for an image that cannot be read or is smaller than `size`, and for signatures that are no numbers.
    """
    images = [image] if given.is_one(image) else list(image)
    forward = _forward(_network(self))
    found = np.empty((len(images), WIDTH), np.float32)
    for first in range(0, len(images), BATCH):
      some = [_square(one, first + k, self.size) for k, one in enumerate(images[first : first + BATCH])]
      made = forward(self.network, arrays.filled(np.stack(some), BATCH))
      found[first : first + BATCH] = np.asarray(made)[: len(some)]
    predictor.require_sane(found)
    return found[0] if given.is_one(image) else found

  def score(self, a: Image, b: Image) -> Score:
    """Of two images (section 3.2), the same in either order. Raises UserError as `signature`."""
    first, second = self.signature([a, b])
    (logits,) = self.log_odds(first[None], second[None])
    (probability,) = sigmoid(logits).tolist()
    return Score(probability, float(logits[0]), probability >= self.threshold)

  def log_odds(self, a: Float[np.ndarray, "n 1024"], b: Float[np.ndarray, "m 1024"]) -> Float[np.ndarray, "n m"]:
    """Of every signature with every other, both orders averaged. Raises UserError where they are no finite numbers."""
    logits = np.asarray(_scored(HadamardScorer(self.width), self.scorer, jnp.asarray(a), jnp.asarray(b)))
    predictor.require_sane(logits)
    return logits


def save(run: Path, known: DevicePredictor) -> None:
  """Arrays and JSON: nothing that runs when it is read."""
  folder = run / FOLDER
  folder.mkdir(parents=True, exist_ok=True)
  saved.save(folder / "network.npz", known.network)
  saved.save(folder / "scorer.npz", known.scorer)
  plain = {name: getattr(known, name) for name in PLAIN}
  outputs.replace(folder / "predictor.json", console.to_json(plain).encode())


def of_run(run: Path) -> DevicePredictor:
  """Raises UserError for everything that is no finished run of the system device."""
  if (run / "evaluation.json").is_file() and not (run / FOLDER).exists():
    again = "the command that made it, given once more, trains nothing and leaves them"
    raise UserError(f"{shown(run)}: finished before runs kept their networks for use; {again}")
  return predictor.of_run(run, "device", FOLDER, _load)


def _load(folder: Path) -> DevicePredictor:
  """Raises Unreadable for the first file that is not as `save` writes it."""
  plain = inputs.read_json(folder / "predictor.json", limit=10_000)
  fields.require(folder / "predictor.json", plain, PLAIN)
  known = DevicePredictor(**plain, network={}, scorer={})
  images, row = jnp.zeros((1, known.size, known.size, 3), jnp.uint8), jnp.zeros((1, WIDTH))
  network = saved.load(folder / "network.npz", _network(known), images)
  return known._replace(
    network=network, scorer=saved.load(folder / "scorer.npz", HadamardScorer(known.width), row, row)
  )


def _network(known: DevicePredictor) -> SignatureNet:
  return SignatureNet(known.classes, known.front, jnp.dtype(known.dtype))


def _square(image: Image, number: int, size: int) -> UInt8[np.ndarray, "s s 3"]:
  pixels = given.pixels(image, number)
  height, width = pixels.shape[:2]
  if min(height, width) < size:
    name = shown(image) if not isinstance(image, np.ndarray) else f"image {number}"
    raise UserError(f"{name}: {width}x{height} is smaller than the input of {size}")
  return centre_crop(pixels, size)


@functools.cache
def _forward(net: SignatureNet) -> Callable:
  def forward(variables: dict, images: UInt8[Array, "b s s 3"]) -> Float[Array, "b 1024"]:
    return net.apply(variables, images)[0]

  return jax.jit(forward, compiler_options=cpu.compiler_options())


@jax.jit(static_argnums=0)
def _scored(
  scorer: HadamardScorer, params: dict, a: Float[Array, "n d"], b: Float[Array, "m d"]
) -> Float[Array, "n m"]:
  rows, columns = (scorer.apply(params, x, method="terms") for x in (a, b))
  return scorers.score_rows(scorer, params, rows, columns)
