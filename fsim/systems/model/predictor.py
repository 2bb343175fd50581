"""What a finished run answers with: embeddings, log-odds of one camera model, and where an image has been spliced.

Mayer & Stamm 2018. Shapes: p q patches, s pixels a side, d features, h w pixels, n m images.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, UInt8

from fsim.boundary.errors import UserError
from fsim.data import given, patches
from fsim.data.given import Image
from fsim.data.patches import Choice
from fsim.systems.model import fitted, splicing
from fsim.systems.model.fitted import FittedSimilarity
from fsim.systems.model.splicing import Splicing

MIN_PATCHES = 4  # Patches without which an image is not spoken about.


class SimilarityPredictor(NamedTuple):
  """The networks of a run with the functions that use them; `fitted` has its settings."""

  fitted: FittedSimilarity

  def embeddings(self, image: Image) -> Float[np.ndarray, "p d"]:
    """Features of the patches by which an image is judged, at most `fitted.count` (section 3).

    Raises UserError for an image that cannot be read, or that has fewer than MIN_PATCHES usable patches.
    """
    own = chosen(given.pixels(image), self.fitted)
    if len(own) < MIN_PATCHES:
      raise UserError(f"no statement: {len(own)} patches have texture enough, and at least {MIN_PATCHES} are needed")
    return fitted.features(self.fitted, own)

  def embed_patches(self, pixels: UInt8[np.ndarray, "p s s 3"]) -> Float[np.ndarray, "p d"]:
    """Features of patches of `fitted.size` pixels a side, whatever they show. Raises ValueError for another size."""
    return fitted.features(self.fitted, pixels)

  def patch_log_odds(self, a: Float[np.ndarray, "p d"], b: Float[np.ndarray, "q d"]) -> Float[np.ndarray, "p q"]:
    """Log-odds (natural logarithm) that each patch of `a` and each of `b` are of one camera model, from embeddings."""
    return fitted.log_odds(self.fitted, a, b)

  def image_log_odds(
    self, a: Sequence[Float[np.ndarray, "_ d"]], b: Sequence[Float[np.ndarray, "_ d"]]
  ) -> Float[np.ndarray, "n m"]:
    """Log-odds (natural logarithm) that each image of `a` and each of `b` are of one camera model, from embeddings."""
    return fitted.image_log_odds(self.fitted, a, b)

  def log_odds(self, a: Image, b: Image) -> float:
    """Of two images; positive where one camera model is likelier in the network's view.

    The same in either order, but for rounding. Raises UserError as `embeddings`.
    """
    return float(self.image_log_odds([self.embeddings(a)], [self.embeddings(b)])[0, 0])

  def splicing(self, image: Image, stride: int | None = None, reference: tuple[int, int] | None = None) -> Splicing:
    """A map of what differs from the rest as if another camera model had taken it; see `splicing.analyse`.

    stride: pixels between patches, a multiple of 8. reference: a pixel (x, y) that is known to be authentic.
    Raises UserError for an image that cannot be read, NoStatement and Undecided (`model.patchmap`, `model.splicing`)
    where nothing can be said.
    """
    return splicing.analyse(self.fitted, given.pixels(image), stride, reference)


def chosen(image: UInt8[np.ndarray, "h w 3"], known: FittedSimilarity) -> UInt8[np.ndarray, "p s s 3"]:
  """Patches by lot among those that do not overlap and have enough texture, always the same of an image."""
  return patches.cut(image, patches.choose(image, choice_of(known)), known.size)


def choice_of(known: FittedSimilarity) -> Choice:
  """How `chosen` chooses."""
  return Choice(known.size, known.size, known.count, "random", known.saturated, known.entropy)


def of_run(run: Path) -> SimilarityPredictor:
  """Raises UserError for everything that is no finished run of the system model."""
  return SimilarityPredictor(fitted.of_run(run))


def of_folder(folder: Path) -> SimilarityPredictor:
  """Of a predictor's files without their run. Raises Unreadable for the first that is not as it should be."""
  return SimilarityPredictor(fitted.load(folder))
