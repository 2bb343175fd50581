"""The metrics of a run: metrics.jsonl for programs, TensorBoard events for people."""

import json
from pathlib import Path

import jax
from tensorboardX import SummaryWriter

from fsim.boundary import outputs
from fsim.boundary.errors import UserError
from fsim.boundary.inputs import Unreadable, read_bytes
from fsim.boundary.text import shown

FILE = "metrics.jsonl"
LIMIT = 1 << 28  # Bytes.


class MetricWriter:
  """One line a phase and epoch. Only the first process writes."""

  def __init__(self, folder: Path):
    """Takes away the line that a kill cut short."""
    self._path = folder / FILE
    self._writes = jax.process_index() == 0
    self._board = SummaryWriter(str(folder / "tensorboard")) if self._writes else None
    if self._writes and self._path.exists():
      data = read_bytes(self._path, LIMIT)
      if data != _whole_lines(data):
        outputs.replace(self._path, _whole_lines(data))

  def write(self, phase: str, step: int, values: dict[str, float]) -> None:
    """Raises ValueError for a value that JSON does not have, UserError if the disk is full."""
    if not self._writes:
      return
    line = json.dumps({"phase": phase, "step": step, **values}, allow_nan=False)
    try:
      with self._path.open("a") as file:
        file.write(f"{line}\n")
    except OSError as error:  # A full disk names no file.
      raise UserError(f"{shown(self._path)}: {error.strerror}") from error
    for name, value in values.items():
      self._board.add_scalar(f"{phase}/{name}", value, step)
    self._board.flush()

  def close(self) -> None:
    if self._board:
      self._board.close()


def read(folder: Path) -> list[dict]:
  """The lines of metrics.jsonl, phase by phase as they ran; of steps written twice (after a crash) the last counts.

  A last line that a kill cut short is left out: its epoch is trained again. Raises Unreadable for other damage.
  """
  path = folder / FILE
  lines = _whole_lines(read_bytes(path, LIMIT)).splitlines() if path.exists() else []
  rows = [_row(path, line) for line in lines]
  latest = {(row["phase"], row["step"]): row for row in rows}
  phases = list(dict.fromkeys(row["phase"] for row in rows))
  return sorted(latest.values(), key=lambda row: (phases.index(row["phase"]), row["step"]))


def _whole_lines(data: bytes) -> bytes:
  return data[: data.rfind(b"\n") + 1]


def _row(path: Path, line: bytes) -> dict:
  try:
    row = json.loads(line)
  except (ValueError, RecursionError) as error:
    raise Unreadable(path, f"the line {line[:40]!r} is not JSON") from error
  named = isinstance(row, dict) and isinstance(row.get("phase"), str) and isinstance(row.get("step"), int)
  if not named or not all(isinstance(value, int | float) for name, value in row.items() if name != "phase"):
    raise Unreadable(path, f"the line {line[:40]!r} is not one of fsim's")
  return row
