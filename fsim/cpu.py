"""What JAX needs to use a CPU well. None of it changes results, and none of it touches a GPU or a TPU.

Measurements are in docs/speed.md; `python -m benchmarks.cures` repeats them, with each cure left out in turn.
"""

import ctypes
import platform
from importlib.metadata import entry_points
from importlib.util import find_spec

import jax
import jaxlib

FIRST, LAST = (0, 10, 2), (0, 11)  # Versions of JAX whose convolutions gain, docs/speed.md.
# What is left to the kernels that use one core: all that goes to them by default, but for convolutions.
CONVOLUTIONS = {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,LIBRARY_FUSION_TYPE_REDUCE"}
M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8  # From glibc's malloc.h.


def compiler_options() -> dict[str, str]:
  """For `jax.jit(..., compiler_options=...)` of anything with convolutions.

  JAX gives convolutions to a kernel that uses one core. Left out of the list of what goes there (dot products and
  reductions stay, which gain), they go back to the kernel that uses all: training steps are 1.5 to 1.7 times as fast
  with 0.10.2, 1.1 times with 0.11; 0.12 is as fast without. A version that was not measured has perhaps another list,
  and keeps its own; `python -m benchmarks.cures` says whether it still needs this.
  """
  version = jaxlib.version.__version_info__
  if jax.default_backend() != "cpu" or version < FIRST or version[:2] > LAST:
    return {}
  return dict(CONVOLUTIONS)


def keep_memory() -> None:
  """Lets glibc keep large blocks for the next step, which otherwise begins with a page fault for every 4 KiB of them.

  Call it early. Nothing happens where JAX may choose an accelerator, or without glibc. The process then keeps the most
  memory that it ever used.
  """
  if _may_use_accelerator() or platform.libc_ver()[0] != "glibc":
    return
  libc = ctypes.CDLL(None)
  libc.mallopt(M_MMAP_MAX, 0)
  libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
  libc.mallopt(M_ARENA_MAX, 1)


def _may_use_accelerator() -> bool:
  """Told from what is installed: to ask JAX would start its backends, too early for `jax.distributed`."""
  if jax.config.jax_platforms:
    return jax.config.jax_platforms.split(",")[0] != "cpu"
  return bool(entry_points(group="jax_plugins")) or find_spec("libtpu") is not None
