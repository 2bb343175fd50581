"""The endless order in which training draws its examples: Grain's (shuffle, repeat and mix), for many places at once.

Grain asks its cipher for one place at a time and walks long where examples are few (docs/speed.md). A test holds that
both draw the same.

Shapes: n examples, p places in the order.
"""

import functools
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int, Shaped

BLOCK = 1 << 13  # Examples that are drawn at once: of a mixture with hundreds of classes, many of each;
EPOCHS = 8  # and of few examples these at most: to shuffle 20 takes as long as to shuffle 20,000.
ROUNDS = 4  # Of the cipher.
LEAST_BITS = 16  # Of the numbers that it enciphers.
WORD = 2**32


@runtime_checkable
class Draw(Protocol):
  """Places -> examples; its length is that of an epoch."""

  def __len__(self) -> int: ...

  def __call__(self, places: Int[np.ndarray, " p"]) -> Shaped[np.ndarray, " p *e"]: ...


class Order:
  """Place -> example, endless. It is drawn in blocks, the last of which are kept."""

  def __init__(self, draw: Draw):
    self.draw = draw
    self.at_once = min(BLOCK, EPOCHS * len(draw))
    self._block = Last(self._drawn)

  def __len__(self) -> int:
    return sys.maxsize

  def __getitem__(self, place: int) -> Shaped[np.ndarray, " *e"]:
    block, inside = divmod(int(place), self.at_once)
    return self._block(block)[inside]

  def some(self, first: int, count: int) -> Shaped[np.ndarray, " p *e"]:
    """`count` examples from place `first` on."""
    blocks = range(first // self.at_once, (first + count - 1) // self.at_once + 1)
    return np.concatenate([self._block(block) for block in blocks])[first % self.at_once :][:count]

  def _drawn(self, block: int) -> Shaped[np.ndarray, " p *e"]:
    return self.draw(block * self.at_once + np.arange(self.at_once))


class Last:
  """What was made of the last two numbers is kept, for who goes through them in their order.

  Of several threads that want a number one makes it, and the others wait.
  """

  def __init__(self, make: Callable[[int], Any]):
    self._make = make
    self._kept: dict[int, Any] = {}
    self._making = threading.Lock()

  def __reduce__(self) -> tuple:
    return Last, (self._make,)

  def __call__(self, number: int) -> Any:
    with self._making:
      if number not in self._kept:
        self._kept = dict([*self._kept.items()][-1:]) | {number: self._make(number)}
      return self._kept[number]


class Shuffled:
  """All examples once an epoch, each epoch in another order."""

  def __init__(self, examples: Shaped[np.ndarray, " n *e"], seed: int):
    self._examples, self._seed = examples, seed
    self._epoch = Last(self._shuffled)

  def __len__(self) -> int:
    return len(self._examples)

  def __call__(self, places: Int[np.ndarray, " p"]) -> Shaped[np.ndarray, " p *e"]:
    epochs, inside = np.divmod(places, len(self._examples))
    found = np.empty(len(places), np.int64)
    for epoch in np.unique(epochs).tolist():
      own = epochs == epoch
      found[own] = self._epoch(epoch)[inside[own]]
    return self._examples[found]

  def _shuffled(self, epoch: int) -> Int[np.ndarray, " n"]:
    return permutation(len(self._examples), (self._seed + epoch) % WORD)


class Mixed:
  """Several orders in turn, each as often as its whole-numbered share says and from its own beginning on."""

  def __init__(self, parts: Sequence[Draw], shares: Sequence[int]):
    self._parts, self._shares = parts, shares

  def __len__(self) -> int:
    return sum(map(len, self._parts))

  def __call__(self, places: Int[np.ndarray, " p"]) -> Shaped[np.ndarray, " p *e"]:
    found: Any = None
    for part, own, inside in _turns(places, self._parts, self._shares):
      drawn = part(inside)
      found = np.empty((len(places), *drawn.shape[1:]), drawn.dtype) if found is None else found
      found[own] = drawn
    return found


def _turns(places, parts, shares):
  """(part, where it stands among the places, its own places there). Counts of what is left are rounded down."""
  left, now, after, open_ = sum(shares), places, places + 1, np.ones(len(places), bool)
  for part, share in zip(parts, shares, strict=True):
    now_left, after_left = (count * (left - share) // left for count in (now, after))
    own = open_ & (now - now_left != after - after_left)
    if own.any():
      yield part, own, (now - now_left)[own]
    open_ &= ~own
    left, now, after = left - share, now_left, after_left


def shares(weights: Sequence[float]) -> list[int]:
  """Weights as whole numbers, of which the least is 100."""
  scale = 100 / min(weights)
  return [int(weight * scale) for weight in weights]


def permutation(n: int, seed: int) -> Int[np.ndarray, " n"]:
  """Of range(n): where a cipher's walk from each number first comes back below n (Black and Rogaway 2002).

  The cipher is Simon's (Beaulieu et al. 2013) with four rounds, of numbers of as many bits as n needs.
  """
  if n == 1:
    return np.zeros(1, np.int64)
  bits = int(np.ceil(np.log2(n - 1)))
  bits = max(bits + bits % 2, LEAST_BITS)
  step = _enciphered(bits // 2, seed)
  found = step[np.arange(n) & (len(step) - 1)]  # Masked: for 2^16 + 1 examples Grain takes 16 bits, too.
  onward = np.where(np.arange(len(step)) < n, np.arange(len(step)), step)
  while (found >= n).any():
    found, onward = onward[found], onward[onward]  # Each time twice as far as the time before.
  return found


def _enciphered(half: int, seed: int) -> Int[np.ndarray, " n"]:
  """All numbers of twice so many bits."""
  mask = (1 << half) - 1
  numbers = np.arange(mask + 1)

  def turned(by: int) -> Int[np.ndarray, " n"]:
    return (numbers << by | numbers >> (half - by)) & mask

  mixed = turned(1) & turned(8) ^ turned(2)
  left, right = (part.ravel() for part in np.meshgrid(numbers, numbers, indexing="ij"))
  for k in range(0, ROUNDS, 2):
    one, other = (key & mask for key in _keys(seed)[k : k + 2])
    left = left ^ mixed[right] ^ one
    right = right ^ mixed[left] ^ other
  return left << half | right


@functools.lru_cache(maxsize=1024)
def _keys(seed: int) -> tuple[int, ...]:
  """Of each round: C++'s std::seed_seq of one number."""
  words, n = [0x8B8B8B8B] * ROUNDS, ROUNDS
  for k in range(2 * n):
    here, one, two, last = k % n, (k + 1) % n, (k + 2) % n, (k - 1) % n
    if k < n:
      value = words[here] ^ words[one] ^ words[last]
      first = 1664525 * (value ^ value >> 27) % WORD
      second = (first + (1 if k == 0 else here + (seed if k == 1 else 0))) % WORD
      words[one], words[two] = (words[one] + first) % WORD, (words[two] + second) % WORD
    else:
      value = (words[here] + words[one] + words[last]) % WORD
      first = 1566083941 * (value ^ value >> 27) % WORD
      second = (first - here) % WORD
      words[one], words[two] = words[one] ^ first, words[two] ^ second
    words[here] = second
  return tuple(words)
