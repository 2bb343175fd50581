"""Trains and evaluates one of the five systems.

  fsim train --config=configs/device.py[:MODE] [--workdir=DIR] [--config.FIELD=VALUE ...]
  fsim train --config=configs/device.py[:MODE] --help             the fields, what they mean and their values

By default the run folder is runs/ and the name of the configuration. A run that was interrupted goes on when the same
command is given again. FSIM_DEBUG=1 shows the traceback behind a message, and what the libraries have to say.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from fsim.boundary import console, waking
from fsim.boundary.errors import UserError

HELP = {"-h", "-help", "--help"}
CONFIG = re.compile(r"--?config(=(?P<file>.*))?", re.DOTALL)
MISSING = "--config is missing; give one, for example --config=configs/device.py"


def main(arguments: Sequence[str]) -> int:
  file, rest = config_file(arguments)
  with waking.importing():
    from fsim.commands import fields
  if HELP & set(arguments):
    console.say(fields.described(*_split(file)) if file else f"{__doc__.strip()}\n\n{fields.listed()}")
    return console.ANSWERED
  if file is None:
    return _refused(MISSING)
  return train(*_split(file), rest)


def train(path: Path, mode: str, rest: Sequence[str]) -> int:
  with waking.importing():
    from absl import flags

    from fsim import systems
    from fsim.commands import flagged
  try:
    config, workdir = flagged.parse(flagged.loaded(path, mode), rest)
  except AttributeError as error:
    return _refused(f"the configuration has no such field: {_said(error)}")
  except (flags.Error, ValueError) as error:
    if isinstance(error, UserError):
      raise
    return _refused(_said(error))
  system = config.get("system")
  if system not in systems.SYSTEMS:
    raise UserError(f"the configuration's system must be one of {', '.join(systems.SYSTEMS)}, got {system!r}")
  with waking.importing():
    from fsim.train import mesh

    run = systems.system(system).run
  prepare()
  mesh.initialize_distributed()
  workdir = workdir or Path("runs") / (path.stem + (f"-{mode}" if mode else ""))
  console.say(f"report: {run(config, workdir)}")
  return console.ANSWERED


def prepare() -> None:
  """Sets this process up: its memory, and what the libraries say."""
  from absl import logging

  from fsim import cpu

  cpu.keep_memory()
  logging.use_absl_handler()
  logging.set_verbosity(logging.INFO if os.environ.get(console.DEBUG) else logging.WARNING)


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


def _split(file: str) -> tuple[Path, str]:
  path, _, mode = file.partition(":")
  return console.path(path), mode


def _said(error: Exception) -> str:
  """What a library means by an error: the cause that it wraps."""
  while error.args and isinstance(error.args[0], Exception):
    error = error.args[0]
  return str(error.args[0] if isinstance(error, KeyError) else error).replace("\n", " ")


def _refused(message: str) -> int:
  console.note(message)
  return console.USAGE
