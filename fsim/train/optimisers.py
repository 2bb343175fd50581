"""How weights follow gradients, as the configurations name it."""

from typing import Any

import jax
import optax

from fsim.boundary.errors import UserError
from fsim.models import constrained
from fsim.train.schedule import Schedule

B2, EPS = 0.99, 1e-6  # Of Adam, as in Mayer & Stamm 2018, section III-B.


def of(schedule: Schedule, steps_in_epoch: int) -> optax.GradientTransformation:
  """Raises UserError for an optimiser that is not there."""
  if schedule.optimiser not in OPTIMISERS:
    raise UserError(f"the optimiser must be one of {', '.join(OPTIMISERS)}, got {schedule.optimiser!r}")
  rate = schedule.learning_rate
  if schedule.halve_lr_every:
    rate = optax.exponential_decay(rate, schedule.halve_lr_every * steps_in_epoch, 0.5, staircase=True)
  return OPTIMISERS[schedule.optimiser](rate, schedule.momentum, schedule.decay)


def sgd(rate: optax.ScalarOrSchedule, momentum: float, decay: float) -> optax.GradientTransformation:
  """With weight decay as a part of the gradient."""
  return optax.chain(optax.add_decayed_weights(decay, kernels), optax.sgd(rate, momentum))


def adamw(rate: optax.ScalarOrSchedule, momentum: float, decay: float) -> optax.GradientTransformation:
  """Adam (momentum: its b1) with weight decay apart from the gradient; decay 0 is plain Adam."""
  return optax.adamw(rate, b1=momentum, b2=B2, eps=EPS, weight_decay=decay, mask=kernels)


OPTIMISERS = {"sgd": sgd, "adamw": adamw}


def kernels(params: Any) -> Any:
  """Which parameters decay: kernels, but neither biases nor BatchNorm nor kernels that are projected anyway."""
  return jax.tree_util.tree_map_with_path(lambda path, p: p.ndim > 1 and path[-1].key != constrained.KERNEL, params)
