"""A noise network learns the patterns of thousands of sensors by heteroscedastic Gaussian likelihood.

Shapes: n tiles of s x s pixels, b of a batch.
"""

import functools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Float16, Int8, UInt8

from fsim.boundary import arrays
from fsim.models import saved
from fsim.models.constrained import constrain
from fsim.models.noise_net import Evidence, NoiseNet
from fsim.prnu.learned import FILE, of_residual
from fsim.prnu.residuals import DEFAULT, compiled_noise
from fsim.systems.noise.examples import LEVEL, Tiles

AT_ONCE = 32  # Tiles that are looked at together when nothing is learned.
BORDER = 8  # Pixels around a tile of which nothing is learned: the network sees no further than that beyond them.
FEW = 30.0  # Nats of a tile below which all count alike; see `objective`.
WARM = 0.02  # Share of the steps in which the learning rate rises; then it falls to 0 as a cosine.


class Seen(NamedTuple):
  """Tiles on the device, with residuals."""

  pixels: UInt8[Array, "n s s 3"]
  residual: Float16[Array, "n s s"]
  pattern: Int8[Array, "n s s"]
  deviation: Float[Array, " n"]


class Training(NamedTuple):
  """How it is trained.

  Attributes:
    until: time at which it ends, as `time.time` gives it.
    batch: tiles a step.
    steps: to a call of the compiled program.
    learning_rate: the largest.
    reports: how often the held-out tiles are measured and the weights are written.
    seed: of all that is random.
  """

  until: float
  batch: int = 16
  steps: int = 100
  learning_rate: float = 2e-3
  reports: int = 8
  seed: int = 0


def seen(tiles: Tiles) -> Seen:
  pixels = jnp.asarray(arrays.filled(tiles.pixels, AT_ONCE))
  found = jnp.concatenate([_residuals(pixels[k : k + AT_ONCE]) for k in range(0, len(pixels), AT_ONCE)])
  count = len(tiles.pixels)
  return Seen(pixels[:count], found[:count], jnp.asarray(tiles.pattern), jnp.asarray(tiles.deviation))


@jax.jit
def _residuals(pixels: UInt8[Array, "b s s 3"]) -> Float16[Array, "b s s"]:
  return compiled_noise(pixels, DEFAULT).astype(jnp.float16)


def gains(found: Evidence, pattern: Float[Array, "b s s"], deviation: Float[Array, " b"]) -> tuple[Array, Array]:
  """Nats a tile by which the pattern is likelier under the posterior than under the prior: found, and expected.

  pattern: in standard deviations of the sensor, which are the prior.
  """
  scale = deviation[:, None, None]
  ratio = 1 + found.precision * scale**2  # Of the prior's variance to that of the posterior.
  mean = found.information * scale / ratio
  gained = (pattern**2 - (pattern - mean) ** 2 * ratio + jnp.log(ratio)) / 2
  inner = np.s_[:, BORDER:-BORDER, BORDER:-BORDER]
  return gained[inner].sum((1, 2)), jnp.log(ratio)[inner].sum((1, 2)) / 2


def objective(params: Any, net: NoiseNet, batch: Seen) -> tuple[Float[Array, ""], Float[Array, " b"]]:
  """Negative log-likelihood, each tile weighted as if its logarithm counted: smooth and small files matter as much.

  A tile's weight is 1 / (FEW + what the network expects to gain), which does not depend on the pattern, so that the
  likelihood keeps its maximum.
  """
  found = of_residual(batch.pixels, batch.residual.astype(jnp.float32), net, {"params": params})
  gained, expected = gains(found, batch.pattern.astype(jnp.float32) * LEVEL, batch.deviation)
  return -(gained / jax.lax.stop_gradient(FEW + expected)).mean(), gained


