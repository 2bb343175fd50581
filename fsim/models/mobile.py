"""Patch -> phone camera: the small network of Freire-Obregón et al. 2018, and the two that it was compared with.

Shapes: b patches, h w pixels, c colours, d features, n classes. Pixels come as 0..255.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from fsim.boundary.errors import UserError
from fsim.models.extractors import FRONTS, Pixels
from fsim.models.pool import max_pool

Dtype = Any
LEAK = 0.01  # Slope below 0, as in Maas et al. 2013.
DENSE = (256, 512)
ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
  "relu": nn.relu,
  "leaky_relu": partial(nn.leaky_relu, negative_slope=LEAK),
}


class Layer(NamedTuple):
  """A convolution, SAME, which an activation and a max-pooling of 3x3 follow; both strides."""

  width: int
  kernel: int
  stride: int
  pooled: int


# Any number of the convolutions of "phones" makes a network (figure 7 of the paper); the others have all of theirs.
KINDS = {
  "phones": (Layer(32, 3, 2, 2), Layer(64, 3, 2, 2), Layer(128, 3, 2, 2), Layer(128, 3, 2, 2)),
  "baroffio": (Layer(32, 5, 1, 2), Layer(48, 5, 1, 2), Layer(64, 5, 1, 2)),
  "tuama": (Layer(64, 3, 2, 2), Layer(48, 5, 2, 2), Layer(48, 5, 1, 2)),
}


class PhoneNet(nn.Module):
  """Convolutions with pooling, dense 256 and 512 with dropout, classes: one code for three published networks.

  - "phones" (Freire-Obregón et al. 2018): 32x32x3, convolutions of 3x3 with stride 2, two of them in the final network,
    Leaky ReLU, max-pooling 3x3. 219,333 parameters for five classes. The dense layers, the kernels, their stride and
    the pooling window are published. The widths (32, 64, 128, 128), the stride of the pooling (2), SAME borders, the
    slope of the Leaky ReLU and how weights begin (He et al. 2015) are not, or have not been verified.
  - "baroffio" (Baroffio et al. 2016): 48x48x3, three convolutions, ReLU, max-pooling.
  - "tuama" (Tuama et al. 2016): 256x256, the fixed high-pass filter before all (front "high_pass"), three convolutions,
    ReLU, max-pooling.

  Of the last two, widths, kernels, strides and dense layers have not been verified: they are chosen here such that the
  networks train on a CPU, and the originals may be larger. What is compared is the shape of the idea, not the original.

  Attributes:
    classes: number of phones or of their cameras.
    kind: a key of KINDS.
    depth: number of convolutions; 1 to 4 for "phones", 3 for the others.
    activation: "relu" or "leaky_relu".
    dropout: share of the dense layers' values that a training step does not see.
    front: a key of FRONTS; "rgb" as published for the first two.
    dtype: type of the arithmetic (parameters, feature and logits stay float32).
  """

  classes: int
  kind: str
  depth: int
  activation: str
  dropout: float
  front: str = "rgb"
  dtype: Dtype = jnp.float32

  @nn.compact
  def __call__(self, images: Pixels, train: bool = False) -> tuple[Float[Array, "b d"], Float[Array, "b n"]]:
    """Returns (second dense layer's output, class logits)."""
    require_known(self)
    activate = ACTIVATIONS[self.activation]
    common = {"kernel_init": nn.initializers.he_normal(), "dtype": self.dtype}
    x = FRONTS[self.front](images).astype(self.dtype)
    for layer in KINDS[self.kind][: self.depth]:
      x = nn.Conv(layer.width, (layer.kernel, layer.kernel), layer.stride, padding="SAME", **common)(x)
      x = max_pool(activate(x), window=3, stride=layer.pooled, padding="SAME")
    x = x.reshape(x.shape[0], -1)
    for width in DENSE:
      x = nn.Dropout(self.dropout, deterministic=not train)(activate(nn.Dense(width, **common)(x)))
    feature = x.astype(jnp.float32)
    return feature, nn.Dense(self.classes, kernel_init=nn.initializers.normal(0.01), name="classes")(feature)


def require_known(net: PhoneNet) -> None:
  """Raises UserError for a network that there is not."""
  for what, value, known in (
    ("network", net.kind, KINDS),
    ("activation", net.activation, ACTIVATIONS),
    ("front", net.front, FRONTS),
  ):
    if value not in known:
      raise UserError(f"the {what} is one of {', '.join(known)}, got {value!r}")
  depths = range(1, len(KINDS[net.kind]) + 1) if net.kind == "phones" else [len(KINDS[net.kind])]
  if net.depth not in depths:
    counts = " or ".join(map(str, depths))
    raise UserError(f"the network {net.kind} has {counts} convolutions, got a depth of {net.depth}")
  if not 0 <= net.dropout < 1:
    raise UserError(f"dropout is a share below 1, got {net.dropout}")
