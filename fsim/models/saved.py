"""A network's variables as plain arrays in an .npz file: to use a network without the run that trained it."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import linen as nn
from flax import traverse_util
from jaxtyping import Array, Shaped

from fsim.boundary import arrays, outputs
from fsim.boundary.inputs import Unreadable

LIMIT = 1 << 28  # Bytes of a file: the largest network here has fewer than 20 million parameters.


def save(path: Path, variables: dict[str, Any]) -> None:
  """`variables` as `module.apply` takes them; every array is named by its path, such as params/Conv_0/kernel."""
  outputs.replace(path, to_bytes(variables))


def to_bytes(variables: dict[str, Any]) -> bytes:
  return arrays.to_npz(traverse_util.flatten_dict(jax.tree.map(np.asarray, variables), sep="/"))


def load(path: Path, module: nn.Module, *inputs: Shaped[Array, "..."], optional: bool = False) -> dict[str, Any]:
  """The variables of a module that takes these inputs; {} from a file without arrays if they are `optional`.

  Raises Unreadable for every other file: names, shapes and types must be the module's, and all numbers finite.
  """
  found = arrays.read_npz(path, limit=LIMIT)
  if optional and not found:
    return {}
  expected = traverse_util.flatten_dict(jax.eval_shape(module.init, jax.random.key(0), *inputs), sep="/")
  for name in sorted(found.keys() ^ expected.keys())[:1]:
    raise Unreadable(path, f"the array {name!r} " + ("is missing" if name in expected else "is none of this network"))
  for name, like in expected.items():
    if (found[name].shape, found[name].dtype) != (like.shape, like.dtype):
      got, wanted = (f"{array.dtype} of shape {array.shape}" for array in (found[name], like))
      raise Unreadable(path, f"the array {name!r} must be {wanted}, and is {got}")
    if name.endswith("/var") and (found[name] < 0).any():  # Of a BatchNorm.
      raise Unreadable(path, f"the array {name!r} holds a negative variance")
  return traverse_util.unflatten_dict(found, sep="/")
