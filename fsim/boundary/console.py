"""How every command begins and ends: signals, consoles, exit codes, and one line for what users cause.

The exit codes are a table in docs/reliability.md.
"""

import argparse
import json
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from tqdm import tqdm

from fsim.boundary import inputs
from fsim.boundary.errors import UserError
from fsim.boundary.text import shown

ANSWERED = 0  # Every input got its answer, "no match found" and "no statement" among them.
INCOMPLETE = 1  # Some input, or all, got none: each is named with its cause.
USAGE = 2  # The command line cannot be understood.
STOPPED = 75  # By SIGTERM (EX_TEMPFAIL of sysexits.h): schedulers may start the same command again.
INTERRUPTED = 130  # By Ctrl-C.

DEBUG = "FSIM_DEBUG"  # Set it to see the traceback behind a line.
GOES_ON = "the same command goes on from there"


class Terminated(KeyboardInterrupt):
  """SIGTERM, which ends a command as Ctrl-C does."""


def run(command: Callable[[Sequence[str]], int], arguments: Sequence[str]) -> int:
  """The exit code of a command. A UserError, or a fault of the system such as a full disk, becomes one line."""
  for name in ("stdout", "stderr"):
    if getattr(sys, name) is None:  # Closed by the shell: >&-
      setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
    getattr(sys, name).reconfigure(errors="backslashreplace")  # A letter that it lacks must not cost the answer.
  signal.signal(signal.SIGTERM, _terminate)
  if getattr(signal.getsignal(signal.SIGINT), "__module__", "") == "fsim.boundary.waking":
    signal.signal(signal.SIGINT, signal.default_int_handler)
  try:
    code = command(arguments)
    sys.stdout.flush()
  except BrokenPipeError:
    return _ended("the output was closed before its end", INCOMPLETE)
  except KeyboardInterrupt as error:
    said = next(iter(getattr(error, "__notes__", [])), "nothing is kept: the same command begins anew")
    word, code = ("stopped", STOPPED) if isinstance(error, Terminated) else ("interrupted", INTERRUPTED)
    return _ended(f"{word}; {said}", code)
  except (UserError, OSError) as error:
    return _ended(cause(error), INCOMPLETE)
  return code


def leave(code: int) -> NoReturn:
  """Ends a command with its exit code; after an interruption at once.

  Threads of JAX and Grain may be at work then, and the usual end of Python may crash under them.
  """
  if code in (STOPPED, INTERRUPTED):
    for child in multiprocessing.active_children():
      child.kill()
    sys.stderr.flush()
    os._exit(code)
  sys.exit(code)


@contextmanager
def resumable(kept: str = GOES_ON) -> Iterator[None]:
  """Around what keeps what it has done: an interruption inside says so."""
  try:
    yield
  except KeyboardInterrupt as error:
    error.add_note(kept)
    raise


def cause(error: Exception) -> str:
  """One line about what users or their system cause; a full disk, for example, names no file by itself."""
  if not isinstance(error, OSError) or error.strerror is None:
    return str(error)
  return f"{shown(error.filename)}: {error.strerror}" if error.filename else error.strerror


def say(line: str) -> None:
  """An answer, on standard output, above any bar of progress."""
  tqdm.write(line, file=sys.stdout)


def note(line: str) -> None:
  """A remark on standard error, above any bar of progress."""
  tqdm.write(f"fsim: {line}", file=sys.stderr)


def to_json(value: Any) -> str:
  """Raises ValueError for numbers that JSON does not have: NaN and the infinities."""
  return json.dumps(value, indent=1, allow_nan=False)


def path(text: str) -> Path:
  """An argparse type for paths as users write them."""
  if not text:  # A variable of the shell that is not set; it must not become the current folder.
    raise argparse.ArgumentTypeError("an empty path")
  return inputs.expanded(text)


def _terminate(number: int, frame: object) -> None:
  raise Terminated


def _ended(line: str, code: int) -> int:
  if os.environ.get(DEBUG):
    traceback.print_exc()
  for stream, last in ((sys.stdout, ""), (sys.stderr, f"fsim: {line}\n")):
    try:
      stream.write(last)
      stream.flush()
    except OSError:  # Closed, or on a full disk; Python would complain once more at its end.
      os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
  return code
