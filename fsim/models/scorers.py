"""Two feature vectors -> one similarity logit.

Shapes: n m images, p pairs, d features, w units of the pair layer.

A scorer is split where the cost lies: `terms` is paid once an image, `combine` once a pair. A pair never needs more.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn
from jaxtyping import Array, Float, Int
from ml_collections import ConfigDict

from fsim.boundary.errors import UserError

KINDS = ("network", "distance", "whitened")  # Of scorers of pairs of patches.
WHITENING = "whitening_"  # How the names of a WhitenedScorer's matrices begin; the number of the kind follows.
TOGETHER = 256  # Pairs that are scored at once.


class ImageTerms(NamedTuple):
  """What a scorer must know of an image.

  factor: what meets the other image's element by element (multiplied, or subtracted); of no length where nothing does.
  first, second: its share of the pair layer on either side of a pair.
  """

  factor: Float[Array, "n f"]
  first: Float[Array, "n w"]
  second: Float[Array, "n w"]


class HadamardScorer(nn.Module):
  """Similarity network of the two-part device matcher (Bennabhaktula et al. 2020, section 3.2).

  One dense layer of 2048 ReLU units shared by both signatures; the two outputs and the element-wise product of the
  signatures, concatenated, go through a dense ReLU layer (fc_2; its width is not printed) and one sigmoid unit. A dense
  layer on a concatenation is the sum of one dense layer a part, which is how fc_2 is written here.

  Attributes:
    width: units of fc_2.
  """

  width: int
  shared_width: int = 2048

  def setup(self) -> None:
    fan_in = 2 * self.shared_width + 1024  # Of the whole fc_2, so that it starts as one dense layer would.
    share = nn.initializers.truncated_normal(stddev=fan_in**-0.5)
    self.shared = nn.Dense(self.shared_width)
    self.fc_2_first = nn.Dense(self.width, kernel_init=share)
    self.fc_2_second = nn.Dense(self.width, use_bias=False, kernel_init=share)
    self.fc_2_product = nn.Dense(self.width, use_bias=False, kernel_init=share)
    self.same_device = nn.Dense(1)

  def terms(self, signatures: Float[Array, "n d"], train: bool = False) -> ImageTerms:
    """The same in training."""
    hidden = nn.relu(self.shared(signatures))
    return ImageTerms(signatures, self.fc_2_first(hidden), self.fc_2_second(hidden))

  def combine(self, a: ImageTerms, b: ImageTerms) -> Float[Array, " n"]:
    """Logits of n pairs in the order (a, b)."""
    hidden = a.first + b.second + self.fc_2_product(a.factor * b.factor)
    return self.same_device(nn.relu(hidden))[:, 0]

  def __call__(self, a: Float[Array, "n d"], b: Float[Array, "n d"]) -> Float[Array, " n"]:
    return self.combine(self.terms(a), self.terms(b))


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


def drops(scorer: nn.Module) -> bool:
  """Whether a training step leaves something out, and so needs a key."""
  return getattr(scorer, "dropout", 0.0) > 0


def take(terms: ImageTerms, rows: Int[Array, " p"]) -> ImageTerms:
  return jax.tree.map(lambda x: x[rows], terms)


def pair_logits(
  scorer: nn.Module,
  params: dict,
  signatures: Float[Array, "n d"],
  pairs: Int[Array, "p 2"],
  key: Array | None = None,
) -> Float[Array, " p"]:
  """Logits of pairs (row, row) of a signature matrix, in the order given; for training.

  key: of this step's dropout, drawn for every end of every pair by itself; None leaves nothing out.
  """
  few_ends = 2 * len(pairs) < len(signatures)  # Then only their terms are worth computing.
  if few_ends or key is not None:
    signatures, pairs = signatures[pairs.reshape(-1)], jnp.arange(pairs.size).reshape(pairs.shape)
  dropout = {} if key is None else {"train": True, "rngs": {"dropout": key}}
  terms = scorer.apply(params, signatures, method="terms", **dropout)
  return scorer.apply(params, take(terms, pairs[:, 0]), take(terms, pairs[:, 1]), method="combine")


def both_orders(scorer: nn.Module, params: dict, a: ImageTerms, b: ImageTerms) -> Float[Array, " n"]:
  """Mean logits of n pairs in the orders (a, b) and (b, a)."""
  forth, back = (scorer.apply(params, *ends, method="combine") for ends in ((a, b), (b, a)))
  return (forth + back) / 2


def score_rows(scorer: nn.Module, params: dict, rows: ImageTerms, columns: ImageTerms) -> Float[Array, "m n"]:
  """Logits of every row image with every column image, both orders averaged, so that score(a, b) = score(b, a).

  The published network is not symmetric by construction: its second layer weighs the two sides apart.
  """

  def one(row: ImageTerms) -> Float[Array, " n"]:
    same = jax.tree.map(lambda x, like: jnp.broadcast_to(x, like.shape), row, columns)
    return both_orders(scorer, params, same, columns)

  return jax.lax.map(one, rows)


def score_pairs(scorer: nn.Module, params: dict, terms: ImageTerms, pairs: Int[Array, "p 2"]) -> Float[Array, " p"]:
  """The same for some pairs of rows of one matrix, whose logits of all pairs may be too many to hold."""

  def one(pair: Int[Array, "2"]) -> Float[Array, ""]:
    a, b = (take(terms, row[None]) for row in pair)
    return both_orders(scorer, params, a, b)[0]

  return jax.lax.map(one, pairs, batch_size=TOGETHER)
