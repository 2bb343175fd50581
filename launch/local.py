"""One run on one machine: by one process with all its devices, or by several.

python -m launch.local [--processes N] [--devices-per-process K] -- --config=configs/device.py [--workdir=DIR ...]

What follows `--` goes to `python -m fsim.main` unchanged, or, if it begins with a verb, to `python -m fsim`: `link`,
`matrix` and `match --index` share their work out (docs/scale.md). One process is the default, and trains fastest: it
uses all GPUs. Several find each other on a free port of the loopback; each has K GPUs (of CPUs: K simulated devices),
by default one. The first process speaks to the terminal; lines of process k come on standard error after "[k] ". Ctrl-C
and SIGTERM are passed on once, both as SIGTERM: the run saves its state and stops (exit code 130 or 75); a second one
kills it. If one process fails, the others are killed, since they can only wait for it, and its exit code is the answer;
the same command goes on from the latest checkpoint.
"""

import argparse
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import IO

from fsim.boundary.console import INTERRUPTED, STOPPED

GRACE = 60  # Seconds for all processes to save and end after a signal; then they are killed.
POLL = 0.1
RUN = (sys.executable, "-m", "fsim.main")
VERB = (sys.executable, "-m", "fsim")


def command(run: Sequence[str]) -> list[str]:
  """Of a training run, which has options alone, or of a verb."""
  return [*(RUN if run[0].startswith("-") else VERB), *run]


def variables(index: int, count: int, address: str, devices: Sequence[int]) -> dict[str, str]:
  """What process `index` of `count` needs in its environment; `devices` are its own among those of its machine."""
  return {
    "JAX_COORDINATOR_ADDRESS": address,
    "JAX_NUM_PROCESSES": str(count),
    "JAX_PROCESS_ID": str(index),
    "JAX_LOCAL_DEVICE_IDS": ",".join(map(str, devices)),  # Of GPUs.
    "JAX_NUM_CPU_DEVICES": str(len(devices)),
  }


def free_port() -> int:
  with socket.socket() as own:
    own.bind(("127.0.0.1", 0))
    return own.getsockname()[1]


def start(arguments: Sequence[str], count: int, devices: int) -> list[subprocess.Popen]:
  """Starts the processes, each in a session of its own so that the terminal's Ctrl-C comes from here only."""
  address = f"127.0.0.1:{free_port()}"
  processes = []
  for k in range(count):
    own = variables(k, count, address, range(k * devices, (k + 1) * devices))
    own_words = {"text": True, "errors": "backslashreplace"}  # Another encoding than ours must not end the relay.
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **own_words} if k else {}
    processes.append(subprocess.Popen(command(arguments), env=os.environ | own, start_new_session=True, **output))
  return processes


def relay(index: int, lines: IO[str]) -> None:
  with lines:
    for line in lines:
      sys.stderr.write(f"[{index}] {line}")


def wait(processes: Sequence[subprocess.Popen], signals: Sequence[int]) -> int:
  """Waits for all; returns the exit code of the first that failed, as a shell gives it (128 + signal), or 0.

  `signals` grows as they come.
  """
  passed_on, failure, deadline = False, 0, math.inf
  while running := [process for process in processes if process.poll() is None]:
    codes = [process.returncode for process in processes]
    failure = failure or next((code for code in codes if code not in (None, 0, STOPPED)), 0)
    if failure or STOPPED in codes or signals:
      deadline = min(deadline, time.monotonic() + GRACE)
    if signals and not passed_on:
      send(running, signal.SIGTERM)
      passed_on = True
    if failure or len(signals) > 1 or time.monotonic() > deadline:
      send(running, signal.SIGKILL)
    time.sleep(POLL)
  codes = [process.returncode for process in processes]
  code = failure or next((code for code in codes if code not in (0, STOPPED)), max(codes))
  return code if code >= 0 else 128 - code


def send(processes: Sequence[subprocess.Popen], number: int) -> None:
  for process in processes:
    process.send_signal(number)


def main(arguments: Sequence[str]) -> int:
  place = list(arguments).index("--") if "--" in arguments else len(arguments)
  own, run = arguments[:place], arguments[place + 1 :]
  parser = argparse.ArgumentParser(
    prog="python -m launch.local", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument("--processes", type=int, default=1)
  parser.add_argument("--devices-per-process", type=int, default=1, help="of several processes")
  chosen = parser.parse_args(own)
  if min(chosen.processes, chosen.devices_per_process) < 1 or not run:
    parser.error("both numbers are 1 or more, and `--` and the arguments of the run follow")
  if chosen.processes == 1:
    os.execv(sys.executable, command(run))
  signals: list[int] = []
  for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda number, frame: signals.append(number))
  processes = start(run, chosen.processes, chosen.devices_per_process)
  relays = [threading.Thread(target=relay, args=(k, p.stdout)) for k, p in enumerate(processes) if p.stdout]
  for thread in relays:
    thread.start()
  try:
    code = wait(processes, signals)
    return INTERRUPTED if code == STOPPED and signals[:1] == [signal.SIGINT] else code
  finally:
    send(processes, signal.SIGKILL)  # Does nothing to those that have ended.
    for thread in relays:
      thread.join()


if __name__ == "__main__":
  sys.exit(main(sys.argv[1:]))
