import io

import pytest
from tqdm import tqdm

from fsim.boundary import progress


class Terminal(io.StringIO):
  def isatty(self):
    return True


@pytest.fixture
def stderr(monkeypatch):
  def use(stream):
    monkeypatch.setattr("sys.stderr", stream)
    return stream

  return use


def test_short_steps_say_nothing_off_terminals(stderr):
  log = stderr(io.StringIO())
  assert list(progress.bar(range(3), desc="reading", unit="file")) == [0, 1, 2]
  with progress.bar(total=5, desc="reading", leave=True) as bar:
    bar.update(5)
  assert log.getvalue() == ""


def test_long_steps_write_whole_lines_off_terminals(stderr, monkeypatch):
  log = stderr(io.StringIO())
  monkeypatch.setattr(progress, "SECONDS", 0)
  list(progress.bar(range(3), desc="reading", unit="file"))
  lines = log.getvalue().splitlines()
  assert 1 <= len(lines) <= 5
  assert all(line.startswith("reading") for line in lines)
  assert "\r" not in log.getvalue()


def test_a_line_of_others_brings_no_state(stderr, monkeypatch):
  log = stderr(io.StringIO())
  monkeypatch.setattr(progress, "SECONDS", 0)
  with progress.bar(total=9, desc="reading") as bar:
    bar.update()
    before = log.getvalue()
    tqdm.write("a remark", file=log)
    assert log.getvalue() == before + "a remark\n"


def test_terminals_get_a_bar(stderr):
  screen = stderr(Terminal())
  list(progress.bar(range(3), desc="reading"))
  assert "\rreading: 100%" in screen.getvalue()
