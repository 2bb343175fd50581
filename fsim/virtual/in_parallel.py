"""Processes that carry tasks out, whatever program calls, and that end with it."""

import os
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.synchronize import Event
from typing import Any

from fsim.boundary.errors import UserError

_ends: list[Event] = []  # In a worker, what tells it to end.


def done(function: Callable[..., Any], tasks: Sequence[tuple], workers: int) -> Iterator[Any]:
  """What the function returns for each task, as they end; by one worker, in this process.

  Raises UserError where the system has ended a worker.
  """
  if workers == 1:
    for task in tasks:
      yield function(*task)
    return
  context = get_context("spawn")
  end = context.Event()
  with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(end,)) as pool:
    try:
      with _no_main(), _no_interrupts():  # All workers start at the first task.
        futures = [pool.submit(function, *task) for task in tasks]
      for future in as_completed(futures):
        yield future.result()
    except BrokenProcessPool as error:
      raise UserError("the system ended a process (out of memory?); fewer workers need less of it") from error
    except BaseException:
      end.set()
      pool.shutdown(cancel_futures=True)  # Waits: those that still begin need what this process holds.
      raise


def is_over() -> bool:
  """Whether a worker should end: its program was interrupted."""
  return any(end.is_set() for end in _ends)


def _begin(end: Event) -> None:
  _ends.append(end)
  threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
  """One that was killed can tell its workers nothing."""
  parent_process().join()
  os._exit(1)


@contextmanager
def _no_main() -> Iterator[None]:
  """Workers import the program that calls, and a plain script would then run anew in each; they do not need it."""
  main, sys.modules["__main__"] = sys.modules["__main__"], types.ModuleType("__main__")
  try:
    yield
  finally:
    sys.modules["__main__"] = main


@contextmanager
def _no_interrupts() -> Iterator[None]:
  """Processes that start here never see Ctrl-C, which a terminal sends to all of a program: their parent ends them."""
  former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
  try:
    yield
  finally:
    signal.pthread_sigmask(signal.SIG_SETMASK, former)
