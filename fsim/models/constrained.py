"""The constrained convolution: filters that predict a pixel from its neighbours and return the error.

Shapes: b images, h w pixels, k filter width, i o channels in and out of the layer.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jax import lax
from jaxtyping import Array, Float

from fsim.boundary.errors import UserError

KERNEL = "constrained_kernel"  # Name of the parameter, by which `constrain` knows it.
LEAST_SUM = 0.05  # Of the neighbours' taps, as a share of the sum of their sizes.
FALL = 1.0  # Of the first taps: e^(-FALL (r^2 - 1)) at r pixels from the centre.


def constrain_kernel(kernel: Float[Array, "k k i o"]) -> Float[Array, "k k i o"]:
  """Of each filter and input channel: the taps around the centre divided by their sum, the centre -1.

  Bayar & Stamm 2018, section III. What the neighbours predict, which is content, cancels. Neighbours that sum to nearly
  nothing would be blown up: where the sum is at most LEAST_SUM of the sum of their sizes (or all are 0), every
  neighbour gets the same weight instead, 1/24 in 5x5. So the sizes of the projected taps never sum to more than 20.
  Only proportions count: weight decay alone changes nothing here. Computed in float32 whatever the parameter's type.
  """
  k = kernel.shape[0]
  centre = jnp.zeros((k, k, 1, 1), jnp.float32).at[k // 2, k // 2].set(1)
  rest = kernel.astype(jnp.float32) * (1 - centre)
  total, size = (x.sum((0, 1), keepdims=True) for x in (rest, jnp.abs(rest)))
  vanishing = jnp.abs(total) <= LEAST_SUM * size
  even = (1 - centre) / (k * k - 1)
  rest = jnp.where(vanishing, even, rest / jnp.where(vanishing, 1, total))
  return (rest - centre).astype(kernel.dtype)


def constrain(params: Any) -> Any:
  """The same tree with the kernel of every ConstrainedConv projected; the other leaves are returned as they are."""

  def projected(path: tuple, leaf: Any) -> Any:
    return constrain_kernel(leaf) if path and getattr(path[-1], "key", None) == KERNEL else leaf

  return jax.tree_util.tree_map_with_path(projected, params)


def positive(key: Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Float[Array, "k k i o"]:
  """Neighbours of one sign, which cannot cancel one another, already projected.

  Near neighbours weigh most, because they predict a pixel best: filters that start as means of all 24 take about half
  as many steps again until they have learned as much.
  """
  reach = jnp.arange(shape[0]) - shape[0] // 2
  near = jnp.exp(-FALL * (reach[:, None] ** 2 + reach**2 - 1))[..., None, None]
  return constrain_kernel((jax.random.uniform(key, shape) * near).astype(dtype))


class ConstrainedConv(nn.Module):
  """Convolution without bias or padding whose filters are prediction errors (Bayar & Stamm 2018, section III).

  Training must keep them so: `params = constrain(optax.apply_updates(params, updates))`. The arithmetic is float32
  everywhere: with less, the taps would not sum to 0 and brightness would leak through.

  Attributes:
    filters: number of output channels.
    kernel: side of the filters, odd.
    apart: whether each filter sees one channel only (channels in turn get filters / channels of them), not all.
  """

  filters: int
  kernel: int = 5
  apart: bool = False

  @nn.compact
  def __call__(self, x: Float[Array, "b h w i"]) -> Float[Array, "b p q o"]:
    """Returns residuals in the units of x. Raises UserError for filters without a centre."""
    if self.kernel < 3 or self.kernel % 2 == 0:
      raise UserError(f"a constrained filter needs a centre and neighbours, so an odd side from 3, got {self.kernel}")
    groups = x.shape[-1] if self.apart else 1
    shape = (self.kernel, self.kernel, x.shape[-1] // groups, self.filters)
    kernel = self.param(KERNEL, positive, shape).astype(jnp.float32)
    layout = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(
      x.astype(jnp.float32),
      kernel,
      (1, 1),
      "VALID",
      dimension_numbers=layout,
      feature_group_count=groups,
      precision=lax.Precision.HIGHEST,
    )
