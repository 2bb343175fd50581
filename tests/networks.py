"""Networks without training: weights that cost nothing to draw, and answers compiled whole.

`init` and single operations would each be compiled by XLA, hundreds of them for one network.
"""

from functools import cache, partial

import jax
import numpy as np

from fsim.models.constrained import KERNEL, constrain_kernel


def drawn(module, *inputs):
  """Variables as `init` would draw them, scaled so that signals neither vanish nor grow."""
  rng = np.random.default_rng(0)

  def one(path, like):
    if path[-1].key == KERNEL:
      return np.asarray(jax.jit(constrain_kernel)(rng.uniform(0, 1, like.shape).astype(like.dtype)))
    if len(like.shape) > 1:
      return rng.normal(0, np.prod(like.shape[:-1]) ** -0.5, like.shape).astype(like.dtype)
    return np.full(like.shape, path[-1].key in ("scale", "var"), like.dtype)

  return jax.tree_util.tree_map_with_path(one, jax.eval_shape(module.init, jax.random.key(0), *inputs))


def compiled(init):
  """`init` of a class of networks as one program, to put in its place where others call it."""
  return lambda module, *inputs: jax.jit(partial(init, module))(*inputs)


def applied(module, variables, *inputs, rngs=None, **how):
  """What `module.apply` returns."""
  return _program(module, tuple(how.items()))(variables, *inputs, rngs=rngs)


@cache
def _program(module, how):
  """Kept, so that it is traced once however often a network is asked."""
  return jax.jit(partial(module.apply, **dict(how)))
