"""What a network that names camera models answers, as a vector for distances: square roots of posteriors.

An unknown model is described by which known ones it resembles. Shapes: p patches of s pixels a side, t tiles of a
patch, c classes.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Shaped

from fsim.models.extractors import PATCH_SIDE


def tiled(patches: Shaped[Array, "p s s 3"]) -> Shaped[Array, "p t 64 64 3"]:
  """Whole tiles, row by row; what is left at the lower and right edge belongs to none."""
  count, side, across = len(patches), PATCH_SIDE, patches.shape[1] // PATCH_SIDE
  whole = patches[:, : across * side, : across * side].reshape(count, across, side, across, side, 3)
  return whole.transpose(0, 1, 3, 2, 4, 5).reshape(count, across**2, side, side, 3)


def sqrt_posteriors(logits: Float[Array, "p t c"]) -> Float[Array, "p c"]:
  """Roots of the mean softmax over a patch's tiles, times the root of c: the mean of their squares is 1.

  So the mean squared difference of two such vectors is twice the squared Hellinger distance of the posteriors, 0..2.
  """
  return jnp.sqrt(jax.nn.softmax(logits).mean(1) * logits.shape[-1])


def softmax(sqrt_posteriors: Float[np.ndarray, "p c"]) -> Float[np.ndarray, "p c"]:
  """The posteriors themselves, which sum to 1."""
  return sqrt_posteriors**2 / sqrt_posteriors.shape[-1]
