"""Files of a command that are not used: each is named with its cause, and counted."""

from collections.abc import Callable, Sequence
from pathlib import Path

from fsim.boundary import console, inputs
from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.data.photographs import Found

Report = Callable[[Path, str], None]  # Takes a file and the cause why it is left out.
COPY = "a copy of"  # How causes begin that cost no answer.
NAMED = 20  # Pairs that are named by a line each.


class LeftOut:
  """Said once each as they come, and fatal only if asked for.

  Attributes:
    entries: file and cause of each, for JSON.
    lost: how many of them would have got an answer; copies and files that are no pictures lose nothing.
  """

  def __init__(self, stop: bool):
    self.stop, self.entries, self.lost = stop, [], 0

  def __call__(self, path: Path, cause: str) -> None:
    """A photograph that cannot be used."""
    if self.stop:
      raise UserError(f"{shown(path)}: {cause}")
    self.lost += 1
    self.beside(path, cause)

  def beside(self, path: Path, cause: str) -> None:
    """A file that would have got no answer anyhow."""
    console.note(f"left out {shown(path)}: {shown(cause)}")
    self.entries.append({"file": str(path), "cause": cause})

  def passed_over(self, found: Found, own: Path | None = None) -> None:
    """All other files of the folders, but for those in the folder `own`, which fsim writes.

    Pictures that get no answer are named wherever they lie.
    """
    for path, cause in found.passed_over:
      if path in found.lost:
        self(path, cause)
      elif own is None or inputs.resolved(own) not in inputs.resolved(path).parents:
        self.beside(path, cause)

  def copies(self, copies: dict[Path, Path]) -> None:
    for path, original in copies.items():
      self.beside(path, f"a duplicate of {original}: the same picture")

  def code(self) -> int:
    """The exit code of a command that has answered for all others."""
    return console.INCOMPLETE if self.lost else console.ANSWERED


def note_alike(pairs: Sequence[tuple[Path, Path]]) -> None:
  """Names pairs of photographs about which nothing is said since they show the same."""
  for a, b in pairs[:NAMED]:
    console.note(f"no statement about {shown(a)} and {shown(b)}: both show the same")
  if len(pairs) > NAMED:
    console.note(f"nor about {len(pairs) - NAMED:,} pairs more, which show the same too")
