"""Stopping in an orderly way: a signal is remembered and answered after the steps that are under way."""

import signal

import jax
import numpy as np
from jax.experimental import multihost_utils

from fsim.boundary import console

CHECK_EVERY = 10  # Steps between agreements when several processes must stop together.


class Stop:
  """Catches SIGTERM and SIGINT while in force; a second SIGINT interrupts at once."""

  def __init__(self):
    self._asked = 0  # The number of the signal that came.
    self._former = {}

  def __enter__(self) -> "Stop":
    for number in (signal.SIGTERM, signal.SIGINT):
      self._former[number] = signal.signal(number, self._remember)
    return self

  def __exit__(self, kind: type[BaseException] | None, *exception) -> None:
    for number, handler in self._former.items():
      signal.signal(number, handler)
    if self._asked and kind is None:  # The signal came after the last step had asked.
      raise interruption(self._asked, f"saved at the end of a phase; {console.GOES_ON}")

  def _remember(self, number: int, frame) -> None:
    if self._asked and number == signal.SIGINT:
      raise KeyboardInterrupt
    self._asked = self._asked or number

  def requested(self, steps: range) -> int:
    """The signal that asks to stop after these steps, or 0: the same answer on every process."""
    if jax.process_count() == 1:
      return self._asked
    if steps.stop // CHECK_EVERY == steps.start // CHECK_EVERY:
      return 0
    return int(multihost_utils.process_allgather(np.asarray(self._asked)).max())


def interruption(number: int, said: str) -> KeyboardInterrupt:
  """What a signal raises once everything is saved; commands print what is said (see `console.run`)."""
  error = console.Terminated() if number == signal.SIGTERM else KeyboardInterrupt()
  error.add_note(said)
  return error
