import io

from tqdm import tqdm

from fsim.boundary import progress


def test_elsewhere_than_on_a_terminal_a_line_that_is_written_draws_nothing_again(monkeypatch):
  stream = io.StringIO()
  monkeypatch.setattr("sys.stderr", stream)
  for k in progress.bar(range(3), desc="photographs"):
    tqdm.write(f"fsim: {k}", file=stream)
  assert stream.getvalue() == "fsim: 0\nfsim: 1\nfsim: 2\n"


def test_states_that_are_due_are_lines(monkeypatch):
  stream = io.StringIO()
  monkeypatch.setattr("sys.stderr", stream)
  monkeypatch.setattr(progress, "SECONDS", 0)
  list(progress.bar(range(3), desc="photographs"))
  assert "3/3" in stream.getvalue()
