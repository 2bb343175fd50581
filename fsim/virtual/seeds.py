"""Random generators that depend on what they are for, never on the order of calls."""

import zlib

import numpy as np


def generator(seed: int, *words: int | str) -> np.random.Generator:
  """A generator fixed by a seed and any words, for example ("scene", 12); other words give an independent stream."""
  key = [word if isinstance(word, int) else zlib.crc32(word.encode()) for word in words]
  return np.random.Generator(np.random.SFC64(np.random.SeedSequence([seed, *key])))
