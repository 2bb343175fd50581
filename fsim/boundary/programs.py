"""Python files that users give: configurations and sweeps, by their path or by the name of an installed one.

They may say `from fsim.configs import common`, wherever they lie.
"""

import contextlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from fsim.boundary import console
from fsim.boundary.errors import UserError
from fsim.boundary.text import shown

FOLDER, PACKAGE, SHARED = "configs", "fsim.configs", "common.py"


def installed() -> Path:
  """The folder of the configurations that came with fsim; in a copy of the sources it lies beside the package."""
  package = Path(__file__).parent.parent
  return next(folder for folder in (package / FOLDER, package.parent / FOLDER) if folder.is_dir())


def listed() -> list[Path]:
  """The configurations that came with fsim, without what they share."""
  return sorted(file for file in installed().glob("[!_]*.py") if file.name != SHARED)


def existing(file: Path) -> Path:
  """The file, or the installed one where configs/NAME is not in the working directory. Raises UserError."""
  if file.is_file():
    return file
  if file.parts[:1] == (FOLDER,):
    here = installed().joinpath(*file.parts[1:])
    if here.is_file():
      console.note(f"using the installed {shown(here)}")
      return here
  raise UserError(f"{shown(file)}: no such file")


def provide() -> None:
  """Makes PACKAGE importable from `installed()`: in a copy of the sources that lies beside fsim and not in it."""
  if PACKAGE not in sys.modules:
    folder = installed()
    places = {"submodule_search_locations": [str(folder)]}
    spec = importlib.util.spec_from_file_location(PACKAGE, folder / "__init__.py", **places)
    sys.modules[PACKAGE] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[PACKAGE])


@contextlib.contextmanager
def running(file: Path, but: type[Exception] = UserError) -> Iterator[None]:
  """Around what a user's file does: what it raises, `but` this, becomes a UserError that names file and line."""
  try:
    yield
  except (UserError, but):
    raise
  except SyntaxError as error:
    other = error.filename not in (None, os.path.abspath(file))  # What it imports, for example.
    place = shown(f"{file}: {error.filename}" if other else file)
    raise UserError(f"{place}, line {error.lineno or 1}: {error.msg}") from error
  except Exception as error:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame.lineno for frame in frames if frame.filename == os.path.abspath(file)]
    place = f"{shown(file)}, line {own[-1]}" if own else shown(file)
    raise UserError(f"{place}: {type(error).__name__}: {shown(error)}") from error


def load(file: Path, *names: str) -> ModuleType:
  """Runs the file. Raises UserError for one that is not Python, that raises, or does not define these names."""
  provide()
  spec = importlib.util.spec_from_file_location(file.stem, file)
  if spec is None:
    raise UserError(f"{shown(file)}: not a Python file, *.py")
  module = importlib.util.module_from_spec(spec)
  with running(file):
    spec.loader.exec_module(module)
  missing = [name for name in names if not hasattr(module, name)]
  if missing:
    raise UserError(f"{shown(file)}: it does not define {' and '.join(missing)}")
  return module
