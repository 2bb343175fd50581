"""What is remembered of verified files: nothing that nobody wrote, and no trouble where it cannot be kept."""

import errno
import json
import os

import pytest

from fsim.data.dresden.journal import Journal, Verdict
from fsim.data.dresden.listing import File

FILE, VERDICT = ["a", 1, 2], ["0" * 64, "0" * 64, 64, 48, ""]
FOREIGN = [
  "null", "[]", "[[],[]]", "7", '{"a": 1}', "[" * 100_000, "\udce9", "[NaN, NaN]",
  [FILE, VERDICT[:4]], [FILE[:2], VERDICT], [FILE, ["0" * 64, "", "64", 48, ""]], [["a", 1, True], VERDICT],
]  # fmt: skip


def test_lines_of_a_journal_that_nobody_wrote_so_say_nothing(tmp_path):
  lines = [line if isinstance(line, str) else json.dumps(line) for line in [*FOREIGN, [FILE, VERDICT]]]
  (tmp_path / "journal").write_bytes("\n".join(lines).encode(errors="surrogateescape"))
  assert Journal(tmp_path / "journal").known == {tuple(FILE): tuple(VERDICT)}


@pytest.mark.parametrize("place", ["file/journal", "pipe", "folder"])
def test_a_journal_that_cannot_be_kept_costs_the_memory_and_one_line(tmp_path, capsys, place):
  (tmp_path / "file").write_bytes(b"")
  os.mkfifo(tmp_path / "pipe")
  (tmp_path / "folder").mkdir()
  journal = Journal(tmp_path / place)
  journal.add(File("a", 1, 2), Verdict(*VERDICT))
  assert not journal.is_kept
  assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_disk_that_fills_up_costs_the_memory_and_one_line(tmp_path, capsys, monkeypatch):
  journal = Journal(tmp_path / "journal")

  def full(descriptor, data):
    raise OSError(errno.ENOSPC, "No space left on device")

  monkeypatch.setattr(os, "write", full)
  for shot in range(3):
    journal.add(File("a", shot, 2), Verdict(*VERDICT))
  monkeypatch.undo()
  assert "not remembered in" in capsys.readouterr().err
  assert len(journal.known) == 3
  assert not Journal(tmp_path / "journal").known
