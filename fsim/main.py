"""python -m fsim.main --config=configs/device.py [--workdir=DIR] [--config.FIELD=VALUE ...]"""

import re
import signal
import sys
from pathlib import Path

from absl import app, flags, logging
from ml_collections import config_flags

from fsim import cpu, experiment, run
from fsim.train import AGAIN, mesh
from fsim.train.stop import Stopped

USAGE = 2  # Exit code of a command line that cannot be understood.
CONFIG = config_flags.DEFINE_config_file("config", None, "A Python file that defines get_config().")
WORKDIR = flags.DEFINE_string("workdir", None, "The run folder; by default runs/ and the name of the configuration.")


def main(argv: list[str]) -> int:
  workdir = Path(WORKDIR.value or Path("runs") / _name(config_flags.get_config_filename(flags.FLAGS["config"])))
  mesh.join()
  for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, _stop)
  try:
    run.open_run(workdir, CONFIG.value)
    page = experiment.SYSTEMS[CONFIG.value.system](CONFIG.value, workdir)
  except Stopped as stopped:
    print(f"fsim: {stopped}")
    return AGAIN
  except (ValueError, OSError, FloatingPointError) as error:
    logging.debug("where it came from", exc_info=True)
    print(f"fsim: {error}", file=sys.stderr)
    return 1
  print(f"report: {page}")
  return 0


def _stop(number: int, frame: object) -> None:
  """Between phases nothing is under way that the same command would not do again; training has a handler of its own."""
  raise Stopped("stopped between phases; the same command goes on from there")


def parse(argv: list[str]) -> list[str]:
  """Reads the flags; a mistake in them ends the program with one message instead of a traceback."""
  try:
    rest = flags.FLAGS([_with_installed_config(argument) for argument in argv])
    if CONFIG.value is None:
      raise ValueError("--config is missing; give one, for example --config=configs/device.py")
    CONFIG.value.to_json()  # A file that could not be loaded says so here.
    if rest[1:]:
      raise ValueError(f"unexpected argument {rest[1]!r}; settings are given as --config.FIELD=VALUE")
  except AttributeError as error:
    _refuse(f"the configuration has no such field: {_said(error)}")
  except (flags.Error, OSError, ValueError) as error:
    _refuse(_said(error))
  return rest


def _with_installed_config(argument: str) -> str:
  """Lets --config=configs/device.py name the installed file where the working directory has none of that name."""
  match = re.fullmatch(r"(--?config=)([^:]+)(:.*)?", argument)
  installed = Path(__file__).parent / match[2] if match else None
  if not match or Path(match[2]).exists() or not installed.exists():
    return argument
  print(f"fsim: using the installed {installed}", file=sys.stderr)
  return f"{match[1]}{installed}{match[3] or ''}"


def _name(config_file: str) -> str:
  path, _, mode = config_file.partition(":")
  return Path(path).stem + (f"-{mode}" if mode else "")


def _said(error: Exception) -> str:
  """What a library means by an error: the cause that it wraps, or the last line where the others are a traceback."""
  while error.args and isinstance(error.args[0], Exception):
    error = error.args[0]
  text = str(error.args[0] if isinstance(error, KeyError) else error)
  return text.strip().splitlines()[-1].strip() if "Traceback" in text else text.replace("\n", " ")


def _refuse(message: str) -> None:
  print(f"fsim: {message}", file=sys.stderr)
  sys.exit(USAGE)


if __name__ == "__main__":
  cpu.keep_memory()
  logging.set_verbosity(logging.WARNING)  # Of the libraries; --verbosity=0 tells all.
  app.run(main, flags_parser=parse)
