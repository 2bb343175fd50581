"""Python files that users give: configurations and sweeps, by their path or by the name of an installed one.

They may say `from fsim.configs import common`, wherever they lie.
"""

import importlib.util
import sys
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


def load(file: Path, *names: str) -> ModuleType:
  """Runs the file. Raises UserError for one that is not Python, or does not define these names."""
  provide()
  spec = importlib.util.spec_from_file_location(file.stem, file)
  if spec is None:
    raise UserError(f"{shown(file)}: not a Python file, *.py")
  module = importlib.util.module_from_spec(spec)
  try:
    spec.loader.exec_module(module)
  except SyntaxError as error:
    raise UserError(f"{shown(file)}, line {error.lineno}: {error.msg}") from error
  missing = [name for name in names if not hasattr(module, name)]
  if missing:
    raise UserError(f"{shown(file)}: it does not define {' and '.join(missing)}")
  return module
