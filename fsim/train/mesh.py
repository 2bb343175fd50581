"""One program for one device and many: a mesh of all devices and two ways to lay an array on it."""

import hashlib
import os
import signal
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from fsim.boundary import shares


class Layout(NamedTuple):
  """`replicated` repeats an array on each device, `data_parallel` divides its first axis among them."""

  replicated: NamedSharding
  data_parallel: NamedSharding


def initialize_distributed() -> None:
  """Joins the other processes of the run, if a launcher says in the environment that there are any.

  JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES, JAX_PROCESS_ID: this process among them; JAX also reads
  JAX_LOCAL_DEVICE_IDS, and takes all devices that it sees without it.
  FSIM_CLUSTER=detect: JAX finds the others itself, as on a TPU pod slice.
  """
  if "JAX_COORDINATOR_ADDRESS" in os.environ:
    share = shares.told()
    # Without detection: inside a SLURM job it would give each process one device only.
    jax.distributed.initialize(num_processes=share.count, process_id=share.index, cluster_detection_method="deactivate")
  elif os.environ.get("FSIM_CLUSTER") == "detect":
    jax.distributed.initialize()
  else:
    return
  # JAX has put its own handler in place of the command's, which lets a run save and end.
  signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGTERM) or signal.SIG_DFL)


def layout() -> Layout:
  mesh = jax.make_mesh((jax.device_count(),), ("data",), axis_types=(AxisType.Auto,))
  return Layout(NamedSharding(mesh, PartitionSpec()), NamedSharding(mesh, PartitionSpec("data")))


def put(local: Any, sharding: NamedSharding) -> Any:
  """Arrays of this process -> global arrays. Under `data_parallel` each process brings its own block of the batch."""
  return jax.tree.map(lambda x: jax.make_array_from_process_local_data(sharding, np.asarray(x)), local)


def hand(local: Any, sharding: NamedSharding) -> Any:
  """The same for what a compiled function is called with once: for one device JAX does it in the call, and faster."""
  return local if sharding.mesh.size == 1 else put(local, sharding)


def to_host(tree: Any) -> Any:
  """Replicated global arrays -> numpy arrays on every process."""
  return jax.tree.map(lambda x: np.asarray(x.addressable_data(0)), tree)


def from_first(make: Callable[[], Any], like: Any) -> Any:
  """What the first process makes, on every process; `like` has its shape and type for the others."""
  return multihost_utils.broadcast_one_to_all(make() if jax.process_index() == 0 else like)


def everyone(claim: bool) -> bool:
  """Whether it holds on every process; each waits for all."""
  if jax.process_count() == 1:
    return claim
  return bool(multihost_utils.process_allgather(np.asarray(claim)).all())


def digest(tree: Any) -> str:
  """SHA-256 of the numbers of all its arrays, in hexadecimal."""
  found = hashlib.sha256()
  for leaf in jax.tree.leaves(to_host(tree)):
    found.update(np.ascontiguousarray(leaf).tobytes())
  return found.hexdigest()
