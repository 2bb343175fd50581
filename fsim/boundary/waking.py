"""While a command imports: a signal ends it at once and in one line.

Imports take seconds, in which nothing is lost, and in which Python would answer with a traceback or, inside some
libraries, not at all.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager


def end(number: int, frame: object) -> None:
  word, code = ("stopped", 75) if number == signal.SIGTERM else ("interrupted", 130)  # The codes of `console`.
  os.write(2, f"fsim: {word}; nothing was begun\n".encode())
  os._exit(code)


def begin() -> None:
  """Until `console.run` takes over."""
  signal.signal(signal.SIGTERM, end)
  if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # Shells have it ignored by what runs behind them.
    signal.signal(signal.SIGINT, end)


@contextmanager
def importing() -> Iterator[None]:
  """Around imports that a command makes when it knows what it is asked; afterwards signals do what they did before."""
  former = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
  begin()
  try:
    yield
  finally:
    for number, handler in former.items():
      signal.signal(number, handler)
