"""Max pooling."""

from flax import linen as nn
from jaxtyping import Array, Float


def max_pool(x: Float[Array, "b h w c"], window: int, stride: int) -> Float[Array, "b i j c"]:
  """Largest value of every window (VALID)."""
  return nn.max_pool(x, (window, window), strides=(stride, stride))
