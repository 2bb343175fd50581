import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from fsim.train import optimisers
from fsim.train.schedule import Schedule

PLAIN = Schedule(1, 1, "sgd", learning_rate=1.0, momentum=0.0, decay=0.0, halve_lr_every=0)


def made(steps_in_epoch=1, **changes):
  return optimisers.of(PLAIN._replace(**changes), steps_in_epoch)


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_weight_decay_spares_biases(name):
  optimiser = made(optimiser=name, decay=0.1)
  params = {"kernel": jnp.ones((2, 2)), "bias": jnp.ones(2)}
  updates, _ = optimiser.update(jax.tree.map(jnp.zeros_like, params), optimiser.init(params), params)
  np.testing.assert_allclose(updates["kernel"], -0.1, rtol=1e-6)
  np.testing.assert_allclose(updates["bias"], 0)


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_the_rate_is_halved_every_so_many_epochs(name):
  optimiser = made(steps_in_epoch=3, optimiser=name, halve_lr_every=1)
  params = {"kernel": jnp.ones((1, 1))}
  state, rates = optimiser.init(params), []
  for _ in range(7):
    updates, state = optimiser.update(params, state, params)
    rates.append(-float(updates["kernel"][0, 0]))
  np.testing.assert_allclose(rates, [1, 1, 1, 0.5, 0.5, 0.5, 0.25], rtol=1e-5)


def test_adam_is_that_of_the_paper():
  """Mayer & Stamm 2018: b1 .9, b2 .99, eps 1e-6."""
  ours, theirs = made(optimiser="adamw", momentum=0.9, learning_rate=0.1), optax.adam(0.1, 0.9, 0.99, 1e-6)
  params = other = {"kernel": jnp.full((1, 1), 2.0)}
  state, kept = ours.init(params), theirs.init(params)
  for gradient in (1.0, -0.5, 1e-5, 3.0):
    updates, state = ours.update({"kernel": jnp.full((1, 1), gradient)}, state, params)
    expected, kept = theirs.update({"kernel": jnp.full((1, 1), gradient)}, kept, other)
    params, other = optax.apply_updates(params, updates), optax.apply_updates(other, expected)
  np.testing.assert_allclose(params["kernel"], other["kernel"], rtol=1e-6)


def test_an_unknown_optimiser_is_named():
  with pytest.raises(ValueError, match="one of sgd, adamw, got 'lion'"):
    made(optimiser="lion")
