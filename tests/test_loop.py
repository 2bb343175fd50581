import itertools
import os
import signal

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from fsim.train import mesh, metrics
from fsim.train.loop import Phase, fit
from fsim.train.metrics import Diary
from fsim.train.optimisers import sgd
from fsim.train.step import free
from fsim.train.stop import Stopped

EPOCHS, STEPS = 4, 5


class Net(nn.Module):
  @nn.compact
  def __call__(self, x):
    return nn.Dense(1)(nn.tanh(nn.Dense(4)(x)))[:, 0]


def phase(**changes) -> Phase:
  net, layout = Net(), mesh.layout()

  def loss(params, stats, batch, key):
    x, y = batch
    value = ((net.apply({"params": params}, x) - y) ** 2).mean()
    return value, (stats, {"size": jnp.abs(y).mean()})

  def batches(first):
    for step in itertools.count(first):
      x = np.random.default_rng(step).normal(size=(8, 3)).astype(np.float32)
      yield mesh.put((x, x.sum(1)), layout.by_example)

  def validate(state):
    x = np.random.default_rng(99).normal(size=(8, 3)).astype(np.float32)
    (value, _) = loss(mesh.to_host(state.params), {}, (x, x.sum(1)), None)
    return {"loss": float(value)}

  made = Phase(
    name="phase",
    init=lambda: net.init(jax.random.key(0), jnp.zeros((1, 3))),
    loss=loss,
    optimiser=sgd(0.05, 0.9, 1e-3),
    constrain=free,
    batches=batches,
    settle=lambda state: state,
    validate=validate,
    epochs=EPOCHS,
    steps_in_epoch=STEPS,
    keep="last",
    seed=0,
    save_every=2,
  )
  return made._replace(**changes)


def train(folder, made):
  diary = Diary(folder)
  try:
    return fit(made, folder, diary, mesh.layout())
  finally:
    diary.close()


def same(a, b):
  return all(np.array_equal(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


def stopping_at(step):
  """Batches that raise SIGTERM in their own process just before a step, as a scheduler would."""
  plain = phase().batches

  def batches(first):
    for number, batch in enumerate(plain(first), start=first + 1):
      if number == step:
        os.kill(os.getpid(), signal.SIGTERM)
      yield batch

  return batches


def test_training_learns(tmp_path):
  steady = sgd(0.05, 0.9, 0.0)
  train(tmp_path, phase(epochs=20, optimiser=steady))
  rows = metrics.read(tmp_path)
  assert rows[-1]["loss"] < rows[0]["loss"] / 5
  assert rows[-1]["validation_loss"] < rows[0]["validation_loss"]
  assert all(0 <= row["waiting"] <= 1 for row in rows)


@pytest.mark.parametrize("step", [1, 5, 7])
def test_stopped_and_resumed_is_the_same_run_bit_for_bit(tmp_path, step):
  for name in ("whole", "parts"):
    (tmp_path / name).mkdir()
  whole = train(tmp_path / "whole", phase())
  with pytest.raises(Stopped, match=f"phase stopped after step {step} of 20"):
    train(tmp_path / "parts", phase(batches=stopping_at(step)))
  resumed = train(tmp_path / "parts", phase())
  assert same(whole, resumed)
  lines = [[row["validation_loss"] for row in metrics.read(tmp_path / name)] for name in ("whole", "parts")]
  assert lines[0] == lines[1]


def test_a_signal_in_the_last_step_stops_after_it_and_loses_nothing(tmp_path):
  with pytest.raises(Stopped, match="after step 20 of 20"):
    train(tmp_path, phase(batches=stopping_at(EPOCHS * STEPS)))
  assert int(train(tmp_path, phase()).step) == EPOCHS * STEPS


def test_a_signal_while_the_last_epoch_is_validated_is_not_forgotten(tmp_path):
  calls = itertools.count(1)

  def validate(state):
    if next(calls) == EPOCHS:
      os.kill(os.getpid(), signal.SIGTERM)
    return {"loss": 1.0}

  with pytest.raises(Stopped, match="stopped at the end of a phase"):
    train(tmp_path, phase(validate=validate))
  assert int(train(tmp_path, phase()).step) == EPOCHS * STEPS


def test_a_finished_phase_is_not_run_again(tmp_path):
  done = train(tmp_path, phase())

  def no_batches(first):
    raise AssertionError("the phase was run again")

  assert same(done, train(tmp_path, phase(batches=no_batches)))


def test_the_best_epoch_is_kept(tmp_path):
  losses = iter([3.0, 1.0, 2.0, 4.0])
  state = train(tmp_path, phase(keep="best", validate=lambda state: {"loss": next(losses)}))
  assert int(state.step) == 2 * STEPS
  again = train(tmp_path, phase(keep="best"))
  assert same(state, again)


def test_a_loss_that_is_no_number_stops_the_run(tmp_path):
  def loss(params, stats, batch, key):
    return jnp.nan * sum(p.sum() for p in jax.tree.leaves(params)), (stats, {})

  with pytest.raises(FloatingPointError, match="the loss of phase is nan in the epoch that ends at step 5"):
    train(tmp_path, phase(loss=loss))
