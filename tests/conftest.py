"""Shared by all tests: what is made or compiled once for all of them, real photographs, repeatable properties."""

import gc
import os
import shutil
import signal
from collections.abc import Callable, Generator
from importlib.metadata import version
from pathlib import Path
from subprocess import CompletedProcess

COMPILED = Path(__file__).parent.parent / ".pytest_cache" / "compiled"  # By JAX, for all processes of all sessions.
MOST = 1 << 28  # Bytes of it, from which on it is begun anew.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(COMPILED))  # Before JAX is imported.
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
# What is compiled is run a few times: to optimise it as far as by default (3) takes twice as long, and gains less.
FLAGS = ["--xla_backend_optimization_level=1"]
if version("jaxlib").startswith("0.10."):  # Later ones refuse the flag.
  FLAGS.append("--xla_cpu_use_fusion_emitters=false")  # Small loops are compiled in half the time, to the same bits.
os.environ.setdefault("XLA_FLAGS", " ".join(FLAGS))

import pytest  # noqa: E402
from absl import flags  # noqa: E402
from hypothesis import settings  # noqa: E402

from fsim.boundary import console  # noqa: E402
from fsim.boundary.lock import alone  # noqa: E402
from tests import commands  # noqa: E402

settings.register_profile("fsim", deadline=None, max_examples=30, derandomize=True)
settings.load_profile("fsim")

flags.FLAGS.mark_as_parsed()  # Grain's worker processes ask for their flags.

REALCAMS = Path(__file__).parent.parent.parent / "shared" / "realcams"


@pytest.fixture(scope="session")
def realcams() -> Path:
  if not REALCAMS.is_dir():
    pytest.skip(f"needs the real photographs of {REALCAMS}")
  return REALCAMS


@pytest.fixture(scope="session")
def common(tmp_path_factory: pytest.TempPathFactory) -> Path:
  """A folder of this session that all its processes share."""
  own = tmp_path_factory.getbasetemp()
  return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def some_realcams(common: Path, realcams: Path) -> Path:
  """At most 14 photographs of each real camera, spread over its scenes, with the table of all: to train in seconds."""
  folder = common / "realcams"
  with alone(folder):
    if not (folder / "realcams.csv").exists():
      devices = sorted({path.name.rsplit("_", 1)[0] for path in (realcams / "natural").iterdir()})
      for device in devices:
        own = sorted((realcams / "natural").glob(f"{device}_*"))
        for path in own[:: -(-len(own) // 14)]:
          shutil.copy(path, folder)
      shutil.copy(realcams / "realcams.csv", folder)
  return folder


@pytest.fixture(scope="session")
def data(common: Path) -> Path:
  """Where the tests of one session keep their data sets."""
  return common / "data"


@pytest.fixture(scope="session")
def run_of(common: Path, data: Path) -> Callable[[str], Path]:
  """`--config=...` -> the folder of a finished run, which is trained once in a session and must not be changed."""

  def run_of(config: str) -> Path:
    folder = common / "finished" / config.rsplit("/", 1)[-1].replace(":", ".")
    with alone(folder):
      if not (folder / "run" / "results.json").exists():
        commands.finished(config, folder, data)
    return folder / "run"

  return run_of


@pytest.fixture(scope="module")
def finished(request: pytest.FixtureRequest, run_of: Callable[[str], Path]) -> Path:
  """That of a run with the settings that a test file names in QUICK."""
  return run_of(request.module.QUICK)


@pytest.fixture(scope="module")
def few_draws():
  """Intervals of a validation from 6 resamplings, of which no test reads how wide they are."""
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr("fsim.evidence.validation.DRAWS", 6)
    yield


@pytest.fixture
def train(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data: Path, tmp_path: Path):
  """`fsim train ARGUMENTS` in the process of the test, which has imported and compiled what it needs."""
  from fsim.commands import train as command

  def train(*arguments: object) -> CompletedProcess:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFDS_DATA_DIR", str(data))
    code = console.run(command.main, list(map(str, arguments)))
    return CompletedProcess(arguments, code, *capsys.readouterr())

  return train


@pytest.fixture(scope="session", autouse=True)
def _memory_of_tests():
  """Commands that are called by a test do not keep the memory of its process for ever: others measure theirs."""
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr("fsim.cpu.keep_memory", lambda: None)
    yield


TRAINING = (
  "end_to_end",
  "mobile",
  "model",
  "parallel",
  "patch",
  "prnu_study",
  "sixth_system",
  "slurm",
  "sweep",
  "weights_make",
)


LONG = (
  "calibrate",
  "calibration",
  "compare",
  "face",
  "feed",
  "link",
  "loop",
  "noise_learning",
  "splits",
  "unseen_cameras",
  "virtual",
  "weights",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
  """Marks what CI leaves out on a second Python. What takes long begins: short files fill the workers' time in the end.

  With --no-loadscope-reorder, or xdist would begin with the files of most tests.
  """
  for item in items:
    if item.path.stem.removeprefix("test_") in TRAINING:
      item.add_marker(pytest.mark.trains)
  items.sort(key=lambda item: (not item.get_closest_marker("trains"), item.path.stem.removeprefix("test_") not in LONG))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, bool, bool]:
  """What tests import lives to the end: it is not looked through for what can be freed, now or later."""
  gc.disable()
  try:
    return (yield)
  finally:
    gc.freeze()
    gc.enable()


def pytest_sessionstart() -> None:
  if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # A shell's background job; what tests start would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
  if sum(path.stat().st_size for path in COMPILED.glob("*")) > MOST and "PYTEST_XDIST_WORKER" not in os.environ:
    shutil.rmtree(COMPILED)
