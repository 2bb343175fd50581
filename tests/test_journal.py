"""What is remembered of verified files: nothing that nobody wrote, and no trouble where it cannot be kept."""

import errno
import json
import os

import pytest

from fsim.data.dresden.journal import Journal, Verdict

VERDICT = ["0" * 64, "0" * 64, 64, 48, ""]
FOREIGN = [
  "null", "[]", "[[],[]]", "7", '{"a": 1}', "[" * 100_000, "\udce9", "[NaN, NaN]",
  VERDICT[:4], [*VERDICT, ""], ["0" * 64, "", "64", 48, ""], ["1" * 64, "", True, 48, ""], [["a", 1, 2], VERDICT],
]  # fmt: skip


def test_lines_of_a_journal_that_nobody_wrote_so_say_nothing(tmp_path):
  lines = [line if isinstance(line, str) else json.dumps(line) for line in [*FOREIGN, VERDICT]]
  (tmp_path / "journal").write_bytes("\n".join(lines).encode(errors="surrogateescape"))
  assert Journal(tmp_path / "journal").known == {"0" * 64: tuple(VERDICT)}


@pytest.mark.parametrize("place", ["file/journal", "pipe", "folder"])
def test_a_journal_that_cannot_be_kept_costs_the_memory_and_one_line(tmp_path, capsys, place):
  (tmp_path / "file").write_bytes(b"")
  os.mkfifo(tmp_path / "pipe")
  (tmp_path / "folder").mkdir()
  journal = Journal(tmp_path / place)
  journal.add(Verdict(*VERDICT))
  assert not journal.is_kept
  assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_disk_that_fills_up_costs_the_memory_and_one_line(tmp_path, capsys, monkeypatch):
  journal = Journal(tmp_path / "journal")

  def full(descriptor, data):
    raise OSError(errno.ENOSPC, "No space left on device")

  monkeypatch.setattr(os, "write", full)
  for shot in range(3):
    journal.add(Verdict(f"{shot:064}", *VERDICT[1:]))
  monkeypatch.undo()
  assert "not remembered in" in capsys.readouterr().err
  assert len(journal.known) == 3
  assert not Journal(tmp_path / "journal").known
