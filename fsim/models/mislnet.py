"""Image patch -> forensic feature vector: MISLnet (Bayar & Stamm 2018, Mayer & Stamm 2018).

Shapes: b patches, h w pixels, c colours, d features, n classes. Pixels come as 0..255.
"""

from typing import Any

import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float

from fsim.boundary.errors import UserError
from fsim.models import block_shares
from fsim.models.constrained import ConstrainedConv
from fsim.models.extractors import Pixels
from fsim.models.pool import max_pool

Dtype = Any
# Channels that are shown, filters of the first layer, whether each filter sees one channel only.
COLOURS = {"green": (slice(1, 2), 3, False), "rgb": (slice(0, 3), 6, False), "each": (slice(0, 3), 3, True)}
POOLS = {"max": max_pool, "average": lambda x, window, stride: nn.avg_pool(x, (window, window), (stride, stride))}
FEATURES = 200
SHARE = 16.0  # By which block shares scatter within camera models about as much as the features do.
LEAST_SIDE = 65  # Of a patch: smaller ones leave nothing for the last pooling window.


class MislNet(nn.Module):
  """Tells camera models apart; its features serve for models that it has never seen (Mayer & Stamm 2018, section 3).

  Constrained 5x5 convolution; 7x7x96 by stride 2, 5x5x64, 5x5x64, 1x1x128, each with BatchNorm, tanh and 3x3 pooling by
  stride 2; two dense layers of 200. Without its classes it has 1,241,435 parameters for 256 pixels of green and
  1,255,922 for 256 pixels in three colours.

  Pixels enter as grey levels. Without truncation, scaling them would do nothing: the first two layers are linear, and
  the BatchNorm behind them takes the scale out again, of the values as of the gradients. But in grey levels the
  variance of even a smooth patch's residual is large beside BatchNorm's epsilon.

  Attributes:
    classes: number of camera models that phase A tells apart.
    colours: "green" with 3 constrained filters, "rgb" with 6 that see all colours, or "each": 3 that see one each.
    truncation: grey levels beyond which the first layer's residuals are cut off, so that a few strong edges do not
      outweigh the rest (Fridrich & Kodovsky 2012, section II); 0 cuts nothing off, as published.
    last_pool: "max" as in Mayer & Stamm 2018, or "average" as in Bayar & Stamm 2018.
    constrained: False puts an ordinary convolution of that shape first, to show what the constraint brings.
    block_shares: whether `block_shares.near_zero`, times SHARE, stands behind the features; the class logits do not
      see it.
    dtype: type of the arithmetic after the first layer (parameters, feature and logits stay float32).
  """

  classes: int
  colours: str
  truncation: float
  last_pool: str
  constrained: bool = True
  block_shares: bool = False
  dtype: Dtype = jnp.float32

  @nn.compact
  def __call__(self, images: Pixels, train: bool = False) -> tuple[Float[Array, "b d"], Float[Array, "b n"]]:
    """Returns (feature: the second dense layer's 200 values before its tanh, and block shares; class logits)."""
    require_known(self.colours, self.last_pool, images.shape[1:3])
    x = self.residuals(images[..., COLOURS[self.colours][0]].astype(jnp.float32))
    pools = (max_pool, max_pool, max_pool, POOLS[self.last_pool])
    for (width, kernel, stride), pool in zip(((96, 7, 2), (64, 5, 1), (64, 5, 1), (128, 1, 1)), pools, strict=True):
      x = nn.Conv(width, (kernel, kernel), strides=stride, padding="SAME", dtype=self.dtype)(x)
      x = nn.BatchNorm(use_running_average=not train, momentum=0.9, dtype=self.dtype)(x)
      x = pool(nn.tanh(x), window=3, stride=2)
    x = x.reshape(x.shape[0], -1)
    hidden = nn.tanh(nn.Dense(FEATURES, dtype=self.dtype, name="hidden")(x))
    feature = nn.Dense(FEATURES, dtype=self.dtype, name="feature")(hidden).astype(jnp.float32)
    logits = nn.Dense(self.classes, name="classes")(nn.tanh(feature))
    if self.block_shares:
      feature = jnp.concatenate([feature, SHARE * block_shares.near_zero(images)], axis=1)
    return feature, logits

  def residuals(self, x: Float[Array, "b h w c"]) -> Float[Array, "b p q f"]:
    """What the first layer leaves of an image."""
    _, filters, apart = COLOURS[self.colours]
    if self.constrained:
      x = ConstrainedConv(filters, apart=apart)(x)
    else:
      groups = x.shape[-1] if apart else 1
      x = nn.Conv(filters, (5, 5), padding="VALID", use_bias=False, feature_group_count=groups, name="unconstrained")(x)
    return jnp.clip(x, -self.truncation, self.truncation) if self.truncation else x


def require_known(colours: str, last_pool: str, sides: tuple[int, int]) -> None:
  if colours not in COLOURS or last_pool not in POOLS:
    known = f"colours {' or '.join(COLOURS)} and last_pool {' or '.join(POOLS)}"
    raise UserError(f"MislNet knows {known}, got {colours!r} and {last_pool!r}")
  if min(sides) < LEAST_SIDE:
    raise UserError(f"MislNet needs patches of at least {LEAST_SIDE} pixels a side, got {sides[0]}x{sides[1]}")
