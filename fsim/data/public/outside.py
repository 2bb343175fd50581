"""Programs of others, run without a terminal to ask at and with a limit of time; all that they start ends with them."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from fsim.boundary.errors import UserError
from fsim.boundary.text import shown

LONGEST = 300  # Letters of a program's own words in a message.


class Unavailable(UserError):
  """What another program does not give; the message is the cause."""


class Done(NamedTuple):
  """How a program ended; `said` is one line about its failure, "" if it ended well."""

  output: bytes
  errors: bytes
  said: str


def require(program: str, packages: str) -> None:
  """Raises UserError where a program is not installed."""
  if shutil.which(program) is None:
    raise UserError(f"{program} is not installed; it comes with {packages}")


def run(
  command: Sequence[str], seconds: float, given: bytes = b"", environment: Mapping[str, str] | None = None
) -> Done:
  """given: its standard input. environment: all of it; None is ours."""
  pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
  # A group of its own: git starts others for its transports, which would live on; and Ctrl-C is ours to pass on.
  with subprocess.Popen(command, **pipes, env=environment, start_new_session=True) as child:
    try:
      output, errors = child.communicate(given, seconds)
    except subprocess.TimeoutExpired:
      os.killpg(child.pid, signal.SIGKILL)
      return Done(b"", b"", f"{command[0]} did not end within {seconds:g} s")
    except BaseException:
      os.killpg(child.pid, signal.SIGKILL)
      raise
  said = "" if child.returncode == 0 else _line(errors) or f"{command[0]} ended with {child.returncode}"
  return Done(output, errors, said)


def _line(errors: bytes) -> str:
  """The first that names an error; what git says behind it is advice."""
  lines = [line for line in errors.decode(errors="replace").splitlines() if line.strip()]
  chosen = [line for line in lines if line.startswith(("fatal: ", "error: "))] + lines[-1:]
  return shown(chosen[0])[:LONGEST] if chosen else ""
