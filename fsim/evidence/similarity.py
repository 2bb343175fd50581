"""What a comparison of camera models says of a questioned photograph and references: one way for a question and for
what a calibration learns.

Shapes: p patches, d features, r references, n questioned photographs or comparisons.
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
  def image_log_odds(
    self, a: Sequence[Float[np.ndarray, "_ d"]], b: Sequence[Float[np.ndarray, "_ d"]]
  ) -> Float[np.ndarray, "n r"]: ...


def embedded(similarity: Similarity, image: Image) -> tuple[Float[np.ndarray, "p d"] | None, str]:
  """Of the usable patches; None, and why, where they are too few."""
  try:
    return similarity.embeddings(image), ""
  except UserError as error:
    return None, str(error)


def log_odds_of(
  similarity: Similarity,
  questioned: Sequence[int],
  references: Sequence[Sequence[int]],
  embeddings: Mapping[int, Float[np.ndarray, "p d"]],
) -> Float[np.ndarray, " n"]:
  """Of comparisons, by numbers of photographs: the mean over their references.

  Those without embeddings are not counted. NaN where none is left.
  """
  asked = sorted({k for k in questioned if k in embeddings})
  known = sorted({k for several in references for k in several if k in embeddings})
  if not asked or not known:
    return np.full(len(questioned), np.nan)
  table = similarity.image_log_odds(*([embeddings[k] for k in several] for several in (asked, known)))
  row, column = ({k: place for place, k in enumerate(several)} for several in (asked, known))
  found = np.full(len(questioned), np.nan)
  for place, (own, several) in enumerate(zip(questioned, references, strict=True)):
    columns = [column[k] for k in several if k in column]
    if own in row and columns:
      found[place] = table[row[own], columns].mean(dtype=np.float64)
  return found
