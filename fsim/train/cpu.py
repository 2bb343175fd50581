"""What JAX needs to use a CPU well. None of it changes results, and none of it touches a GPU or a TPU."""

import ctypes
import platform

import jax
import jaxlib

M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8  # From glibc's malloc.h.


def compiler_options() -> dict[str, str]:
  """For `jax.jit(..., compiler_options=...)` of anything with convolutions.

  jaxlib 0.10.2 runs a convolution without padding, and so each gradient with respect to a kernel, on one core.
  """
  if jax.default_backend() != "cpu" or jaxlib.__version__ != "0.10.2":
    return {}
  return {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_INDIVIDUAL_DOT,LIBRARY_FUSION_TYPE_REDUCE"}


def keep_memory() -> None:
  """Lets glibc keep large blocks for the next step instead of returning them to the kernel. Call before any array."""
  if platform.libc_ver()[0] != "glibc":
    return
  libc = ctypes.CDLL(None)
  libc.mallopt(M_MMAP_MAX, 0)
  libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
  libc.mallopt(M_ARENA_MAX, 1)
