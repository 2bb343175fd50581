"""A network's variables as plain arrays in an .npz file: to use a network without the run that trained it."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import traverse_util


def save(path: Path, variables: dict[str, Any]) -> None:
  """`variables` as `module.apply` takes them; every array is named by its path, such as params/Conv_0/kernel."""
  np.savez(path, **traverse_util.flatten_dict(jax.tree.map(np.asarray, variables), sep="/"))


def load(path: Path) -> dict[str, Any]:
  """Reads no pickle, so the file may come from anybody."""
  with np.load(path, allow_pickle=False) as stored:
    return traverse_util.unflatten_dict({name: stored[name] for name in stored.files}, sep="/")
