"""Scorers of pairs of patches, for forensic source similarity: a network, and distances that cannot learn by heart.

Shapes: n images, d features, w units of the pair layer.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Float
from ml_collections import ConfigDict

from fsim.boundary.errors import UserError
from fsim.models.scorers import ImageTerms

KINDS = ("network", "distance", "whitened")
WHITENING = "whitening_"  # How the names of a WhitenedScorer's matrices begin; the number of the kind follows.


class PairScorer(nn.Module):
  """Similarity network of forensic source similarity (Mayer & Stamm 2018, section 3).

  One dense layer of 1024 PReLU units, shared by both features, with dropout in training; both outputs, concatenated,
  go through a dense layer of 64 PReLU units and one sigmoid unit. `product` is the later form (Mayer & Stamm 2020,
  "Forensic similarity for digital images"): 2048 shared units, and the element-wise product of the two outputs is
  concatenated as well. The pair layer is written as the sum of one dense layer a part. A PReLU has one slope a unit,
  which starts at .25 (He et al. 2015).

  Attributes:
    hidden: units of the shared layer.
    width: units of the pair layer.
    product: whether the pair layer sees the product too. It costs one dense layer a pair instead of none.
    dropout: share of the shared layer's outputs that a training step leaves out.
  """

  hidden: int = 1024
  width: int = 64
  product: bool = False
  dropout: float = 0.5

  def setup(self) -> None:
    fan_in = (3 if self.product else 2) * self.hidden  # Of the whole pair layer, so that it starts as one would.
    share = nn.initializers.truncated_normal(stddev=fan_in**-0.5)
    slope = nn.initializers.constant(0.25)
    self.shared = nn.Dense(self.hidden)
    self.shared_slope = self.param("shared_slope", slope, (self.hidden,))
    self.drop = nn.Dropout(self.dropout)
    self.pair_first = nn.Dense(self.width, kernel_init=share)
    self.pair_second = nn.Dense(self.width, use_bias=False, kernel_init=share)
    if self.product:
      self.pair_product = nn.Dense(self.width, use_bias=False, kernel_init=share)
    self.pair_slope = self.param("pair_slope", slope, (self.width,))
    self.same_source = nn.Dense(1)

  def terms(self, features: Float[Array, "n d"], train: bool = False) -> ImageTerms:
    """Training draws from the rng "dropout"."""
    hidden = self.drop(prelu(self.shared(features), self.shared_slope), deterministic=not train)
    factor = hidden if self.product else hidden[:, :0]
    return ImageTerms(factor, self.pair_first(hidden), self.pair_second(hidden))

  def combine(self, a: ImageTerms, b: ImageTerms) -> Float[Array, " n"]:
    """Logits of n pairs in the order (a, b)."""
    pair = a.first + b.second
    if self.product:
      pair += self.pair_product(a.factor * b.factor)
    return self.same_source(prelu(pair, self.pair_slope))[:, 0]

  def __call__(self, a: Float[Array, "n d"], b: Float[Array, "n d"]) -> Float[Array, " n"]:
    return self.combine(self.terms(a), self.terms(b))


class DistanceScorer(nn.Module):
  """Log-odds that fall with the mean squared distance between two features: a slope and an offset, nothing else.

  Taught by two dozen models, a pair network learns their pairs by heart; so few parameters cannot (docs/model.md).
  Features that two networks make lie one behind the other, and each kind has a slope of its own: the two distances
  are fused by logistic regression, as scores of several speaker recognisers are (Brummer et al. 2007).

  Attributes:
    kinds: length of each kind of features.
  """

  kinds: tuple[int, ...]

  def setup(self) -> None:
    self.log_slope = self.param("log_slope", nn.initializers.zeros, (len(self.kinds),))
    self.offset = self.param("offset", nn.initializers.zeros, ())

  def terms(self, features: Float[Array, "n d"], train: bool = False) -> ImageTerms:
    """The same in training. Distances between the factors are weighed already."""
    sizes = np.array(self.kinds)
    weights = jnp.repeat(jnp.exp(self.log_slope / 2) / np.sqrt(sizes), sizes, total_repeat_length=sizes.sum())
    return ImageTerms(features * weights, features[:, :0], features[:, :0])

  def combine(self, a: ImageTerms, b: ImageTerms) -> Float[Array, " n"]:
    """Logits of n pairs, alike in both orders."""
    return self.offset - jnp.square(a.factor - b.factor).sum(1)

  def __call__(self, a: Float[Array, "n d"], b: Float[Array, "n d"]) -> Float[Array, " n"]:
    return self.combine(self.terms(a), self.terms(b))


class WhitenedScorer(nn.Module):
  """The distance between features that scatter alike in all directions where the model is the same.

  The matrices are no weights that a step changes: they are the inverse roots of the covariance within models, with
  which the phase starts (within-class covariance normalisation, Hatch et al. 2006). What differs between photographs of
  one camera model counts less for it.

  Attributes:
    kinds: length of each kind of features.
  """

  kinds: tuple[int, ...]

  def setup(self) -> None:
    identity = lambda _, size: jnp.eye(size)  # noqa: E731
    self.whitening = [self.param(f"{WHITENING}{k}", identity, size) for k, size in enumerate(self.kinds)]
    self.distance = DistanceScorer(self.kinds)

  def terms(self, features: Float[Array, "n d"], train: bool = False) -> ImageTerms:
    """The same in training."""
    parts = jnp.split(features, np.cumsum(self.kinds)[:-1].tolist(), axis=1)
    white = [part @ jax.lax.stop_gradient(matrix) for part, matrix in zip(parts, self.whitening, strict=True)]
    return self.distance.terms(jnp.concatenate(white, axis=1))

  def combine(self, a: ImageTerms, b: ImageTerms) -> Float[Array, " n"]:
    """Logits of n pairs, alike in both orders."""
    return self.distance.combine(a, b)

  def __call__(self, a: Float[Array, "n d"], b: Float[Array, "n d"]) -> Float[Array, " n"]:
    return self.combine(self.terms(a), self.terms(b))


def forensic(
  kind: str, features: tuple[int, ...], network: ConfigDict | dict[str, Any]
) -> PairScorer | DistanceScorer | WhitenedScorer:
  """A scorer of pairs of patches: the "network", with these attributes of a PairScorer, or one of the two distances.

  features: how many there are of each kind. Raises UserError for another kind of scorer.
  """
  if kind not in KINDS:
    raise UserError(f"scorer.kind must be one of {', '.join(KINDS)}, got {kind!r}")
  if kind == "network":
    return PairScorer(**network)
  return WhitenedScorer(features) if kind == "whitened" else DistanceScorer(features)


def prelu(x: Float[Array, "n w"], slope: Float[Array, " w"]) -> Float[Array, "n w"]:
  return jnp.where(x >= 0, x, slope * x)
