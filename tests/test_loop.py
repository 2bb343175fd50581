import itertools
import json
import os
import signal

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from hypothesis import given
from hypothesis import strategies as st

from fsim.boundary import inputs
from fsim.boundary.console import Terminated
from fsim.boundary.errors import UserError
from fsim.train import loop, mesh, metrics
from fsim.train.loop import Phase, fit
from fsim.train.metrics import MetricWriter
from fsim.train.optimisers import sgd
from fsim.train.step import free
from tests import contexts

EPOCHS, STEPS = 4, 5


class Net(nn.Module):
  @nn.compact
  def __call__(self, x):
    return nn.Dense(1)(nn.tanh(nn.Dense(4)(x)))[:, 0]


def phase(**changes) -> Phase:
  net = Net()

  def loss(params, stats, batch, key):
    x, y = batch
    value = ((net.apply({"params": params}, x) - y) ** 2).mean()
    return value, (stats, {"size": jnp.abs(y).mean()})

  def batches(first):
    for step in itertools.count(first):
      x = np.random.default_rng(step).normal(size=(8, 3)).astype(np.float32)
      yield x, x.sum(1)

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
    recalibrate=lambda state: state,
    validate=validate,
    epochs=EPOCHS,
    steps_in_epoch=STEPS,
    keep="last",
  )
  return made._replace(**changes)


def train(folder, made, **changes):
  writer = MetricWriter(folder)
  try:
    return fit(made, contexts.made(folder, writer, **changes))
  finally:
    writer.close()


