"""Are all images of a set from one camera model, and which do not belong? Clusters of their log-odds.

Rule: average-linkage hierarchical clustering. Of all groups, those two are joined whose images have the largest mean
log-odds of a common model, for as long as that is 0 or more (a score of .5 and more).
Shapes: m images, e = m - 1 joinings, p pairs of images.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.cluster.hierarchy import fcluster, leaves_list, linkage

RULE = "average linkage on the log-odds of pairs of images; groups are joined down to log-odds 0 (probability .5)"
SAID = 20  # Names, or sizes of groups, in a sentence.


class Clustering(NamedTuple):
  """Groups of images.

  groups: of each image, 1 for the largest group; of equally large ones the one whose first image comes first.
  order: the images as a dendrogram draws them. tree: SciPy's linkage, whose heights are `top` less the log-odds, so
  that the cut lies at the height `top`.
  """

  scores: Float[np.ndarray, "m m"]
  groups: Int[np.ndarray, " m"]
  order: Int[np.ndarray, " m"]
  tree: Float[np.ndarray, "e 4"]
  top: float


def group(scores: Float[np.ndarray, "m m"]) -> Clustering:
  """`scores` are log-odds of a common model, the same in both directions; the diagonal is not looked at.

  Raises ValueError for fewer than two images, or for scores that differ by direction.
  """
  m = len(scores)
  if m < 2:
    raise ValueError(f"two images or more are needed to compare them, got {m}")
  scores = scores.astype(np.float64)
  if not np.array_equal(scores, scores.T):
    raise ValueError("the log-odds of two images must not depend on their order")
  pairs = scores[np.triu_indices(m, 1)]
  top = max(float(pairs.max()), 0.0) + 1  # Heights are positive, and so are visible.
  tree = linkage(top - pairs, "average", optimal_ordering=True)
  found = fcluster(tree, top, "distance")
  names, first, sizes = np.unique(found, return_index=True, return_counts=True)
  rank = {names[k]: place + 1 for place, k in enumerate(np.lexsort((first, -sizes)))}
  return Clustering(scores, np.array([rank[k] for k in found]), leaves_list(tree).astype(int), tree, top)


def outliers(found: Clustering) -> list[int] | None:
  """The images that do not belong to the largest group; None if no group is the largest."""
  sizes = np.sort(np.bincount(found.groups)[1:])[::-1]
  if len(sizes) > 1 and sizes[0] == sizes[1]:
    return None
  return np.flatnonzero(found.groups > 1).tolist()


def sentence(found: Clustering, names: list[str]) -> str:
  """The answer for people."""
  m, outside = len(names), outliers(found)
  if outside == []:
    return f"{m} images: all from one model"
  if found.groups.max() == m:
    return f"{m} images: no two from one model"
  sizes = np.bincount(found.groups)[1:].tolist()
  others = ", ..." if len(sizes) > SAID else ""
  head = f"{m} images: {len(sizes)} groups of {', '.join(map(str, sizes[:SAID]))}{others}"
  if outside is None:
    return f"{head}; none is the largest, so that nothing can be said about what does not belong"
  more = f" and {len(outside) - SAID} more" if len(outside) > SAID else ""
  return f"{head}; these do not belong to the largest: {', '.join(names[k] for k in outside[:SAID])}{more}"
