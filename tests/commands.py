"""Runs the project's commands as a user types them, in a process and a data folder of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ml_collections import ConfigDict

from fsim.boundary import console, programs

ROOT = Path(__file__).parent.parent


def fsim(module: str, *arguments: object, cwd: Path, data: Path, **environment: str) -> subprocess.CompletedProcess:
  return command(f"fsim.{module}", *arguments, cwd=cwd, data=data, **environment)


def command(module: str, *arguments: object, cwd: Path, data: Path, **environment: str) -> subprocess.CompletedProcess:
  return subprocess.run(
    [sys.executable, "-m", module, *map(str, arguments)],
    cwd=cwd,
    env=variables(data, **environment),
    capture_output=True,
    text=True,
    timeout=570,
    check=False,
  )


def variables(data: Path, **environment: str) -> dict[str, str]:
  return os.environ | {"PYTHONPATH": str(ROOT), "TFDS_DATA_DIR": str(data), "JAX_PLATFORMS": "cpu"} | environment


def finished(config: str, folder: Path, data: Path) -> Path:
  """The folder of a run that has ended well; which settings it has read lies beside it (`recording.unread`).

  In this process, which has imported and compiled much of what a run needs.
  """
  from fsim.commands import train  # Here, so that importing this file brings nothing whose shapes pytest is to check.
  from tests import recording

  folder.mkdir(parents=True, exist_ok=True)
  with pytest.MonkeyPatch.context() as patch, recording.noted():
    patch.chdir(folder)
    patch.setenv("TFDS_DATA_DIR", str(data))
    assert console.run(train.main, [config, "--workdir=run"]) == console.ANSWERED
  return folder / "run"


def config(path: Path, mode: str = "") -> ConfigDict:
  """What a configuration file gives, as the command line loads it."""
  return programs.load(path, "get_config").get_config(mode)
