"""Trains and evaluates one of the five systems.

  fsim train configs/device.py[:MODE] [--workdir=DIR] [--config.FIELD=VALUE ...] [--json]
  fsim train configs/device.py[:MODE] --help             the fields, what they mean and their values

--config=configs/device.py says the same as the configuration in the first place. --json prints the run's folder, page
and measures as JSON. By default the run folder is runs/ and the name of the configuration. A run that was interrupted
goes on when the same command is given again. FSIM_DEBUG=1 shows the traceback behind a message, and what the libraries
have to say.
"""

import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fsim.boundary import console, waking
from fsim.boundary.errors import UserError

HELP, JSON = {"-h", "-help", "--help"}, "--json"
CONFIG = re.compile(r"--?config(=(?P<file>.*))?", re.DOTALL)
MISSING = "the configuration is missing; give one, for example fsim train configs/device.py"


def main(arguments: Sequence[str]) -> int:
  file, rest = config_file(arguments)
  file = None if file is not None and not file.partition(":")[0] else file  # A variable of the shell that is not set.
  with waking.importing():
    from fsim.commands import fields
  if HELP & set(arguments):
    console.say(fields.described(*_split(file)) if file else f"{__doc__.strip()}\n\n{fields.listed()}")
    return console.ANSWERED
  if file is None:
    return _refused(MISSING)
  return train(*_split(file), [argument for argument in rest if argument != JSON], JSON in rest)


def train(path: Path, mode: str, rest: Sequence[str], as_json: bool) -> int:
  with waking.importing():
    from absl import flags

    from fsim import systems
    from fsim.commands import flagged
  try:
    loaded = flagged.loaded(path, mode)
    try:
      config, workdir = flagged.parse(loaded, rest)
    except (AttributeError, LookupError, TypeError) as error:  # Of a field of a field that is none.
      return _refused(f"the configuration has no such field: {_said(error)}")
  except (flags.Error, ValueError) as error:
    if isinstance(error, UserError):
      raise
    return _refused(_said(error))
  system = config.get("system")
  if system not in systems.SYSTEMS:
    raise UserError(f"the configuration's system must be one of {', '.join(systems.SYSTEMS)}, got {system!r}")
  with waking.importing():
    import jax

    from fsim.train import mesh

    chosen = systems.system(system)
  prepare()
  mesh.initialize_distributed()
  workdir = workdir or Path("runs") / (path.stem + (f"-{mode}" if mode else ""))
  page = chosen.run(config, workdir)
  if not as_json:
    console.say(f"report: {page}")
  elif jax.process_index() == 0:
    console.say(console.to_json(answer(system, workdir, page, chosen.numbers(workdir))))
  return console.ANSWERED


def answer(system: str, workdir: Path, page: Path, numbers: dict[str, float]) -> dict[str, Any]:
  """What a run has found, as JSON has it: a measure that is not defined is null."""
  defined = {name: value if math.isfinite(value) else None for name, value in numbers.items()}
  return {"system": system, "workdir": str(workdir), "page": str(page), "numbers": defined}


def prepare() -> None:
  """Sets this process up: its memory, and what the libraries say."""
  from absl import logging

  from fsim import cpu

  cpu.keep_memory()
  logging.use_absl_handler()
  logging.set_verbosity(logging.INFO if os.environ.get(console.DEBUG) else logging.WARNING)


def config_file(arguments: Sequence[str]) -> tuple[str | None, list[str]]:
  """The value of --config=FILE, of --config FILE or in the first place (the last one counts), and the other arguments.

  None without any.
  """
  found = arguments[0] if arguments and not arguments[0].startswith("-") else None
  rest, values = [], iter(arguments if found is None else arguments[1:])
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
