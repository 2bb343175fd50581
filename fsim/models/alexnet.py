"""Noise pattern -> camera: AlexNet (Krizhevsky et al. 2012), as published and as modified by Athanasiadou et al. 2018.

Shapes: b patterns, h w pixels, c channels, d features, n classes. Patterns are clean residuals in grey levels.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from fsim.boundary.errors import UserError
from fsim.models.pool import max_pool

Dtype = Any
SCALE = 0.5  # Per grey level: gives clean residuals of photographs a variance of about 1.
NEIGHBOURS, OFFSET, ALPHA, BETA = 5, 2.0, 1e-4, 0.75  # Krizhevsky et al. 2012, section 3.3.
NORMS = ("response", "batch")


class Layer(NamedTuple):
  """A convolution: `groups` parts of the input's channels are seen by as many parts of the output's."""

  width: int
  kernel: int
  stride: int
  padding: str
  groups: int


PUBLISHED = (
  Layer(96, 11, 4, "VALID", 1),
  Layer(256, 5, 1, "SAME", 2),
  Layer(384, 3, 1, "SAME", 1),
  Layer(384, 3, 1, "SAME", 2),
  Layer(256, 3, 1, "SAME", 2),
)
MODIFIED = (Layer(64, 3, 2, "VALID", 1), Layer(32, 3, 1, "SAME", 2), Layer(32, 3, 1, "SAME", 1), *PUBLISHED[3:])
KINDS = {"default": PUBLISHED, "modified": MODIFIED}
POOLED = (0, 1, 4)  # Convolutions followed by a pooling step.


class AlexNet(nn.Module):
  """AlexNet on noise patterns (Athanasiadou et al. 2018).

  "default" is the network of Krizhevsky et al. 2012 with its two groups: 60,965,224 parameters for 1,000 classes of
  227x227 pixels in three colours. "modified" has 64 filters of 3x3 first, then 32 and 32 of 3x3. The paper gives the
  first map of 256x256 pixels as 126x126 and no stride. Stride 2 without padding gives 127x127; the pooling step leaves
  63x63 of that, as Caffe's, which rounds up, would of 126. Two more things are not published: the number of input
  channels, here whatever the patterns have (one), and how weights begin: here as in He et al. 2015, but for the last
  layer: the small Gaussians of 2012 are meant for pixels of 0..255 and leave no signal of patterns of variance 1.

  Attributes:
    classes: number of cameras.
    kind: "default" or "modified".
    width: units of both dense layers; 4,096 as published.
    norm: "response" as published, after the first two convolutions, or "batch": BatchNorm instead, before every ReLU.
    dtype: type of the arithmetic (parameters, feature and logits stay float32).
  """

  classes: int
  kind: str
  width: int
  norm: str
  dtype: Dtype = jnp.float32

  @nn.compact
  def __call__(
    self, patterns: Float[Array, "b h w"] | Float[Array, "b h w c"], train: bool = False
  ) -> tuple[Float[Array, "b d"], Float[Array, "b n"]]:
    """Returns (second dense layer's output, class logits). Raises UserError for patterns that are too small."""
    require_known(self.kind, self.norm)
    x = patterns if patterns.ndim == 4 else patterns[..., None]
    x = (x.astype(jnp.float32) * SCALE).astype(self.dtype)
    for number, layer in enumerate(KINDS[self.kind]):
      x = self.convolve(x, layer)
      x = nn.relu(self.normed(x, train))
      if self.norm == "response" and number < 2:
        x = respond(x)
      if number in POOLED:
        x = max_pool(x, window=3, stride=2)
    x = x.reshape(x.shape[0], -1)
    for _ in range(2):
      x = nn.Dense(self.width, kernel_init=nn.initializers.he_normal(), dtype=self.dtype)(x)
      x = nn.relu(self.normed(x, train))
      x = nn.Dropout(0.5, deterministic=not train)(x)
    feature = x.astype(jnp.float32)
    return feature, nn.Dense(self.classes, kernel_init=nn.initializers.normal(0.01), name="classes")(feature)

  def normed(self, x: Float[Array, "b *i d"], train: bool) -> Float[Array, "b *i d"]:
    if self.norm != "batch":
      return x
    return nn.BatchNorm(use_running_average=not train, momentum=0.9, dtype=self.dtype)(x)

  def convolve(self, x: Float[Array, "b h w c"], layer: Layer) -> Float[Array, "b i j d"]:
    """Group by group, which the CPU computes about seven times as fast as one grouped convolution."""
    convolution = {
      "features": layer.width // layer.groups,
      "kernel_size": (layer.kernel, layer.kernel),
      "strides": layer.stride,
      "padding": layer.padding,
      "kernel_init": nn.initializers.he_normal(),
      "dtype": self.dtype,
    }
    return jnp.concatenate([nn.Conv(**convolution)(part) for part in jnp.split(x, layer.groups, -1)], -1)


def require_known(kind: str, norm: str) -> None:
  if kind not in KINDS or norm not in NORMS:
    raise UserError(f"AlexNet is {' or '.join(KINDS)} with norm {' or '.join(NORMS)}, got {kind!r} with {norm!r}")


def respond(x: Float[Array, "b h w c"]) -> Float[Array, "b h w c"]:
  """Local response normalisation: each value over a power of the energy of the channels beside it."""
  half = NEIGHBOURS // 2
  c = x.shape[-1]
  padded = jnp.pad(jnp.square(x), ((0, 0), (0, 0), (0, 0), (half, half)))
  energy = sum(padded[..., k : k + c] for k in range(NEIGHBOURS))
  return x / (OFFSET + ALPHA * energy) ** BETA
