"""State and the one training step that all phases share."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from fsim import cpu
from fsim.train.mesh import Layout, to_host


class State(NamedTuple):
  """Everything that training changes: step (scalar), parameters, BatchNorm statistics, optimiser state."""

  step: Any
  params: Any
  stats: Any
  opt: Any


# (params, stats, batch, key of the step) -> (mean loss, (new stats, metrics by name))
Loss = Callable[[Any, Any, Any, Any], tuple[Any, tuple[Any, dict[str, Any]]]]


def initial(module: nn.Module, seed: int, *inputs: jax.ShapeDtypeStruct) -> dict[str, Any]:
  """As `module.init`, in one program; nothing is computed (and compiled) of an answer."""
  return jax.jit(lambda key: module.lazy_init(key, *inputs))(jax.random.key(seed))


def start(variables: dict[str, Any], optimiser: optax.GradientTransformation) -> State:
  """The state before the first step, from what `module.init` returns."""
  params = variables["params"]
  return State(jnp.zeros((), jnp.int32), params, variables.get("batch_stats", {}), optimiser.init(params))


def variables(state: State) -> dict[str, Any]:
  """As `module.apply` takes them, on this process."""
  return {"params": to_host(state.params), "batch_stats": to_host(state.stats)}


def free(params: Any) -> Any:
  """No constraint on the parameters."""
  return params


def update(loss: Loss, optimiser: optax.GradientTransformation, constrain: Callable[[Any], Any], seed: int) -> Callable:
  """(state, batch) -> (state, metrics), not compiled.

  constrain: puts the updated parameters back to where they must be (`free`: anywhere).
  What is random in a step (dropout) is a function of the seed and the step, so that a resumed run repeats it.
  """

  def step(state: State, batch: Any) -> tuple[State, dict[str, Any]]:
    key = jax.random.fold_in(jax.random.key(seed), state.step)
    gradient = jax.value_and_grad(loss, has_aux=True)
    (value, (stats, metrics)), grads = gradient(state.params, state.stats, batch, key)
    updates, opt = optimiser.update(grads, state.opt, state.params)
    params = constrain(optax.apply_updates(state.params, updates))
    return State(state.step + 1, params, stats, opt), {"loss": value, **metrics}

  return step


def training_steps(step: Callable, batch: Callable[[Any, Any], Any], layout: Layout) -> Callable:
  """(state, what is stored on the devices, what each of some steps is handed) -> (state, metrics of each step).

  One dispatch, compiled for all devices. The old state's memory is reused: it must not be read again.
  step: see `update`. batch: (stored, handed over) -> batch.
  """

  def steps(state: State, stored: Any, handed: list[Any]) -> tuple[State, dict[str, Any]]:
    if len(handed) > 1:
      return jax.lax.scan(lambda state, own: step(state, batch(stored, own)), state, _stacked(handed))
    state, metrics = step(state, batch(stored, handed[0]))
    return state, jax.tree.map(lambda x: x[None], metrics)

  return jax.jit(
    steps,
    donate_argnums=0,
    out_shardings=(layout.replicated, layout.replicated),
    compiler_options=cpu.compiler_options(),
  )


def _stacked(parts: list[Any]) -> Any:
  return jax.tree.map(lambda *x: jnp.stack(x), *parts)
