"""The diary of a run: metrics.jsonl for programs, TensorBoard events for people."""

import json
from pathlib import Path

import jax
from tensorboardX import SummaryWriter


class Diary:
  """One line a phase and epoch. Only the first process writes."""

  def __init__(self, folder: Path):
    self._path = folder / "metrics.jsonl"
    self._writes = jax.process_index() == 0
    self._board = SummaryWriter(str(folder / "tensorboard")) if self._writes else None

  def write(self, phase: str, step: int, values: dict[str, float]) -> None:
    if not self._writes:
      return
    with self._path.open("a") as file:
      file.write(json.dumps({"phase": phase, "step": step, **values}) + "\n")
    for name, value in values.items():
      self._board.add_scalar(f"{phase}/{name}", value, step)
    self._board.flush()

  def close(self) -> None:
    if self._board:
      self._board.close()


def read(folder: Path) -> list[dict]:
  """The lines of a diary, phase by phase as they ran; of steps written twice (after a crash) the last counts."""
  path = folder / "metrics.jsonl"
  rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
  latest = {(row["phase"], row["step"]): row for row in rows}
  phases = list(dict.fromkeys(row["phase"] for row in rows))
  return sorted(latest.values(), key=lambda row: (phases.index(row["phase"]), row["step"]))
