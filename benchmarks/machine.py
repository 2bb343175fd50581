"""What a machine can do at best: a copy's rate for memory, a square matrix product's for arithmetic."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class Best(NamedTuple):
  """bytes_per_second: read and written. flops_per_second: of a product in JAX's default arithmetic for float32."""

  bytes_per_second: float
  flops_per_second: float


def best() -> Best:
  is_cpu = jax.default_backend() == "cpu"
  size, side = (1 << 26, 1024) if is_cpu else (1 << 30, 8192)
  x = jnp.zeros(size // 4, jnp.float32)
  factor = jax.random.normal(jax.random.key(0), (side, side))
  return Best(
    2 * size / seconds(jax.jit(lambda x: x + 1), x), 2 * side**3 / seconds(jax.jit(jnp.matmul), factor, factor)
  )


def seconds(call: Callable[..., Any], *arguments: Any, calls: int = 10) -> float:
  """Of a call, the best of three turns."""
  jax.block_until_ready(call(*arguments))
  found = []
  for _ in range(3):
    began = time.perf_counter()
    for _ in range(calls):
      made = call(*arguments)
    jax.block_until_ready(made)
    found.append((time.perf_counter() - began) / calls)
  return min(found)
