"""Stopping in an orderly way: a signal is remembered and answered after the step that is under way."""

import signal

import jax
from jax.experimental import multihost_utils

CHECK_EVERY = 10  # Steps between agreements when several processes must stop together.


class Stopped(Exception):
  """Training was asked to stop; its state is saved and the same command goes on from there."""


class Stop:
  """Catches SIGTERM and SIGINT while in force; a second SIGINT interrupts at once."""

  def __init__(self):
    self._asked = False
    self._former = {}

  def __enter__(self) -> "Stop":
    for number in (signal.SIGTERM, signal.SIGINT):
      self._former[number] = signal.signal(number, self._remember)
    return self

  def __exit__(self, kind: type[BaseException] | None, *exception) -> None:
    for number, handler in self._former.items():
      signal.signal(number, handler)
    if self._asked and kind is None:  # The signal came after the last step had asked.
      raise Stopped("stopped at the end of a phase; the same command goes on from there")

  def _remember(self, number: int, frame) -> None:
    if self._asked and number == signal.SIGINT:
      raise KeyboardInterrupt
    self._asked = True

  def requested(self, step: int) -> bool:
    """Whether to stop after this step: the same answer on every process."""
    if jax.process_count() == 1:
      return self._asked
    if step % CHECK_EVERY:
      return False
    return bool(multihost_utils.process_allgather(self._asked).any())
