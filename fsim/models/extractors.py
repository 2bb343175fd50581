"""Image -> forensic feature vector.

Shapes: b images, h w pixels, c colours, d features, n classes. Pixels come as 0..255.
"""

from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, UInt8

from fsim.models.pool import max_pool

Dtype = Any


class SignatureNet(nn.Module):
  """Signature network of the two-part device matcher (Bennabhaktula et al. 2020, section 3.1).

  The layers are the published ones; strides are not printed there and follow MISLnet, from which the network descends:
  the first convolution and every pooling step by 2, convolutions SAME, pooling VALID.

  Attributes:
    classes: number of devices that phase A tells apart.
    dtype: type of the arithmetic (parameters and the signature stay float32).
  """

  classes: int
  dtype: Dtype = jnp.float32

  @nn.compact
  def __call__(
    self, images: UInt8[Array, "b h w 3"] | Float[Array, "b h w 3"], train: bool = False
  ) -> tuple[Float[Array, "b d"], Float[Array, "b n"]]:
    """Returns (signature of 1024 values in -1..1, class logits)."""
    x = images.astype(self.dtype) / 127.5 - 1
    for width, kernel, stride in ((96, 7, 2), (64, 5, 1), (64, 5, 1), (128, 1, 1)):
      x = nn.Conv(width, (kernel, kernel), strides=stride, padding="SAME", dtype=self.dtype)(x)
      x = nn.BatchNorm(use_running_average=not train, momentum=0.9, dtype=self.dtype)(x)
      x = max_pool(nn.tanh(x), window=3, stride=2)
    x = x.reshape(x.shape[0], -1)
    signature = nn.tanh(nn.Dense(1024, dtype=self.dtype, name="signature")(x)).astype(jnp.float32)
    hidden = nn.tanh(nn.Dense(200, name="hidden")(signature))
    return signature, nn.Dense(self.classes, name="classes")(hidden)
