"""Image -> forensic feature vector.

Shapes: b images, h w pixels, c colours, d features, n classes. Pixels come as 0..255.
"""

from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Float, UInt8

from fsim.models.pool import max_pool

Dtype = Any
Pixels = UInt8[Array, "b h w 3"] | Float[Array, "b h w 3"]
TRUNCATION = 2.0  # Grey levels.
PATCH_SIDE = 64  # Pixels of what a PatchNet sees.
PATCH_SCALE = 0.0125  # Per grey level; from the published solver.
HIGH_PASS = (
  np.array([[-1, 2, -2, 2, -1], [2, -6, 8, -6, 2], [-2, 8, -12, 8, -2], [2, -6, 8, -6, 2], [-1, 2, -2, 2, -1]]) / 12
)
HIGH_PASS_SCALE = 0.25  # Per grey level: gives the noise of photographs a deviation of about 1.


def rgb(images: Pixels) -> Float[Array, "b h w 3"]:
  """The image itself in -1..1."""
  return images.astype(jnp.float32) / 127.5 - 1


def residual(images: Pixels) -> Float[Array, "b h w 3"]:
  """Each pixel less the mean of its four neighbours, truncated at +-2 grey levels and scaled to -1..1.

  What the neighbours predict is content; what is left is noise and processing. Truncation keeps a few strong edges from
  outweighing the rest (Fridrich & Kodovsky 2012, section II). Pixels beyond the border repeat it.
  """
  x = images.astype(jnp.float32)
  padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
  vertical = padded[:, :-2, 1:-1] + padded[:, 2:, 1:-1]
  horizontal = padded[:, 1:-1, :-2] + padded[:, 1:-1, 2:]
  return jnp.clip(x - (vertical + horizontal) / 4, -TRUNCATION, TRUNCATION) / TRUNCATION


def high_pass(images: Pixels) -> Float[Array, "b h w 3"]:
  """Each colour filtered by the 5x5 kernel that Tuama et al. 2016 put before their network, nothing truncated.

  The kernel is the 5x5 square of Fridrich & Kodovsky 2012: it predicts a pixel from the 24 around it.
  """
  x = images.astype(jnp.float32)
  h, w = x.shape[1:3]
  padded = jnp.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="edge")
  return HIGH_PASS_SCALE * sum(
    tap * padded[:, row : row + h, column : column + w] for (row, column), tap in np.ndenumerate(HIGH_PASS)
  )


# What a network is shown of an image, by the name of the setting.
FRONTS = {"rgb": rgb, "residual": residual, "high_pass": high_pass}


class SignatureNet(nn.Module):
  """Signature network of the two-part device matcher (Bennabhaktula et al. 2020, section 3.1).

  The layers are the published ones; strides are not printed there and follow MISLnet, from which the network descends:
  the first convolution and every pooling step by 2, convolutions SAME, pooling VALID.

  Attributes:
    classes: number of devices that phase A tells apart.
    front: a key of FRONTS: "rgb" as published, or "residual", from which it learns with far fewer images.
    dtype: type of the arithmetic (parameters and the signature stay float32).
  """

  classes: int
  front: str = "rgb"
  dtype: Dtype = jnp.float32

  @nn.compact
  def __call__(self, images: Pixels, train: bool = False) -> tuple[Float[Array, "b d"], Float[Array, "b n"]]:
    """Returns (signature of 1024 values in -1..1, class logits)."""
    x = FRONTS[self.front](images).astype(self.dtype)
    for width, kernel, stride in ((96, 7, 2), (64, 5, 1), (64, 5, 1), (128, 1, 1)):
      x = nn.Conv(width, (kernel, kernel), strides=stride, padding="SAME", dtype=self.dtype)(x)
      x = nn.BatchNorm(use_running_average=not train, momentum=0.9, dtype=self.dtype)(x)
      x = max_pool(nn.tanh(x), window=3, stride=2)
    x = x.reshape(x.shape[0], -1)
    signature = nn.tanh(nn.Dense(1024, dtype=self.dtype, name="signature")(x)).astype(jnp.float32)
    hidden = nn.tanh(nn.Dense(200, name="hidden")(signature))
    return signature, nn.Dense(self.classes, name="classes")(hidden)


class PatchNet(nn.Module):
  """Camera model network on 64x64 patches (Bondi et al. 2017, section III, and its prototxt).

  Four convolutions without a nonlinearity between them but the pooling (ceil, hence SAME), one dense layer with the
  only ReLU. 340,642 parameters for 18 models. Shown RGB, it takes off the mean patch, which lies among the statistics
  ("batch_stats"), 0 until `with_mean` sets it, so that a checkpoint is never used with the mean of other data.

  Attributes:
    classes: number of camera models.
    front: a key of FRONTS: "rgb" as published, or "residual", from which it learns in far fewer steps.
    dtype: type of the arithmetic (parameters, feature and logits stay float32).
  """

  classes: int
  front: str = "rgb"
  dtype: Dtype = jnp.float32

  @nn.compact
  def __call__(self, images: Pixels, train: bool = False) -> tuple[Float[Array, "b d"], Float[Array, "b n"]]:
    """Returns (feature of 128 values, class logits); the same in training."""
    if self.front == "rgb":
      mean = self.variable("batch_stats", "mean", jnp.zeros, images.shape[1:], jnp.float32)
      x = (images.astype(jnp.float32) - mean.value) * PATCH_SCALE
    else:
      x = FRONTS[self.front](images)
    x = x.astype(self.dtype)
    for width, kernel in ((32, 4), (48, 5), (64, 5)):
      x = nn.Conv(width, (kernel, kernel), padding="VALID", dtype=self.dtype)(x)
      x = max_pool(x, window=2, stride=2, padding="SAME")
    x = nn.Conv(128, (5, 5), padding="VALID", dtype=self.dtype)(x).reshape(x.shape[0], -1)
    feature = nn.relu(nn.Dense(128, dtype=self.dtype, name="feature")(x)).astype(jnp.float32)
    return feature, nn.Dense(self.classes, name="classes")(feature)


def with_mean(variables: dict[str, Any], mean: Float[np.ndarray, "h w 3"]) -> dict[str, Any]:
  """The variables of a PatchNet that is shown RGB, with the mean of its training patches, pixel by pixel."""
  return variables | {"batch_stats": {"mean": jnp.asarray(mean, jnp.float32)}}
