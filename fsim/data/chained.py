"""Training photographs as they come back from elsewhere: re-compressed, resized, through messengers.

What a photograph goes through is drawn by lot from (seed, its SHA-256) alone, whatever other photographs there are.
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, SupportsIndex

import numpy as np

from fsim.boundary.errors import UserError
from fsim.boundary.text import name_and_number
from fsim.data import jpeg
from fsim.virtual import postprocessing

RECOMPRESS, RESIZE = "recompress", "resize"
NAMES = (RECOMPRESS, RESIZE, *(name for name in postprocessing.CHAINS if name != "none"))
QUALITIES = range(70, 96)  # Of the last file of every chain.
SUBSAMPLINGS = ("4:2:0", "4:4:4")
FACTORS = tuple(k / 20 for k in range(10, 20))  # Of both sides, by `resize`.


class Chain(NamedTuple):
  """One of NAMES with what was drawn for it; factor is 1 but for `resize`."""

  name: str
  quality: int
  subsampling: str
  factor: float

  def steps(self) -> tuple[postprocessing.Step, ...]:
    if self.name == RESIZE:
      return (postprocessing.resize(self.factor),)
    return () if self.name == RECOMPRESS else postprocessing.CHAINS[self.name]


def shares(text: str) -> dict[str, float]:
  """Of "resize:0.2,messenger:0.1", say, the share of the training images that goes through each chain; "" is none.

  Raises UserError for a chain that there is not, and for shares that are not above 0 or more than 1 together.
  """
  parts = [name_and_number(part) for part in text.split(",")] if text.strip() else []
  found = dict(parts)
  unknown = [name for name in found if name not in NAMES]
  if unknown:
    raise UserError(f"input.chains: there is no chain {unknown[0]!r}; there are {', '.join(NAMES)}")
  given = [share or 0.0 for share in found.values()]
  if len(found) < len(parts) or not (all(share > 0 for share in given) and sum(given) <= 1 + 1e-9):
    rule = "CHAIN:SHARE with commas between, each once, the shares above 0 and at most 1 together"
    raise UserError(f"input.chains must be {rule}, got {text!r}")
  return found


def draw(sha256: str, seed: int, shares: dict[str, float]) -> Chain | None:
  """What a photograph goes through; None for most."""
  rng = np.random.default_rng((seed, 4, int(sha256[:16], 16)))
  place = int(np.searchsorted(np.cumsum(list(shares.values())), rng.random(), side="right"))
  quality, subsampling, factor = rng.choice(QUALITIES), rng.choice(SUBSAMPLINGS), rng.choice(FACTORS)
  if place == len(shares):
    return None
  name = list(shares)[place]
  return Chain(name, int(quality), str(subsampling), float(factor) if name == RESIZE else 1.0)


@lru_cache(maxsize=4096)
def size(chain: Chain, width: int, height: int) -> tuple[int, int]:
  """Width and height of what comes back of an image of this size."""
  pixels = np.zeros((height, width, 3), np.uint8)
  for step in chain.steps():
    pixels = step(pixels)
  return pixels.shape[1], pixels.shape[0]


def name_of(sha256: str, chain: Chain) -> str:
  """What stands for the SHA-256 of what comes back, by which data sets and signatures know an image."""
  return hashlib.sha256(repr((sha256, tuple(chain))).encode()).hexdigest()


class Chained(Sequence[bytes]):
  """Records of which some rows are read as what comes back of them."""

  def __init__(self, records: Sequence[bytes], chains: dict[int, Chain]):
    self.records, self.chains = records, chains

  def __len__(self) -> int:
    return len(self.records)

  def __getitem__(self, row: SupportsIndex) -> bytes:
    """Raises BadImage for a damaged record that goes through a chain."""
    data, chain = self.records[row], self.chains.get(row.__index__())
    if chain is None:
      return data
    return postprocessing.apply(jpeg.decode(data), chain.steps(), chain.quality, chain.subsampling)
