"""Pairs of images: pure functions of (number of images, seed, step).

All n(n-1)/2 unordered pairs are numbered; an epoch visits each number once in a pseudo-random order that is computed,
not stored, so that a million images need no list of 10^12 pairs.
"""

import numpy as np
from jaxtyping import Int, Int64, UInt64

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
  """Raises ValueError if there are too few images for a single batch."""
  if count(n) < batch:
    raise ValueError(f"{n} images make {count(n)} pairs, too few for one batch of {batch}")
  return count(n) // batch


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
