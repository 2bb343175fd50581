import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fsim.boundary import console
from fsim.boundary.errors import UserError
from tests.commands import ROOT


@pytest.fixture(autouse=True)
def terminated():
  """`run` handles SIGTERM; other tests should not find that."""
  former = signal.getsignal(signal.SIGTERM)
  yield
  signal.signal(signal.SIGTERM, former)


def raising(error):
  def command(arguments):
    raise error

  return command


@pytest.mark.parametrize(
  ("error", "code", "line"),
  [
    (UserError("a.jpg: damaged"), 1, "a.jpg: damaged"),
    (FileNotFoundError(2, "No such file or directory", "a\nb"), 1, "a\\nb: No such file or directory"),
    (OSError(28, "No space left on device"), 1, "No space left on device"),
    (KeyboardInterrupt(), 130, "interrupted; nothing is kept: the same command begins anew"),
    (console.Terminated(), 75, "stopped; nothing is kept: the same command begins anew"),
    (BrokenPipeError(32, "Broken pipe"), 1, "the output was closed before its end"),
  ],
)
def test_what_users_cause_is_one_line_and_a_code(error, code, line, capsys):
  assert console.run(raising(error), []) == code
  captured = capsys.readouterr()
  assert (captured.out, captured.err) == ("", f"fsim: {line}\n")


@pytest.mark.parametrize("error", [ValueError("shapes"), TypeError(), AssertionError(), MemoryError()])
def test_our_own_mistakes_keep_their_traceback(error):
  with pytest.raises(type(error)):
    console.run(raising(error), [])


def test_usage_keeps_the_code_of_argparse(capsys):
  for arguments, code in ((["--nonsense"], 2), (["-h"], 0)):
    with pytest.raises(SystemExit) as caught:
      console.run(lambda given: argparse.ArgumentParser().parse_args(given), arguments)
    assert caught.value.code == code
  capsys.readouterr()


def test_codes_of_commands_are_passed_on():
  assert [console.run(lambda _, code=code: code, []) for code in (0, 1)] == [0, 1]


def test_what_is_kept_is_said(capsys):
  def command(arguments):
    with console.resumable():
      os.kill(os.getpid(), signal.SIGTERM)
      signal.pause()

  assert console.run(command, []) == 75
  assert capsys.readouterr().err == "fsim: stopped; the same command goes on from there\n"


def test_the_traceback_behind_a_line_is_there_for_those_who_ask(monkeypatch, capsys):
  monkeypatch.setenv(console.DEBUG, "1")
  assert console.run(raising(UserError("why")), []) == 1
  err = capsys.readouterr().err
  assert "Traceback" in err
  assert err.endswith("fsim: why\n")


def test_json_holds_no_numbers_that_it_does_not_have():
  assert console.to_json({"a": None, "b": "\udce9"}) == '{\n "a": null,\n "b": "\\udce9"\n}'
  for value in (float("nan"), float("inf")):
    with pytest.raises(ValueError, match="not JSON compliant"):
      console.to_json([value])


def test_paths_are_meant_as_they_are_written(monkeypatch):
  monkeypatch.setenv("HOME", "/home/ex")
  assert console.path("~/maps") == Path("/home/ex/maps")
  assert console.path("a~b") == Path("a~b")
  assert console.path("~nobody-of-this-name") == Path("~nobody-of-this-name")
  with pytest.raises(argparse.ArgumentTypeError, match="an empty path"):
    console.path("")


SCRIPT = """
import sys
from fsim.boundary import console
def command(arguments):
  for k in range(int(arguments[0])):
    console.say(f"answer {k} \\u5199")
  console.note("remark \\u5199")
  return 0
sys.exit(console.run(command, sys.argv[1:]))
"""


def shell(line, **environment):
  """A command line in which $SCRIPT prints as many answers as its argument says."""
  return subprocess.run(
    ["bash", "-c", line],
    cwd=ROOT,
    env=os.environ | {"PY": sys.executable, "SCRIPT": SCRIPT} | environment,
    capture_output=True,
    check=False,
    timeout=100,
  )


def test_a_closed_pipe_ends_in_one_line():
  done = shell('"$PY" -c "$SCRIPT" 100000 | head -1; exit ${PIPESTATUS[0]}')
  assert done.returncode == 1
  assert done.stdout.decode() == "answer 0 写\n"
  assert done.stderr.decode() == "fsim: the output was closed before its end\n"


def test_both_streams_may_be_closed_or_full():
  assert shell('"$PY" -c "$SCRIPT" 100000 2>&1 | head -1; exit ${PIPESTATUS[0]}').returncode == 1
  done = shell('"$PY" -c "$SCRIPT" 3 > /dev/full')
  assert (done.returncode, done.stderr.decode().splitlines()[-1]) == (1, "fsim: No space left on device")
  assert "Exception ignored" not in done.stderr.decode()
  assert shell('"$PY" -c "$SCRIPT" 3 >&- 2>&-').returncode == 0


@pytest.mark.parametrize(
  ("encoding", "letter"), [("cp1252", b"\\u5199"), ("ascii", b"\\u5199"), ("utf-8", "写".encode())]
)
def test_a_console_that_lacks_letters_gets_the_answer(encoding, letter):
  done = shell('"$PY" -c "$SCRIPT" 1', PYTHONIOENCODING=encoding)
  assert (done.returncode, done.stdout, done.stderr) == (0, b"answer 0 %s\n" % letter, b"fsim: remark %s\n" % letter)
