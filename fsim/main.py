"""Trains and evaluates one of the five systems.

  python -m fsim.main --config=configs/device.py[:MODE] [--workdir=DIR] [--config.FIELD=VALUE ...]

The configurations say what their fields mean and which modes they have; by default the run folder is runs/ and the name
of the configuration. A run that was interrupted goes on when the same command is given again. Exit codes:
docs/reliability.md. FSIM_DEBUG=1 shows the traceback behind a message, and what the libraries have to say.
"""

if __name__ == "__main__":
  from fsim.boundary import waking  # noqa: F401

import importlib.util
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags, logging
from ml_collections import ConfigDict, config_flags

from fsim import cpu, systems
from fsim.boundary import console
from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.train import mesh

HELP = ("-h", "-help", "--help")
CONFIG = re.compile(r"--?config(=(?P<file>.*))?", re.DOTALL)
MISSING = "--config is missing; give one, for example --config=configs/device.py"


def main(arguments: Sequence[str]) -> int:
  if set(arguments) & set(HELP):
    console.say(__doc__.strip())
    return console.ANSWERED
  file, rest = config_file(arguments)
  if file is None:
    return _refused(MISSING)
  path, _, mode = file.partition(":")
  try:
    config, workdir = parse(loaded(console.path(path), mode), rest)
  except AttributeError as error:
    return _refused(f"the configuration has no such field: {_said(error)}")
  except (flags.Error, ValueError) as error:
    if isinstance(error, UserError):
      raise
    return _refused(_said(error))
  system = config.get("system")
  if system not in systems.SYSTEMS:
    raise UserError(f"the configuration's system must be one of {', '.join(systems.SYSTEMS)}, got {system!r}")
  mesh.join()
  workdir = workdir or Path("runs") / (Path(path).stem + (f"-{mode}" if mode else ""))
  console.say(f"report: {systems.system(system).run(config, workdir)}")
  return console.ANSWERED


def config_file(arguments: Sequence[str]) -> tuple[str | None, list[str]]:
  """The value of --config=FILE or --config FILE (the last one counts; None without), and the other arguments."""
  found, rest, values = None, [], iter(arguments)
  for argument in values:
    match = CONFIG.fullmatch(argument)
    if match:
      found = match["file"] if match[1] else next(values, None)
    else:
      rest.append(argument)
  return found, rest


def loaded(path: Path, mode: str) -> ConfigDict:
  """What get_config(mode) of a file returns. Raises UserError for a file that is not Python, ValueError as it does."""
  path = existing(path)
  spec = importlib.util.spec_from_file_location("config", path)
  if spec is None:
    raise UserError(f"{shown(path)}: a configuration is a Python file, *.py")
  module = importlib.util.module_from_spec(spec)
  try:
    spec.loader.exec_module(module)
  except SyntaxError as error:
    raise UserError(f"{shown(path)}, line {error.lineno}: {error.msg}") from error
  if not hasattr(module, "get_config"):
    raise UserError(f"{shown(path)}: no configuration: it does not define get_config()")
  config = module.get_config(*[mode] if mode else [])
  if not isinstance(config, ConfigDict):
    raise UserError(f"{shown(path)}: get_config() must return a ConfigDict")
  return config.lock()


def parse(config: ConfigDict, arguments: Sequence[str]) -> tuple[ConfigDict, Path | None]:
  """The settings, and the run folder if it was given. Raises what absl and ml_collections raise for a mistake."""
  arguments = [sys.argv[0], *arguments]
  values = flags.FlagValues()
  chosen = config_flags.DEFINE_config_dict("config", config, flag_values=values, sys_argv=arguments)
  workdir = flags.DEFINE_string("workdir", None, "The run folder.", flag_values=values)
  rest = values(arguments)
  if rest[1:]:
    raise ValueError(f"unexpected argument {rest[1]!r}; settings are given as --config.FIELD=VALUE")
  return chosen.value, console.path(workdir.value) if workdir.value else None


def existing(file: Path) -> Path:
  """The file, or the installed one where configs/NAME is not in the working directory. Raises UserError."""
  if file.is_file():
    return file
  here = Path(__file__).parent
  for installed in (here / file, here.parent / file):  # In a copy of the sources, configs lies beside fsim.
    if file.parts[:1] == ("configs",) and installed.is_file():
      console.note(f"using the installed {shown(installed)}")
      return installed
  raise UserError(f"{shown(file)}: no such configuration file")


def _said(error: Exception) -> str:
  """What a library means by an error: the cause that it wraps."""
  while error.args and isinstance(error.args[0], Exception):
    error = error.args[0]
  return str(error.args[0] if isinstance(error, KeyError) else error).replace("\n", " ")


def _refused(message: str) -> int:
  console.note(message)
  return console.USAGE


if __name__ == "__main__":
  cpu.keep_memory()
  logging.use_absl_handler()
  logging.set_verbosity(logging.INFO if os.environ.get(console.DEBUG) else logging.WARNING)  # Of the libraries.
  console.leave(console.run(main, sys.argv[1:]))
