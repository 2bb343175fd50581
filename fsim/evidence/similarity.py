"""What a comparison of camera models says of a questioned photograph and references: one way for a question and for
what a calibration learns.

Shapes: p q patches, d features, r references.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from fsim.boundary.errors import UserError
from fsim.data.given import Image


@runtime_checkable
class Similarity(Protocol):
  """Who is asked about camera models, as `fsim.systems.model.predictor.SimilarityPredictor` is."""

  def embeddings(self, image: Image) -> Float[np.ndarray, "p d"]: ...
  def patch_log_odds(self, a: Float[np.ndarray, "p d"], b: Float[np.ndarray, "q d"]) -> Float[np.ndarray, "p q"]: ...


def embedded(similarity: Similarity, image: Image) -> tuple[Float[np.ndarray, "p d"] | None, str]:
  """Of the usable patches; None, and why, where they are too few."""
  try:
    return similarity.embeddings(image), ""
  except UserError as error:
    return None, str(error)


def log_odds(
  similarity: Similarity, own: Float[np.ndarray, "p d"], references: Sequence[Float[np.ndarray, "q d"]]
) -> Float[np.ndarray, " r"]:
  """Of each reference: the mean over all pairs of patches. What a camera's references say is the mean of theirs."""
  starts = np.cumsum([0, *map(len, references)])[:-1]
  pairs = similarity.patch_log_odds(own, np.concatenate(references)).astype(np.float64)
  return np.add.reduceat(pairs.mean(0), starts) / np.array([len(one) for one in references])


def log_odds_of(
  similarity: Similarity,
  questioned: Sequence[int],
  references: Sequence[Sequence[int]],
  embeddings: Mapping[int, Float[np.ndarray, "p d"]],
) -> Float[np.ndarray, " n"]:
  """Of comparisons, by numbers of photographs; those without embeddings are not counted. NaN where none is left."""
  known = sorted({k for several in references for k in several if k in embeddings})
  place = {k: i for i, k in enumerate(known)}
  all_known = [embeddings[k] for k in known]
  said: dict[int, np.ndarray] = {}
  found = np.full(len(questioned), np.nan)
  for row, (asked, several) in enumerate(zip(questioned, references, strict=True)):
    places = [place[k] for k in several if k in place]
    if asked in embeddings and places:
      if asked not in said:
        said[asked] = log_odds(similarity, embeddings[asked], all_known)
      found[row] = said[asked][places].mean()
  return found
