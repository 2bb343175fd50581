"""What a finished run answers with: signatures of images, and whether two images come from one device.

Bennabhaktula et al. 2020, section 3, and sensor noise beside it (noise.py). Shapes: b images, s pixels a side, n m
signatures, of 1024 learned values each.
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
from fsim.boundary.inputs import Unreadable
from fsim.boundary.text import shown
from fsim.data import given
from fsim.data.given import Image, Images
from fsim.data.loader import centre_crop
from fsim.data.markers import JPEG_GRID
from fsim.metrics.scores import sigmoid
from fsim.models import saved, scorers
from fsim.models.extractors import FRONTS, SignatureNet
from fsim.models.scorers import HadamardScorer
from fsim.prnu import compact
from fsim.prnu.compact import Patterns
from fsim.prnu.residuals import SMALLEST
from fsim.systems import predictor
from fsim.systems.device import noise
from fsim.systems.device.noise import Gallery, Parts, Weights

FOLDER = "predictor"  # In the run folder.
NOISE = "noise.npz"  # In that folder, where noise is looked at.
WIDTH = 1024  # Learned values of a signature.
BATCH = 8  # Images of which signatures are made at once.
MANY = 100_000  # More classes, pixels a side or units of a layer than any run has.


def _is_side(value: Any) -> bool:
  return type(value) is int and (value == 0 or (SMALLEST <= value <= 4096 and value % JPEG_GRID == 0))


PLAIN = {  # Fields that are no arrays, and what they may be.
  "classes": fields.whole(1, MANY),
  "size": fields.whole(64, 4096),
  "front": fields.one_of(FRONTS),
  "dtype": fields.one_of(predictor.DTYPES),
  "width": fields.whole(1, MANY),
  "threshold": fields.number(0, 1),
  "noise": fields.Rule(_is_side, f"0 or a multiple of {JPEG_GRID} from {SMALLEST} to 4,096"),
}
ARRAYS = {
  "prints": arrays.Field("u", 3),
  "strengths": arrays.Field("f", 2),
  "spread": arrays.Field("f", 0),
  "weights": arrays.Field("f", 1),
}


class Score(NamedTuple):
  """What two images say together.

  Attributes:
    probability: sigmoid of the log-odds, 0..1. It ranks pairs; no population is behind it.
    log_odds: of one device against two (natural logarithm), by all that follows.
    same: whether the probability reaches the run's threshold.
    network: log-odds in the network's view, the mean of both orders.
    noise: z of the two noise patterns with each other. fingerprints: log of the likelihood ratio by the devices that
      the run learned. Both are 0 where the run looks at no noise.
  """

  probability: float
  log_odds: float
  same: bool
  network: float
  noise: float
  fingerprints: float


class Signatures(NamedTuple):
  """vectors: 1024 learned values in -1..1 an image (section 3.1). patterns: its sensor noise; None of a run without."""

  vectors: Float[np.ndarray, "n 1024"]
  patterns: Patterns | None


class DevicePredictor(NamedTuple):
  """Both networks of a run, and the fingerprints of the devices that it learned.

  Attributes:
    classes: devices that the signature network learned.
    size: pixels a side of the central square that it sees.
    front: what it is shown of them (see `extractors.FRONTS`).
    dtype: of its arithmetic.
    width: units of the similarity network's fc_2.
    threshold: probability from which two images are said to be of one device: the best F1 on validation pairs.
    noise: pixels a side of the central square whose noise is looked at; 0 for a run of the published networks alone.
      Images smaller than either square are refused.
    network, scorer: the variables of the two.
    gallery: None without noise. weights: of what is combined.
  """

  classes: int
  size: int
  front: str
  dtype: str
  width: int
  threshold: float
  noise: int
  network: dict[str, Any]
  scorer: dict[str, Any]
  gallery: Gallery | None
  weights: Weights

  def signature(self, image: Image | Images) -> Signatures:
    """A row an image; of one image, one row.

    Raises UserError for an image that cannot be read or is smaller than a square, and for signatures that are no
    numbers.
    """
    images = [image] if given.is_one(image) else list(image)
    forward = _forward(_network(self))
    vectors = np.empty((len(images), WIDTH), np.float32)
    packed = np.empty((len(images), self.noise, self.noise // 2), np.uint8)
    sides = np.empty((len(images), 2), int)
    for first in range(0, len(images), BATCH):
      some = [self._pixels(one, first + k) for k, one in enumerate(images[first : first + BATCH])]
      rows = slice(first, first + len(some))
      squares = np.stack([centre_crop(one, self.size) for one in some])
      vectors[rows] = np.asarray(forward(self.network, arrays.filled(squares, BATCH)))[: len(some)]
      if self.noise:
        packed[rows] = compact.of(np.stack([compact.square(one, self.noise) for one in some]), BATCH)
      sides[rows] = [one.shape[:2] for one in some]
    predictor.require_sane(vectors)
    return Signatures(vectors, compact.placed(packed, sides[:, 1], sides[:, 0]) if self.noise else None)

  def score(self, a: Image, b: Image) -> Score:
    """Of two images (section 3.2), the same in either order. Raises UserError as `signature`."""
    both = [self.signature(image) for image in (a, b)]
    parts = self.parts(*both)
    log_odds = self._combined(parts)
    (probability,) = sigmoid(log_odds[0]).tolist()
    network, z, fingerprints = (float(part[0, 0]) for part in parts)
    return Score(probability, float(log_odds[0, 0]), probability >= self.threshold, network, z, fingerprints)

  def log_odds(self, a: Signatures, b: Signatures) -> Float[np.ndarray, "n m"]:
    """Of every signature with every other. Raises UserError where they are no finite numbers."""
    return self._combined(self.parts(a, b))

  def parts(self, a: Signatures, b: Signatures) -> Parts:
    """What is combined; both orders of the network averaged. Raises UserError where they are no finite numbers."""
    scorer = HadamardScorer(self.width)
    logits = np.asarray(_scored(scorer, self.scorer, jnp.asarray(a.vectors), jnp.asarray(b.vectors)))
    predictor.require_sane(logits)
    return noise.parts(logits, a.patterns, b.patterns, self.gallery)

  def _combined(self, parts: Parts) -> Float[np.ndarray, "n m"]:
    found = noise.combined(parts, self.weights)
    predictor.require_sane(found)
    return found

  def _pixels(self, image: Image, number: int) -> UInt8[np.ndarray, "h w 3"]:
    pixels = given.pixels(image, number)
    height, width = pixels.shape[:2]
    least = max(self.size, self.noise)
    if min(height, width) < least:
      name = shown(image) if not isinstance(image, np.ndarray) else f"image {number}"
      raise UserError(f"{name}: {width}x{height} is smaller than the {least} pixels that the run looks at")
    return pixels


def save(run: Path, known: DevicePredictor) -> None:
  """Arrays and JSON: nothing that runs when it is read."""
  folder = run / FOLDER
  folder.mkdir(parents=True, exist_ok=True)
  saved.save(folder / "network.npz", known.network)
  saved.save(folder / "scorer.npz", known.scorer)
  if known.gallery:
    numbers = known.gallery._asdict() | {"weights": np.array(known.weights)}
    outputs.replace(folder / NOISE, arrays.to_npz(numbers))
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
  known = DevicePredictor(**plain, network={}, scorer={}, gallery=None, weights=noise.NETWORK_ALONE)
  images, row = jnp.zeros((1, known.size, known.size, 3), jnp.uint8), jnp.zeros((1, WIDTH))
  network = saved.load(folder / "network.npz", _network(known), images)
  scorer = saved.load(folder / "scorer.npz", HadamardScorer(known.width), row, row)
  known = known._replace(network=network, scorer=scorer)
  return _with_noise(known, folder / NOISE) if known.noise else known


def _with_noise(known: DevicePredictor, path: Path) -> DevicePredictor:
  """Raises Unreadable for a file that is not as `save` writes it."""
  found = arrays.read_npz(path, ARRAYS)
  count, size = known.classes, known.noise
  shapes = {
    "prints": (count, size, size // 2),
    "strengths": (count, noise.QUANTILES),
    "weights": (len(Weights._fields),),
  }
  for name, shape in shapes.items():
    if found[name].shape != shape:
      raise Unreadable(path, f"the array {name!r} must be of shape {shape}, and is of {found[name].shape}")
  if found["spread"] < 1 or (found["strengths"] < 0).any() or (found["weights"][1:] < 0).any():
    raise Unreadable(path, "the array 'spread' must be 1 or more, no strength and no weight below 0")
  weights = Weights(*found.pop("weights").tolist())
  return known._replace(gallery=Gallery(**found | {"spread": float(found["spread"])}), weights=weights)


def _network(known: DevicePredictor) -> SignatureNet:
  return SignatureNet(known.classes, known.front, jnp.dtype(known.dtype))


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
