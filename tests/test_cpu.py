import platform
import subprocess
import sys
from importlib.metadata import EntryPoint

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from fsim import cpu
from fsim.cpu import keep_memory  # Which conftest.py takes away from the commands.

FAULTS = """
import resource
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from fsim import cpu

def step(_):
  [np.ones(2**21, np.float32) for _ in range(4)]  # 8 MiB each.

def faults(n):
  before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
  with ThreadPoolExecutor(1) as own:  # XLA's memory is asked for by its own threads.
    list(own.map(step, range(n)))
  return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

{keep}
faults(2)
print(faults(5))
"""


def faults(keep: str) -> int:
  ran = subprocess.run([sys.executable, "-c", FAULTS.format(keep=keep)], capture_output=True, text=True, check=True)
  return int(ran.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the settings are glibc's")
def test_a_block_that_was_freed_is_used_again_without_page_faults(monkeypatch):
  monkeypatch.setenv("JAX_PLATFORMS", "cpu")
  assert faults("cpu.keep_memory()") * 20 < faults("")


@pytest.fixture
def untouchable_malloc(monkeypatch):
  def refuse(name):
    raise AssertionError("malloc was changed")

  monkeypatch.setattr(cpu.ctypes, "CDLL", refuse)


@pytest.mark.usefixtures("untouchable_malloc")
def test_memory_is_left_alone_where_an_accelerator_is_asked_for():
  asked_for = jax.config.jax_platforms
  jax.config.update("jax_platforms", "cuda,cpu")
  try:
    keep_memory()
  finally:
    jax.config.update("jax_platforms", asked_for)


@pytest.mark.usefixtures("untouchable_malloc")
def test_memory_is_left_alone_where_an_accelerator_is_installed(monkeypatch):
  plugin = EntryPoint("cuda12", "jax_plugins.xla_cuda12", "jax_plugins")
  monkeypatch.setattr(cpu, "entry_points", lambda group: [plugin])
  asked_for = jax.config.jax_platforms
  jax.config.update("jax_platforms", None)
  try:
    keep_memory()
  finally:
    jax.config.update("jax_platforms", asked_for)


def test_options_are_left_alone_on_other_backends_and_versions(monkeypatch):
  with monkeypatch.context() as patch:
    patch.setattr(jax, "default_backend", lambda: "gpu")
    assert cpu.compiler_options() == {}
  for version, known in (((0, 10, 1), False), ((0, 10, 2), True), ((0, 11, 2), True), ((0, 12, 0, 1), False)):
    monkeypatch.setattr(cpu.jaxlib.version, "__version_info__", version)
    assert bool(cpu.compiler_options()) == known


def test_options_change_no_value_and_no_gradient():
  """Also that this jaxlib knows them: an unknown option raises."""
  x = jax.random.normal(jax.random.key(0), (2, 17, 16, 8))
  kernel = jax.random.normal(jax.random.key(1), (5, 5, 8, 16))

  def energy(x, kernel):
    y = lax.conv_general_dilated(x, kernel, (2, 2), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return jnp.tanh(y - y.mean((0, 1, 2))).sum()

  step = jax.value_and_grad(energy, (0, 1))
  plain = jax.jit(step)(x, kernel)
  tuned = jax.jit(step, compiler_options=cpu.compiler_options())(x, kernel)
  jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), plain, tuned)


@pytest.mark.skipif(not cpu.compiler_options(), reason="this jaxlib keeps its defaults")
def test_convolutions_go_to_the_kernel_that_uses_all_cores_and_reductions_stay():
  def program(options):
    def f(x, kernel):
      y = lax.conv_general_dilated(x, kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))
      return y, x.sum((0, 1, 2))

    shapes = jnp.zeros((16, 31, 31, 64)), jnp.zeros((5, 5, 64, 64))
    return jax.jit(f, compiler_options=options).lower(*shapes).compile().as_text()

  kept = [line for line in program(cpu.compiler_options()).splitlines() if "__ynn_fusion" in line]
  default = [line for line in program({}).splitlines() if "__ynn_fusion" in line]
  assert 0 < len(kept) < len(default)
