"""Two feature vectors -> one similarity logit.

Shapes: n m images, p pairs, d features, w units of the pair layer.

A scorer is split where the cost lies: `parts` is paid once an image, `combine` once a pair. A pair never needs more.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, Int


class Parts(NamedTuple):
  """What a scorer must know of an image: its signature and its share of the pair layer on either side of a pair."""

  signature: Float[Array, "n d"]
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

  def parts(self, signatures: Float[Array, "n d"]) -> Parts:
    hidden = nn.relu(self.shared(signatures))
    return Parts(signatures, self.fc_2_first(hidden), self.fc_2_second(hidden))

  def combine(self, a: Parts, b: Parts) -> Float[Array, " n"]:
    """Logits of n pairs in the order (a, b)."""
    hidden = a.first + b.second + self.fc_2_product(a.signature * b.signature)
    return self.same_device(nn.relu(hidden))[:, 0]

  def __call__(self, a: Float[Array, "n d"], b: Float[Array, "n d"]) -> Float[Array, " n"]:
    return self.combine(self.parts(a), self.parts(b))


def take(parts: Parts, rows: Int[Array, " p"]) -> Parts:
  return jax.tree.map(lambda x: x[rows], parts)


def pair_logits(
  scorer: nn.Module, params: dict, signatures: Float[Array, "n d"], pairs: Int[Array, "p 2"]
) -> Float[Array, " p"]:
  """Logits of pairs (row, row) of a signature matrix, in the order given; for training."""
  if 2 * len(pairs) < len(signatures):  # Fewer ends than images: only their parts are worth computing.
    signatures, pairs = signatures[pairs.reshape(-1)], jnp.arange(pairs.size).reshape(pairs.shape)
  parts = scorer.apply(params, signatures, method="parts")
  return scorer.apply(params, take(parts, pairs[:, 0]), take(parts, pairs[:, 1]), method="combine")


def score_rows(scorer: nn.Module, params: dict, rows: Parts, columns: Parts) -> Float[Array, "m n"]:
  """Logits of every row image with every column image, both orders averaged, so that score(a, b) = score(b, a).

  The published network is not symmetric by construction: its second layer weighs the two sides apart.
  """

  def one(row: Parts) -> Float[Array, " n"]:
    same = jax.tree.map(lambda x, like: jnp.broadcast_to(x, like.shape), row, columns)
    forth = scorer.apply(params, same, columns, method="combine")
    back = scorer.apply(params, columns, same, method="combine")
    return (forth + back) / 2

  return jax.lax.map(one, rows)
