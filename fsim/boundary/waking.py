"""Imported first by a command: until `console.run` takes over, a signal ends it at once and in one line.

The imports of a command take seconds, in which nothing is lost, and in which Python would answer with a traceback or,
inside some libraries, not at all.
"""

import os
import signal


def end(number: int, frame: object) -> None:
  word, code = ("stopped", 75) if number == signal.SIGTERM else ("interrupted", 130)  # The codes of `console`.
  os.write(2, f"fsim: {word}; nothing was begun\n".encode())
  os._exit(code)


signal.signal(signal.SIGTERM, end)
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # Shells have it ignored by what runs behind them.
  signal.signal(signal.SIGINT, end)
