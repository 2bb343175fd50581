"""What a phase makes small: an argument of the phase, by which it learns and is validated alike."""

from collections.abc import Callable
from typing import Any, NamedTuple

import optax

from fsim.train.step import Loss


class Objective(NamedTuple):
  """Both take (logits, truth) of some examples: what each costs, and whether each is decided correctly."""

  loss: Callable[[Any, Any], Any]
  right: Callable[[Any, Any], Any]


# Truth: class numbers; or 1 for pairs of one source, 0 for others.
CLASSES = Objective(optax.softmax_cross_entropy_with_integer_labels, lambda logits, own: logits.argmax(-1) == own)
PAIRS = Objective(optax.sigmoid_binary_cross_entropy, lambda logits, same: (logits > 0) == (same > 0))

# (params, stats, batch, key of the step) -> (logits, truth, new stats)
Forward = Callable[[Any, Any, Any, Any], tuple[Any, Any, Any]]


def training(objective: Objective, forward: Forward) -> Loss:
  """The mean loss of a batch, and the share that is decided correctly, as the training step takes them."""

  def loss(params: Any, stats: Any, batch: Any, key: Any) -> tuple[Any, tuple[Any, dict[str, Any]]]:
    logits, truth, stats = forward(params, stats, batch, key)
    return objective.loss(logits, truth).mean(), (stats, {"accuracy": objective.right(logits, truth).mean()})

  return loss


def validated(objective: Objective, logits: Any, truth: Any) -> dict[str, float]:
  return {
    "loss": float(objective.loss(logits, truth).mean()),
    "accuracy": float(objective.right(logits, truth).mean()),
  }
