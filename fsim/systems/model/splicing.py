"""Where does a photograph hold something of another camera model? Maps of the scores between its own patches.

Mayer & Stamm 2018, section 5, and 2020, "Exposing fake images with forensic similarity graphs". A score is the sigmoid
of the log-odds of a pair, 0..1. Shapes: n patches, u usable patches (texture enough, and not saturated), h w pixels.
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
from fsim.systems.model import fitted, patchmap
from fsim.systems.model.fitted import FittedSimilarity
from fsim.systems.model.patchmap import NoStatement, over_pixels

FEWEST = 3  # Patches that can be parted into two.
MIN_PATCHES = 8  # Patches without which an image is not spoken about.
LIMIT = 10_000  # Patches that are never exceeded.
CHUNK = 256  # Patches in memory at once.
MAJORITY = 0.5  # Of the image, which what is taken for the image must exceed: what was pasted is the smaller part.
FAINTEST = 1e-6  # The graph's smallest weight, so that it never falls into parts.


class Undecided(NoStatement):
  """The usable patches cannot tell which part is the image. `compared` is what they gave: no finding."""

  def __init__(self, cause: str, compared: "Splicing"):
    super().__init__(cause)
    self.compared = compared


class Splicing(NamedTuple):
  """What is said of an image: which part of it differs from the reference patches.

  size, stride: of the patches. places: tops and lefts of all. chosen: number of the patch chosen by hand, or None.
  difference: of each patch, 1 less its mean score with the reference patches; nan where nothing is said.
  references: which patches serve as reference, being taken for the image. heat: of each pixel, the mean of `difference`
  over the patches on it; nan where nothing is said. mask: pixels that are marked, whose heat is above `limit`.
  reference_area: pixels on which most usable patches serve as reference. score: 1 less the spectral gap, 0..1, larger
  where the patches fall more clearly into two groups; None with a chosen patch.
  """

  size: int
  stride: int
  places: Int[np.ndarray, "n 2"]
  chosen: int | None
  difference: Float[np.ndarray, " n"]
  references: Bool[np.ndarray, " n"]
  limit: float
  heat: Float[np.ndarray, "h w"]
  reference_area: Bool[np.ndarray, "h w"]
  mask: Bool[np.ndarray, "h w"]
  score: float | None

  @property
  def judged(self) -> float:
    """Share of the image of which something is said."""
    return float((~np.isnan(self.heat)).mean())


def analyse(
  known: FittedSimilarity,
  image: UInt8[np.ndarray, "h w 3"],
  stride: int | None = None,
  reference: tuple[int, int] | None = None,
) -> Splicing:
  """Compares an image's patches with one another, or with the one nearest a pixel (x, y) if a reference is given.

  stride: pixels between patches, a multiple of 8; None is half a patch, or as little more as keeps to MOST patches.
  Raises NoStatement for an image that is too small or has too little texture, and Undecided (see `doubt`); UserError
  for a reference outside the image and for too many patches, ValueError for a stride off the grid.
  """
  h, w = image.shape[:2]
  if reference and not (0 <= reference[0] < w and 0 <= reference[1] < h):
    raise UserError(f"the reference {reference[0]},{reference[1]} lies outside its {w}x{h} pixels")
  step = patchmap.usual_stride(h, w, known.size) if stride is None else stride
  places = patchmap.grid(h, w, known.size, step)
  if len(places) > LIMIT:
    raise UserError(f"a stride of {step} gives {len(places):,} patches, more than {LIMIT:,}")
  usable, features = embed(known, image, places)
  least = MIN_PATCHES if reference is None else 2
  if usable.sum() < least:
    raise NoStatement(f"{usable.sum()} of {len(places)} patches have texture enough, and at least {least} are needed")
  chosen = None if reference is None else patchmap.nearest(places, known.size, usable, reference)
  difference, references, score = compare(known, usable, features, chosen)
  heat = over_pixels(difference, places, known.size, (h, w))
  area = over_pixels(np.where(usable, references, np.nan), places, known.size, (h, w)) > MAJORITY
  limit = known.limit if chosen is None else 1 - known.threshold
  found = Splicing(known.size, step, places, chosen, difference, references, limit, heat, area, heat > limit, score)
  if chosen is None and (cause := doubt(found)):  # A reference by hand decides.
    raise Undecided(cause, found)
  return found


def compare(
  known: FittedSimilarity, usable: Bool[np.ndarray, " n"], features: Float[np.ndarray, "u d"], chosen: int | None
) -> tuple[Float[np.ndarray, " n"], Bool[np.ndarray, " n"], float | None]:
  """`difference`, `references` and `score` of a Splicing."""
  if chosen is None:
    values, own, score = consensus(expit(fitted.log_odds(known, features, features)))
  else:
    one = int(usable[:chosen].sum())  # Its number among those that are usable.
    values = 1 - expit(fitted.log_odds(known, features[one : one + 1], features))[0]
    own, score = np.arange(len(values)) == one, None
  difference, references = np.full(len(usable), np.nan), np.zeros(len(usable), bool)
  difference[usable], references[usable] = values, own
  return difference, references, score


def doubt(found: Splicing) -> str:
  """Why the usable patches cannot tell which part is the image; "" if they can.

  What is taken for the image must cover more than half of it, or it may have been pasted into the rest: the reference
  patches if something differs from them, else all that is judged.
  """
  if found.mask.any():
    covered = float(found.reference_area.mean())
    what = "parts of the image differ, and which of them was pasted cannot be told: the larger group of patches covers"
  else:
    covered = found.judged
    what = "nothing that can be judged differs, but all of it may have been pasted into the rest: it covers"
  rest = f"{percent(covered)} of the image, not more than half; {percent(found.judged)} can be judged"
  return "" if covered > MAJORITY else f"{what} {rest}"


def percent(share: float) -> str:
  """What is not nothing is not written as 0."""
  return "under 0.1 %" if 0 < share < 0.0005 else f"{100 * share:.1f} %"


def embed(
  known: FittedSimilarity, image: UInt8[np.ndarray, "h w 3"], places: Int[np.ndarray, "n 2"]
) -> tuple[Bool[np.ndarray, " n"], Float[np.ndarray, "u d"]]:
  """Which patches are usable, and the features of those."""
  usable, features = [], []
  for first in range(0, len(places), CHUNK):
    pixels = patches.cut(image, places[first : first + CHUNK], known.size)
    own = (patches.entropy(pixels) >= known.entropy) & (patches.saturated(pixels) <= known.saturated)
    usable.append(own)
    features.append(fitted.features(known, pixels[own]))
  return np.concatenate(usable), np.concatenate(features)


def consensus(
  scores: Float[np.ndarray, "u u"],
) -> tuple[Float[np.ndarray, " u"], Bool[np.ndarray, " u"], float]:
  """(difference, which patches serve as reference, score of the image).

  Spectral clustering parts the graph of the patches, whose weights are their scores, into two. The larger part serves
  as reference, of equal ones that of the first patch: what was pasted is taken to be the smaller. The maps that these
  patches give are averaged; a patch is no reference for itself. The score is 1 less the second smallest eigenvalue of
  the graph's normalised Laplacian.
  """
  n = len(scores)
  weights = np.clip(scores.astype(np.float64), FAINTEST, 1)
  np.fill_diagonal(weights, 0)
  parts = SpectralClustering(2, affinity="precomputed", assign_labels="cluster_qr", random_state=0).fit_predict(weights)
  first = parts == parts[0]
  references = first if 2 * first.sum() >= n else ~first
  alike = weights[:, references].sum(1) / np.maximum(references.sum() - references, 1)
  return 1 - alike, references, max(0.0, 1 - spectral_gap(weights))  # The gap of n equal patches is n / (n - 1).


def limit_of(
  known: FittedSimilarity, features: Float[np.ndarray, "u d"], image: Int[np.ndarray, " u"], share: float
) -> float:
  """The difference that a share of the patches of authentic images exceeds, no patch being chosen by hand.

  image: whose patches they are; one of fewer than FEWEST patches takes no part.
  """
  every = [features[image == one] for one in np.flatnonzero(np.bincount(image) >= FEWEST)]
  values = [consensus(expit(fitted.log_odds(known, own, own)))[0] for own in progress.bar(every, desc="limit of maps")]
  return float(np.quantile(np.concatenate(values), 1 - share))


def require(image: Int[np.ndarray, " u"], share: float) -> None:
  """Raises UserError where `limit_of` would find none."""
  if not 0 < share < 1:
    raise UserError(f"evaluate.map_false_alarm must lie between 0 and 1, got {share}")
  if np.bincount(image).max(initial=0) < FEWEST:
    raise UserError(f"splicing maps need validation images of {FEWEST} usable patches or more (see input)")


def spectral_gap(weights: Float[np.ndarray, "u u"]) -> float:
  """Second smallest eigenvalue of the normalised Laplacian: 0 for two parts without a link, about 1 for one block."""
  scale = weights.sum(1) ** -0.5
  start = np.random.default_rng(0).standard_normal(len(weights))
  return float(1 - eigsh(scale[:, None] * weights * scale, 2, which="LA", v0=start, return_eigenvectors=False).min())
