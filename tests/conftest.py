"""Shared by all tests: where real photographs are, a private home for data sets, and quiet, repeatable properties."""

from pathlib import Path

import pytest
from absl import flags
from hypothesis import settings

from tests import commands

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
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
  """Where the tests of one session keep their data sets."""
  return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, data: Path) -> Path:
  """The folder of a run with the settings that a test file names in QUICK."""
  return commands.finished(request.module.QUICK, tmp_path_factory.mktemp("finished"), data)


@pytest.fixture(scope="session", autouse=True)
def _memory_of_tests():
  """Commands that are called by a test do not keep the memory of its process for ever: others measure theirs."""
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr("fsim.cpu.keep_memory", lambda: None)
    yield


TRAINING = ("end_to_end", "mobile", "model", "parallel", "patch", "prnu_study", "sixth_system", "slurm", "sweep")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
  """What CI leaves out on a second Python."""
  for item in items:
    if item.path.stem.removeprefix("test_") in TRAINING:
      item.add_marker(pytest.mark.trains)
