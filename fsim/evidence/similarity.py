"""What a comparison of camera models says of a questioned photograph and references: one way for a question and for
what a calibration learns.

Shapes: p q patches, d features, r references.
"""

from collections.abc import Sequence
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


def fill(similarity: Similarity, comparisons: list[dict], candidates: list[dict], known: dict[int, np.ndarray]) -> None:
  """Adds `similarity` to rows of `collecting`'s comparisons, by those of the candidate's references that are known.

  known: embeddings by rows of photographs. NaN for a questioned photograph, or for references, without any.
  """
  of = {one["candidate"]: candidates[one["candidate"]]["references"] for one in comparisons}
  references = sorted({row for rows in of.values() for row in rows if row in known})
  place = {row: k for k, row in enumerate(references)}
  embeddings = [known[row] for row in references]
  said: dict[int, np.ndarray] = {}
  for one in comparisons:
    asked, places = one["questioned"], [place[row] for row in of[one["candidate"]] if row in place]
    one["similarity"] = float("nan")
    if asked in known and places:
      if asked not in said:
        said[asked] = log_odds(similarity, known[asked], embeddings)
      one["similarity"] = float(said[asked][places].mean())
