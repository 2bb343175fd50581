"""Progress of long steps: a bar on terminals, elsewhere (a log, a pipe) a line now and then."""

import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

SECONDS = 30  # Between two lines where there is no terminal; what is done sooner says nothing.


class Lines(tqdm):
  """A bar that is not redrawn: each state is a line of its own."""

  def display(self, msg: str | None = None, pos: int | None = None) -> bool:
    self.fp.write(f"{self if msg is None else msg}\n")
    self.fp.flush()
    return True

  def close(self) -> None:
    """tqdm's own wipes the bar with control characters."""
    if not self.disable:
      self.disable = True
      self._decr_instances(self)

  def clear(self, nolock: bool = False) -> None:
    """Nothing is drawn over, so there is nothing to wipe."""

  def refresh(self, nolock: bool = False, lock_args: tuple | None = None) -> bool:
    """Nor to draw again below a line that somebody wrote: for that alone tqdm holds the lock already."""
    return nolock or super().refresh(nolock, lock_args)


def bar(steps: Iterable[Any] | None = None, **settings: Any) -> tqdm:
  """tqdm for stderr, with its arguments."""
  if sys.stderr.isatty():
    return tqdm(steps, **settings)
  slow = {"delay": SECONDS, "mininterval": SECONDS, "maxinterval": SECONDS, "miniters": 1}
  return Lines(steps, **settings | slow | {"leave": False, "ncols": 0})
