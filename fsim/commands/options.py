"""What the verbs' command lines have in common."""

import argparse
import math
from pathlib import Path

from fsim import weights
from fsim.boundary import console
from fsim.prnu.settings import DEFAULT, NOISES

ALPHA = 1e-4
LEAST_ALPHA = 1e-15  # Below, no double-precision number tells it from 0 over as many hypotheses as are tried.


class Help(argparse.RawDescriptionHelpFormatter):
  """Texts as they are written, and the defaults of the options that have one."""

  def _get_help_string(self, action: argparse.Action) -> str | None:
    has = isinstance(action.default, (str, float)) or type(action.default) is int
    told = not has or action.default == argparse.SUPPRESS or "default" in action.help
    return action.help if told else f"{action.help} (default: %(default)s)"


def parser(verb: str, description: str) -> argparse.ArgumentParser:
  return argparse.ArgumentParser(prog=f"fsim {verb}", description=description, formatter_class=Help)


def add_json(parser: argparse.ArgumentParser) -> None:
  parser.add_argument("--json", action="store_true", help="print the answer as JSON, everything in it")


def add_out(parser: argparse.ArgumentParser, what: str, metavar: str = "DIR", required: bool = True) -> None:
  parser.add_argument("--out", type=console.path, metavar=metavar, required=required, help=what)


def add_run(parser: argparse.ArgumentParser, config: str) -> None:
  parser.add_argument("--run", type=console.path, metavar="DIR", required=True, help=f"a finished run of {config}")


def add_run_or_weights(parser: argparse.ArgumentParser, config: str) -> None:
  """--run, which may be left out where weights ship; `require_run` says whether."""
  told = f"a finished run of {config}; by default the weights that came with fsim answer (fsim weights)"
  parser.add_argument("--run", type=console.path, metavar="DIR", help=told)


def require_run(parser: argparse.ArgumentParser, run: Path | None, system: str) -> None:
  """Ends with a mistake of usage where neither a run was named nor weights ship."""
  if run is None and not weights.is_shipped(system):
    told = f"a finished run of configs/{system}.py, since no weights came with this fsim"
    parser.error(f"the following arguments are required: --run=DIR, {told}")


def add_photographs(parser: argparse.ArgumentParser) -> None:
  told = "photographs, or folders of them"
  parser.add_argument("places", nargs="+", type=console.path, metavar="IMAGE_OR_FOLDER", help=told)


def add_alpha(parser: argparse.ArgumentParser) -> None:
  told = "false-alarm probability over all hypotheses together"
  parser.add_argument("--alpha", type=_alpha, default=ALPHA, metavar="P", help=told)


def add_noise(parser: argparse.ArgumentParser, used: str) -> None:
  told = f"noise that {used}: `learned` adds what a network finds, in up to ten times the time"
  parser.add_argument("--noise", choices=NOISES, default=DEFAULT.noise, help=told)


def add_stop(parser: argparse.ArgumentParser) -> None:
  parser.add_argument("--stop", action="store_true", help="stop at the first file that cannot be used")


def add_trusted(parser: argparse.ArgumentParser) -> None:
  told = "do not check that all are of one camera; it is noted"
  parser.add_argument("--trusted", action="store_true", help=told)


def number(text: str) -> float:
  """An argparse type. Raises ArgumentTypeError for what is no finite number."""
  try:
    value = float(text)
  except ValueError as error:
    raise argparse.ArgumentTypeError(f"{text!r} is no number") from error
  if not math.isfinite(value):
    raise argparse.ArgumentTypeError(f"{text} is no finite number")
  return value


def _alpha(text: str) -> float:
  value = number(text)
  if not LEAST_ALPHA <= value < 0.5:
    raise argparse.ArgumentTypeError(f"a false-alarm probability is from {LEAST_ALPHA:g} to below .5, not {text}")
  return value