def same(a, b):
  return all(np.array_equal(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


def stopping_at(step, signalled=signal.SIGTERM):
  """Batches that raise a signal in their own process just before a step, as a scheduler would."""
  plain = phase().batches

  def batches(first):
    for number, batch in enumerate(plain(first), start=first + 1):
      if number == step:
        os.kill(os.getpid(), signalled)
      yield batch

  return batches


def test_training_learns(tmp_path):
  steady = sgd(0.05, 0.9, 0.0)
  train(tmp_path, phase(epochs=5, steps_in_epoch=20, optimiser=steady))
  rows = metrics.read(tmp_path)
  assert rows[-1]["loss"] < rows[0]["loss"] / 5
  assert rows[-1]["validation_loss"] < rows[0]["validation_loss"]
  assert all(0 <= row["waiting"] <= 1 for row in rows)


@pytest.mark.parametrize("step", [1, 5, 7])
def test_stopped_and_resumed_is_the_same_run_bit_for_bit(tmp_path, step):
  for name in ("whole", "parts"):
    (tmp_path / name).mkdir()
  whole = train(tmp_path / "whole", phase())
  with pytest.raises(Terminated, match=f"phase is saved after step {step} of 20; the same command goes on from there"):
    train(tmp_path / "parts", phase(batches=stopping_at(step)))
  resumed = train(tmp_path / "parts", phase())
  assert same(whole, resumed)
  lines = [[row["validation_loss"] for row in metrics.read(tmp_path / name)] for name in ("whole", "parts")]
  assert lines[0] == lines[1]


@given(st.integers(0, 60), st.integers(1, 60), st.integers(1, 20), st.integers(1, 20), st.integers(1, 9))
def test_dispatches_do_every_step_once_and_stop_at_every_end(first, more, epoch, every, most):
  found = list(loop.dispatches(first, first + more, (epoch, every), most))
  assert [step for steps in found for step in steps] == list(range(first, first + more))
  assert {len(steps) for steps in found} <= {1, most}
  assert {end for end in range(first + 1, first + more) if not end % epoch or not end % every} <= {
    s.stop for s in found
  }


@pytest.mark.parametrize("step", [1, 7])
def test_steps_together_are_the_same_run_stopped_within_a_dispatch(tmp_path, monkeypatch, step):
  monkeypatch.setattr(loop, "together", lambda: 3)
  for name in ("one", "parts"):
    (tmp_path / name).mkdir()
  with pytest.raises(Terminated, match=r"phase is saved after step (3|8) of 20"):
    train(tmp_path / "parts", phase(batches=stopping_at(step)), save_every=100)
  together = train(tmp_path / "parts", phase(), save_every=100)
  monkeypatch.setattr(loop, "together", lambda: 1)
  alone = train(tmp_path / "one", phase(), save_every=100)
  for a, b in zip(jax.tree.leaves(together), jax.tree.leaves(alone), strict=True):
    np.testing.assert_allclose(a, b, rtol=1e-6)
  rows = [metrics.read(tmp_path / name) for name in ("one", "parts")]
  np.testing.assert_allclose(*[[row["validation_loss"] for row in own] for own in rows], rtol=1e-6)
  np.testing.assert_allclose(*[[row["size"] for row in own[-2:]] for own in rows], rtol=1e-6)


def test_ctrl_c_saves_too_and_stays_an_interrupt(tmp_path):
  with pytest.raises(KeyboardInterrupt, match="phase is saved after step 3 of 20") as interrupted:
    train(tmp_path, phase(batches=stopping_at(3, signal.SIGINT)))
  assert not isinstance(interrupted.value, Terminated)
  again = train(tmp_path, phase(batches=lambda first: phase().batches(first) if first == 3 else None))
  assert int(again.step) == EPOCHS * STEPS


def test_a_signal_in_the_last_step_stops_after_it_and_loses_nothing(tmp_path):
  with pytest.raises(Terminated, match="after step 20 of 20"):
    train(tmp_path, phase(batches=stopping_at(EPOCHS * STEPS)))
  assert int(train(tmp_path, phase()).step) == EPOCHS * STEPS


def test_a_signal_while_the_last_epoch_is_validated_is_not_forgotten(tmp_path):
  calls = itertools.count(1)

  def validate(state):
    if next(calls) == EPOCHS:
      os.kill(os.getpid(), signal.SIGTERM)
    return {"loss": 1.0}

  with pytest.raises(Terminated, match="saved at the end of a phase"):
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

  with pytest.raises(FloatingPointError, match="the loss of phase is nan in the epoch that ends at step 5") as raised:
    train(tmp_path, phase(loss=loss))
  assert isinstance(raised.value, UserError)


def test_a_validation_loss_that_is_no_number_is_neither_written_nor_called_best(tmp_path):
  with pytest.raises(UserError, match="the validation loss of phase is inf in the epoch that ends at step 5"):
    train(tmp_path, phase(validate=lambda state: {"loss": float("inf")}))
  assert metrics.read(tmp_path) == []


@pytest.mark.parametrize("keep", ["best", "last"])
def test_a_newest_checkpoint_that_was_cut_costs_an_interval_and_changes_nothing(keep, tmp_path):
  for name in ("whole", "cut"):
    (tmp_path / name).mkdir()
  whole = train(tmp_path / "whole", phase(keep=keep))
  train(tmp_path / "cut", phase(keep=keep))
  for path in (tmp_path / "cut" / "checkpoints" / "phase" / str(EPOCHS * STEPS)).rglob("*"):
    if path.is_file():
      path.write_bytes(path.read_bytes()[:10])
  assert same(whole, train(tmp_path / "cut", phase(keep=keep)))
  lines = [[row["validation_loss"] for row in metrics.read(tmp_path / name)] for name in ("whole", "cut")]
  assert lines[0] == lines[1]


def test_half_a_last_line_of_the_diary_is_not_read_and_gives_way_to_the_next(tmp_path):
  rows = [{"phase": "a", "step": step, "loss": 1.0} for step in (1, 2)]
  (tmp_path / metrics.FILE).write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"phase": "a", "st')
  assert metrics.read(tmp_path) == rows
  writer = MetricWriter(tmp_path)
  writer.write("a", 3, {"loss": 0.5})
  writer.close()
  assert metrics.read(tmp_path) == [*rows, {"phase": "a", "step": 3, "loss": 0.5}]
  assert len((tmp_path / metrics.FILE).read_text().splitlines()) == 3


@pytest.mark.parametrize(
  "line",
  [b"{", b"[1]", b'{"phase": "a"}', b'{"phase": 1, "step": 2}', b"\xff", b'{"phase": "a", "step": 1, "loss": "x"}'],
)
def test_other_damage_of_the_diary_is_named(line, tmp_path):
  (tmp_path / metrics.FILE).write_bytes(line + b'\n{"phase": "a", "step": 1}\n')
  with pytest.raises(inputs.Unreadable, match=r"metrics\.jsonl: the line"):
    metrics.read(tmp_path)
