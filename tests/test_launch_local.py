"""Several processes on one machine; a few lines that show what they were given stand in for `python -m fsim.main`."""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from fsim.boundary.console import INTERRUPTED, STOPPED
from launch import local

TOLD = """
import json, os, sys
own = {name: value for name, value in os.environ.items() if name.startswith("JAX_")}
print(json.dumps({"pid": os.getpid(), "arguments": sys.argv[1:], **own}), flush=True)
"""
SAVES = """
import os, signal, sys, time
def save(number, frame):
  print("saved", flush=True)
  sys.exit(75)
signal.signal(signal.SIGTERM, save)
signal.signal(signal.SIGINT, lambda number, frame: os._exit(1))
print("ready", flush=True)
open(f"ready{os.getpid()}", "w").close()
time.sleep(60)
"""
DEAF = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
open(f"ready{os.getpid()}", "w").close()
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def handlers(tmp_path, monkeypatch):
  """The launcher's handlers end with the test, which has a folder of its own."""
  monkeypatch.chdir(tmp_path)
  former = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
  yield
  for number, handler in former.items():
    signal.signal(number, handler)


def launched(monkeypatch, script, *options):
  monkeypatch.setattr(local, "RUN", (sys.executable, "-c", script))
  return local.main([*options, "--", "--config=a b.py", "--workdir=w"])


def signalled(number, *, times=1):
  """Sends the signal to this process once both processes of a run are ready, from another thread."""

  def send():
    while len(list(Path.cwd().glob("ready*"))) < 2:
      time.sleep(0.05)
    for _ in range(times):
      os.kill(os.getpid(), number)
      time.sleep(0.3)

  threading.Thread(target=send).start()


def alive(pid):
  try:
    os.kill(pid, 0)
  except ProcessLookupError:
    return False
  return True


def test_a_verb_goes_to_fsim_and_options_alone_to_training():
  assert local.command(["link", "--out=o"]) == [sys.executable, "-m", "fsim", "link", "--out=o"]
  assert local.command(["--config=c.py"]) == [sys.executable, "-m", "fsim.main", "--config=c.py"]


def test_each_process_knows_its_place_and_its_devices(monkeypatch, capfd):
  assert launched(monkeypatch, TOLD, "--processes=3", "--devices-per-process=2") == 0
  out, err = capfd.readouterr()
  first = json.loads(out)
  others = {line[:4]: json.loads(line[4:]) for line in err.splitlines()}
  assert set(others) == {"[1] ", "[2] "}
  every = [first, others["[1] "], others["[2] "]]
  assert all(own["arguments"] == ["--config=a b.py", "--workdir=w"] for own in every)
  assert [own["JAX_PROCESS_ID"] for own in every] == ["0", "1", "2"]
  assert {own["JAX_NUM_PROCESSES"] for own in every} == {"3"}
  assert [own["JAX_LOCAL_DEVICE_IDS"] for own in every] == ["0,1", "2,3", "4,5"]
  assert {own["JAX_NUM_CPU_DEVICES"] for own in every} == {"2"}
  assert len({own["JAX_COORDINATOR_ADDRESS"] for own in every}) == 1
  assert first["JAX_COORDINATOR_ADDRESS"].startswith("127.0.0.1:")


def test_words_in_another_encoding_are_passed_on(monkeypatch, capfd):
  script = "import sys, time; time.sleep(0.2); sys.stdout.buffer.write(b'K\\xf6ln\\n' * 20_000)"
  assert launched(monkeypatch, script, "--processes=2") == 0
  assert capfd.readouterr().err.count("[1] K\\xf6ln\n") == 20_000


def test_one_process_is_the_run_itself_with_nothing_added(monkeypatch):
  monkeypatch.setattr(local.os, "execv", lambda path, command: sys.exit(str([path, *command])))
  with pytest.raises(SystemExit) as became:
    local.main(["--", "--config=c.py"])
  assert became.value.code == str([sys.executable, sys.executable, "-m", "fsim.main", "--config=c.py"])


@pytest.mark.parametrize(("end", "code"), [("sys.exit(3)", 3), ("os.kill(os.getpid(), 9)", 137)])
def test_one_failure_ends_the_others_and_gives_the_exit_code(end, code, monkeypatch, capfd):
  script = f"{TOLD}\nimport time\nif own['JAX_PROCESS_ID'] == '1': time.sleep(.3); {end}\ntime.sleep(60)"
  assert launched(monkeypatch, script, "--processes=3") == code
  out, err = capfd.readouterr()
  pids = [json.loads(line[line.index("{") :])["pid"] for line in (out + err).splitlines()]
  assert len(pids) == 3
  assert not any(alive(pid) for pid in pids)  # Nor do they stay as zombies.


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, STOPPED)])
def test_a_signal_lets_every_process_save_once(number, code, monkeypatch, capfd):
  """Each is sent SIGTERM, whichever came: a process that saved says so by one code."""
  signalled(number)
  assert launched(monkeypatch, SAVES, "--processes=2") == code
  out, err = capfd.readouterr()
  assert out.split() == ["ready", "saved"]
  assert err.split() == ["[1]", "ready", "[1]", "saved"]


def test_a_second_signal_kills(monkeypatch):
  signalled(signal.SIGINT, times=2)
  assert launched(monkeypatch, DEAF, "--processes=2") == 128 + signal.SIGKILL


def test_a_process_that_does_not_stop_is_killed_in_the_end(monkeypatch):
  monkeypatch.setattr(local, "GRACE", 0.5)
  signalled(signal.SIGTERM)
  assert launched(monkeypatch, DEAF, "--processes=2") == 128 + signal.SIGKILL


@pytest.mark.parametrize("arguments", [[], ["--processes=0", "--", "--config=c.py"], ["--"]])
def test_an_incomplete_command_is_refused(arguments, capsys):
  with pytest.raises(SystemExit):
    local.main(arguments)
  assert "the arguments of the run follow" in capsys.readouterr().err