def learn(data: Seen, held_out: Seen, net: NoiseNet, how: Training, out: Path) -> dict[str, Any]:
  """Trains until the time is over. Weights and curves lie in `out` from the first report on."""
  first = Seen(*(part[:1] for part in data))
  params = net.init(jax.random.key(how.seed), first.pixels, *jnp.ones((2, *first.residual.shape)))["params"]
  optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.scale_by_adam(b2=0.99))
  state, lines, calls = (params, optimiser.init(params)), [], 0
  begun = share = pace = 0.0
  while share < 1:
    keys = jax.random.split(jax.random.fold_in(jax.random.key(how.seed), calls), how.steps)
    state, gained = _steps(state, keys, _rates(share, pace, how), data, net, optimiser, how.batch)
    gained.block_until_ready()
    calls += 1
    if calls == 1:  # Mostly compilation, which does not count.
      begun = time.time()
    pace = min((time.time() - begun) / max(how.until - begun, 1e-3), 1.0) - share
    share += pace
    if share >= min(1.0, len(lines) / how.reports):
      line = {"step": calls * how.steps, "seconds": time.time() - begun, "train": float(gained.mean())}
      lines.append(line | measured(state[0], held_out, net))
      print(lines[-1], flush=True)
      saved.save(out / FILE, {"params": state[0]})
      (out / "noise_curve.json").write_text(json.dumps(lines))
  return {"params": state[0]}


def _rates(share: float, pace: float, how: Training) -> Float[np.ndarray, " k"]:
  """Learning rates of the next steps, if the next call takes as much of the time as the last one."""
  at = np.linspace(share, min(share + pace, 1.0), how.steps)
  return (how.learning_rate * np.minimum(at / WARM, (1 + np.cos(np.pi * at)) / 2)).astype(np.float32)


@functools.partial(jax.jit, static_argnames=("net", "optimiser", "size"), donate_argnums=0)
def _steps(
  state: tuple, keys: Array, rates: Float[Array, " k"], data: Seen, net: NoiseNet, optimiser: Any, size: int
) -> tuple[tuple, Float[Array, " k"]]:
  def step(state: tuple, at: tuple) -> tuple:
    params, opt = state
    key, rate = at
    batch = turned(drawn(key, data, size), jax.random.fold_in(key, 1))
    slope, gained = jax.grad(objective, has_aux=True)(params, net, batch)
    updates, opt = optimiser.update(slope, opt)
    params = constrain(optax.apply_updates(params, jax.tree.map(lambda u: -rate * u, updates)))
    return (params, opt), gained.mean()

  return jax.lax.scan(step, state, (keys, rates))


def drawn(key: Array, data: Seen, size: int) -> Seen:
  rows = jax.random.randint(key, (size,), 0, len(data.pixels))
  return Seen(*(part[rows] for part in data))


def turned(batch: Seen, key: Array) -> Seen:
  """Mirrored and transposed at random, which neither scenes nor sensors mind."""
  down, across, swapped = jax.random.bernoulli(key, shape=(3,))

  def one(x: Array) -> Array:
    x = jnp.where(down, x[:, ::-1], x)
    x = jnp.where(across, x[:, :, ::-1], x)
    return jnp.where(swapped, x.swapaxes(1, 2), x)

  return Seen(*map(one, batch[:3]), batch.deviation)


def measured(params: Any, data: Seen, net: NoiseNet) -> dict[str, float]:
  """Nats that tiles gain and that the network expects: means, and what nine of ten gain."""
  found = [np.asarray(_gains(params, some, net)) for some in batches(data)]
  gained, expected = np.concatenate(found, 1)[:, : len(data.pixels)]
  return {"gained": float(gained.mean()), "expected": float(expected.mean()), "least": float(np.quantile(gained, 0.1))}


def batches(data: Seen) -> Iterator[Seen]:
  """AT_ONCE tiles each; the last ones are repeated in the last."""
  for k in range(0, len(data.pixels), AT_ONCE):
    rows = np.minimum(np.arange(k, k + AT_ONCE), len(data.pixels) - 1)
    yield Seen(*(part[rows] for part in data))


@functools.partial(jax.jit, static_argnames="net")
def _gains(params: Any, batch: Seen, net: NoiseNet) -> Float[Array, "2 b"]:
  found = of_residual(batch.pixels, batch.residual.astype(jnp.float32), net, {"params": params})
  return jnp.stack(gains(found, batch.pattern.astype(jnp.float32) * LEVEL, batch.deviation))
