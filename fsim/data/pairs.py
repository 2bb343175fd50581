"""Pairs of images or patches: pure functions of (their number or labels, seed, step).

All n(n-1)/2 unordered pairs are numbered; an epoch visits each number once in a pseudo-random order that is computed,
not stored, so that a million images need no list of 10^12 pairs.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int, Int64, UInt64

from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.data.loader import Sources

ROUNDS = 4  # Of the Feistel network; four make a pseudo-random permutation (Luby and Rackoff 1988).


def count(n: int) -> int:
  """Number of unordered pairs of different images."""
  return n * (n - 1) // 2


def pair_at(number: Int[np.ndarray, " p"]) -> Int64[np.ndarray, "p 2"]:
  """The pairs with these numbers: (i, j) with i < j stands at j(j-1)/2 + i."""
  number = number.astype(np.int64)
  j = ((1 + np.sqrt(1 + 8 * number.astype(np.float64))) / 2).astype(np.int64)
  j -= j * (j - 1) // 2 > number  # The square root is rounded; both corrections keep large numbers exact.
  j += j * (j + 1) // 2 <= number
  return np.stack([number - j * (j - 1) // 2, j], axis=1)


def training_batch(n: int, batch: int, seed: int, step: int) -> Int64[np.ndarray, "b 2"]:
  """The pairs of one training step.

  Every epoch of `steps_in_epoch` steps visits each pair at most once (a last, incomplete batch is left out), each in a
  random order of its two images, since the scorer treats the two sides apart.
  """
  epoch, place = divmod(step, steps_in_epoch(n, batch))
  places = np.arange(place * batch, (place + 1) * batch, dtype=np.uint64)
  pairs = pair_at(permute(places, count(n), seed, epoch).astype(np.int64))
  swap = np.random.default_rng((seed, 1, step)).random(batch) < 0.5
  return np.where(swap[:, None], pairs[:, ::-1], pairs)


def steps_in_epoch(n: int, batch: int) -> int:
  """Raises UserError if there are too few images for a single batch."""
  if count(n) < batch:
    raise UserError(f"{n} images make {count(n)} pairs, too few for one batch of {batch}")
  return count(n) // batch


class Nest(NamedTuple):
  """Patches within images within models: where each image's patches and each model's images begin, and how many.

  order: patches image by image, images model by model.
  """

  order: Int64[np.ndarray, " p"]
  patches: Int64[np.ndarray, "m 2"]
  images: Int64[np.ndarray, "c 2"]


def nest(model: Int[np.ndarray, " p"], image: Int[np.ndarray, " p"]) -> Nest:
  """Raises UserError unless there are two models with two images each; others may have one."""
  order = np.lexsort((image, model))
  _, first, count = np.unique(image[order], return_index=True, return_counts=True)
  by_place = np.argsort(first)
  patches = np.stack([first, count], 1)[by_place]
  _, start, images = np.unique(model[order][patches[:, 0]], return_index=True, return_counts=True)
  if (images >= 2).sum() < 2:
    raise UserError(f"pairs need two models and two images of each; there are {images.tolist()} images of the models")
  return Nest(order, patches, np.stack([start, images], 1))


def balanced_batch(inside: Nest, batch: int, seed: int, step: int) -> Int64[np.ndarray, "b 2"]:
  """Half (rounded down) of the pairs are of one model and two of its images, the others of two models.

  Models are drawn alike, then images, then patches, so that no model and no image weighs more for having more patches.
  A model with one image stands in pairs of two models alone.
  """
  rng = np.random.default_rng((seed, 2, step))
  models, same = len(inside.images), np.arange(batch) < batch // 2
  a = rng.integers(models, size=batch)
  paired = np.flatnonzero(inside.images[:, 1] >= 2)
  a = np.where(same, paired[a * len(paired) // models], a)
  b = np.where(same, a, (a + 1 + rng.integers(models - 1, size=batch)) % models)
  count = inside.images[:, 1]
  i = rng.integers(count[a])
  j = np.where(same, (i + 1 + rng.integers(np.maximum(count[a] - 1, 1))) % count[a], rng.integers(count[b]))
  images = np.stack([inside.images[a, 0] + i, inside.images[b, 0] + j], 1)
  first, patches = inside.patches[images, 0], inside.patches[images, 1]
  return inside.order[first + rng.integers(patches)]


class Nests(NamedTuple):
  """The nests of several sources, with the share of the pairs that are of each."""

  inside: list[Nest]
  shares: list[float]


def nests(model: Int[np.ndarray, " p"], image: Int[np.ndarray, " p"], sources: Sources) -> Nests:
  """Raises UserError for a source with too few models or images, by its name."""
  found = []
  for name, rows in zip(sources.names, sources.rows(), strict=True):
    try:
      inside = nest(model[rows], image[rows])
    except UserError as error:
      raise UserError(f"{shown(name)}: {error}") from None
    found.append(inside._replace(order=rows[inside.order]))
  return Nests(found, [weight / sum(sources.weights) for weight in sources.weights])


def weighted_batch(several: Nests, batch: int, seed: int, step: int) -> Int64[np.ndarray, "b 2"]:
  """Pairs as `balanced_batch` draws them, each from one source: whether both are of one source would give them away."""
  counts = np.random.default_rng((seed, 3, step)).multinomial(batch, several.shares)
  drawn = zip(several.inside, counts.tolist(), strict=True)
  return np.concatenate([balanced_batch(inside, count, seed, step) for inside, count in drawn])


def permute(places: UInt64[np.ndarray, " p"], size: int, seed: int, epoch: int) -> UInt64[np.ndarray, " p"]:
  """A permutation of range(size), evaluated at `places`: a Feistel network on the next even number of bits, walked
  again from where it lands outside the range until it lands inside (cycle walking, Black and Rogaway 2002)."""
  half = np.uint64(max((size - 1).bit_length() + 1, 2) // 2)
  keys = np.random.default_rng((seed, 0, epoch)).integers(1 << 63, size=ROUNDS, dtype=np.uint64)
  out = _feistel(places, keys, half)
  while (outside := out >= size).any():
    out[outside] = _feistel(out[outside], keys, half)
  return out


def _feistel(x: UInt64[np.ndarray, " p"], keys: UInt64[np.ndarray, " r"], half: np.uint64) -> UInt64[np.ndarray, " p"]:
  mask = (np.uint64(1) << half) - np.uint64(1)
  left, right = x >> half, x & mask
  for key in keys:
    left, right = right, left ^ (_mix(right ^ key) & mask)
  return (left << half) | right


def _mix(x: UInt64[np.ndarray, " p"]) -> UInt64[np.ndarray, " p"]:
  """The finaliser of SplitMix64 (Steele et al. 2014); products wrap around by design."""
  x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
  x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
  return x ^ (x >> np.uint64(31))
