"""Signals before a command has begun, and after it was interrupted."""

import signal
import subprocess
import sys
import time

import pytest

from tests.commands import ROOT

IMPORTS = "from fsim.boundary import waking\nwaking.begin()\nprint('on', flush=True)\nimport time\ntime.sleep(60)"
BUSY = """
import multiprocessing, sys, threading, time
from fsim.boundary import waking, console

waking.begin()

def interrupted(arguments):
  threading.Thread(target=time.sleep, args=(60,)).start()
  multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,), daemon=True).start()
  raise KeyboardInterrupt

console.leave(console.run(interrupted, []))
"""


@pytest.mark.parametrize(
  ("number", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 75, "stopped")]
)
def test_a_signal_while_a_command_imports_ends_it_in_one_line(number, code, word):
  streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
  with subprocess.Popen([sys.executable, "-c", IMPORTS], cwd=ROOT, **streams) as process:
    assert process.stdout.readline() == "on\n"
    process.send_signal(number)
    assert process.wait(10) == code
    assert process.stderr.read() == f"fsim: {word}; nothing was begun\n"


def test_an_interrupt_that_shells_ignore_for_what_runs_behind_them_stays_ignored():
  command = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n{IMPORTS}"
  with subprocess.Popen([sys.executable, "-c", command], cwd=ROOT, stdout=subprocess.PIPE) as process:
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    assert process.poll() is None
    process.terminate()
    assert process.wait(10) == 75


def test_an_interrupted_command_does_not_wait_for_threads_and_workers():
  began = time.monotonic()
  done = subprocess.run([sys.executable, "-c", BUSY], cwd=ROOT, capture_output=True, text=True, timeout=50, check=False)
  assert done.returncode == 130
  assert done.stderr == "fsim: interrupted; nothing is kept: the same command begins anew\n"
  assert time.monotonic() - began < 20
