"""Two feature vectors -> one similarity logit.

Shapes: n m images, p pairs, d features, w units of the pair layer.

A scorer is split where the cost lies: `terms` is paid once an image, `combine` once a pair. A pair never needs more.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, Int

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
