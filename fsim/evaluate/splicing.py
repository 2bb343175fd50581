"""Where does a photograph hold something of another camera model? Maps of the scores between its own patches.

Mayer & Stamm 2018, section 5, and 2020, "Exposing fake images with forensic similarity graphs". A score is the sigmoid
of the log-odds of a pair, 0..1. Shapes: n patches, u patches that can be spoken about, h w pixels.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from scipy.sparse.linalg import eigsh
from scipy.special import expit
from sklearn.cluster import SpectralClustering

from fsim.boundary import progress
from fsim.boundary.errors import UserError
from fsim.data import patches
from fsim.data.loader import JPEG_GRID
from fsim.evaluate import comparer
from fsim.evaluate.comparer import Comparer

FEWEST = 3  # Patches that can be parted into two.
LEAST = 8  # Patches without which an image is not spoken about.
MOST = 4000  # Patches up to which the stride is half a patch by default; memory grows with their square.
LIMIT = 10_000  # Patches that are never exceeded.
CHUNK = 256  # Patches in memory at once.
FAINTEST = 1e-6  # The graph's smallest weight, so that it never falls into parts.


class NoStatement(ValueError):
  """An image of which nothing can be said; the message gives the cause."""


class Splicing(NamedTuple):
  """What is said of an image.

  size, stride: of the patches. places: tops and lefts of all. reference: number of the patch chosen by hand, or None.
  foreign: of each patch, 1 less its mean score with the patches that stand for the image; nan where nothing is said.
  image: which patches stand for the image. limit: a pixel is marked where `heat` is larger.
  heat: of each pixel, the mean of `foreign` over the patches on it; nan where nothing is said. mask: marked pixels.
  score: 1 less the spectral gap, 0..1, larger where the patches fall more clearly into two groups; None with a
  reference.
  """

  size: int
  stride: int
  places: Int[np.ndarray, "n 2"]
  reference: int | None
  foreign: Float[np.ndarray, " n"]
  image: Bool[np.ndarray, " n"]
  limit: float
  heat: Float[np.ndarray, "h w"]
  mask: Bool[np.ndarray, "h w"]
  score: float | None


def analyse(
  known: Comparer,
  image: UInt8[np.ndarray, "h w 3"],
  stride: int | None = None,
  reference: tuple[int, int] | None = None,
) -> Splicing:
  """Compares an image's patches with one another, or with the one nearest a pixel (x, y) if a reference is given.

  stride: pixels between patches, a multiple of 8; None is half a patch, or as little more as keeps to MOST patches.
  Raises NoStatement for an image that is too small or has too little texture, ValueError for a stride off the grid.
  """
  h, w = image.shape[:2]
  if reference and not (0 <= reference[0] < w and 0 <= reference[1] < h):
    raise NoStatement(f"the reference {reference[0]},{reference[1]} lies outside its {w}x{h} pixels")
  step = usual_stride(h, w, known.size) if stride is None else stride
  places = grid(h, w, known.size, step)
  if len(places) > LIMIT:
    raise NoStatement(f"a stride of {step} gives {len(places):,} patches, more than {LIMIT:,}: take a larger one")
  speaks, features = look(known, image, places)
  least = LEAST if reference is None else 2
  if speaks.sum() < least:
    raise NoStatement(f"{speaks.sum()} of {len(places)} patches have texture enough, and at least {least} are needed")
  chosen = None if reference is None else nearest(places, known.size, speaks, reference)
  if chosen is None:
    found, own, score = consensus(expit(comparer.log_odds(known, features, features)))
    limit = known.limit
  else:
    one = int(speaks[:chosen].sum())  # Its number among those that can be spoken about.
    found = 1 - expit(comparer.log_odds(known, features[one : one + 1], features))[0]
    own, score, limit = np.arange(len(found)) == one, None, 1 - known.threshold
  foreign, stands = np.full(len(places), np.nan), np.zeros(len(places), bool)
  foreign[speaks], stands[speaks] = found, own
  warmth = heat(foreign, places, known.size, (h, w))
  return Splicing(known.size, step, places, chosen, foreign, stands, limit, warmth, warmth > limit, score)


def usual_stride(h: int, w: int, size: int) -> int:
  """Half a patch, or the next multiple of 8 that gives at most MOST patches."""
  stride = max(JPEG_GRID, size // 2 // JPEG_GRID * JPEG_GRID)
  while stride < size and ((h - size) // stride + 2) * ((w - size) // stride + 2) > MOST:
    stride += JPEG_GRID
  return stride


def fits(stride: int, size: int) -> bool:
  """Whether patches that far apart lie on the JPEG grid and leave no gaps."""
  return stride % JPEG_GRID == 0 and 0 < stride <= size


def grid(h: int, w: int, size: int, stride: int) -> Int[np.ndarray, "n 2"]:
  """Tops and lefts on the JPEG grid, in reading order; a last row and column close up to the border.

  Raises NoStatement if no patch fits, ValueError for a stride off the grid or with gaps between patches.
  """
  if not fits(stride, size):
    raise ValueError(f"the stride must be a multiple of {JPEG_GRID} up to the patch size {size}, got {stride}")
  if min(h, w) < size:
    raise NoStatement(f"{w}x{h} pixels, in which no patch of {size}x{size} fits")
  lasts = ((side - size) // JPEG_GRID * JPEG_GRID for side in (h, w))
  tops, lefts = (np.union1d(np.arange(0, last + 1, stride), [last]) for last in lasts)
  return np.stack(np.meshgrid(tops, lefts, indexing="ij"), -1).reshape(-1, 2)


def look(
  known: Comparer, image: UInt8[np.ndarray, "h w 3"], places: Int[np.ndarray, "n 2"]
) -> tuple[Bool[np.ndarray, " n"], Float[np.ndarray, "u d"]]:
  """Which patches can be spoken about, and the features of those."""
  speaks, features = [], []
  for first in range(0, len(places), CHUNK):
    pixels = patches.cut(image, places[first : first + CHUNK], known.size)
    own = (patches.entropy(pixels) >= known.entropy) & (patches.saturated(pixels) <= known.saturated)
    speaks.append(own)
    features.append(comparer.features(known, pixels[own]))
  return np.concatenate(speaks), np.concatenate(features)


def consensus(
  scores: Float[np.ndarray, "u u"],
) -> tuple[Float[np.ndarray, " u"], Bool[np.ndarray, " u"], float]:
  """(foreign, which patches are the image, score of the image), every patch being a reference.

  Spectral clustering parts the graph of the patches, whose weights are their scores, into two. The larger part is the
  image, of equal ones that of the first patch: what was pasted is taken to be the smaller. The maps that the image's
  patches give as references are averaged; a patch is no reference for itself. The score is 1 less the second smallest
  eigenvalue of the graph's normalised Laplacian.
  """
  n = len(scores)
  weights = np.clip(scores.astype(np.float64), FAINTEST, 1)
  np.fill_diagonal(weights, 0)
  parts = SpectralClustering(2, affinity="precomputed", assign_labels="cluster_qr", random_state=0).fit_predict(weights)
  first = parts == parts[0]
  image = first if 2 * first.sum() >= n else ~first
  others = weights[:, image].sum(1) / np.maximum(image.sum() - image, 1)
  return 1 - others, image, max(0.0, 1 - spectral_gap(weights))  # The gap of n equal patches is n / (n - 1).


def limit_of(known: Comparer, features: Float[np.ndarray, "u d"], image: Int[np.ndarray, " u"], share: float) -> float:
  """The value that a share of the patches of authentic images exceeds, every patch being a reference.

  image: whose patches they are; one of fewer than FEWEST patches takes no part.
  """
  every = [features[image == one] for one in np.flatnonzero(np.bincount(image) >= FEWEST)]
  values = [
    consensus(expit(comparer.log_odds(known, own, own)))[0] for own in progress.bar(every, desc="limit of maps")
  ]
  return float(np.quantile(np.concatenate(values), 1 - share))


def require(image: Int[np.ndarray, " u"], share: float) -> None:
  """Raises UserError where `limit_of` would find none."""
  if not 0 < share < 1:
    raise UserError(f"evaluate.marked must lie between 0 and 1, got {share}")
  if np.bincount(image).max(initial=0) < FEWEST:
    raise UserError(f"splicing maps need validation images of {FEWEST} usable patches or more (see input)")


def spectral_gap(weights: Float[np.ndarray, "u u"]) -> float:
  """Second smallest eigenvalue of the normalised Laplacian: 0 for two parts without a link, about 1 for one block."""
  scale = weights.sum(1) ** -0.5
  start = np.random.default_rng(0).standard_normal(len(weights))
  return float(1 - eigsh(scale[:, None] * weights * scale, 2, which="LA", v0=start, return_eigenvectors=False).min())


def nearest(places: Int[np.ndarray, "n 2"], size: int, speaks: Bool[np.ndarray, " n"], point: tuple[int, int]) -> int:
  """Number of the patch that holds the pixel (x, y) nearest its centre, of those that can be spoken about.

  Raises NoStatement if there is none.
  """
  inside = np.array(point[::-1]) - places
  holds = speaks & ((inside >= 0) & (inside < size)).all(1)
  if not holds.any():
    raise NoStatement(f"no patch with texture enough holds the reference {point[0]},{point[1]}")
  return int(np.where(holds, np.hypot(*(inside - size / 2).T), np.inf).argmin())


def heat(
  values: Float[np.ndarray, " n"], places: Int[np.ndarray, "n 2"], size: int, shape: tuple[int, int]
) -> Float[np.ndarray, "h w"]:
  """Of each pixel the mean over the patches on it; nan where fewer than half of them (or none) say something."""
  total, said, laid = (np.zeros(shape, np.float32) for _ in range(3))
  for value, (top, left) in zip(values, places, strict=True):
    area = slice(top, top + size), slice(left, left + size)
    laid[area] += 1
    if not np.isnan(value):
      total[area] += value
      said[area] += 1
  return np.where((said > 0) & (2 * said >= laid), total / np.maximum(said, 1), np.float32(np.nan))
