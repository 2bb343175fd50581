"""What is asked of SLURM, by a stand-in that writes it down, and what a task does. On a real one: test_slurm.py."""

import os
import signal
import sys
import threading
import time
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

import pytest
import submitit

from fsim.boundary import console
from fsim.boundary.errors import UserError
from launch import runs, slurm, sweep, task


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
  """Commands named as SLURM's, of which sbatch keeps the batch file it is given."""
  for name, script in (("sbatch", f'cp "$1" {tmp_path}/batch; echo Submitted batch job 7'), ("srun", "")):
    (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / name).chmod(0o755)
  monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
  monkeypatch.chdir(tmp_path)
  return tmp_path


def asked(stand_in):
  """Options in the batch file, and its command."""
  lines = (stand_in / "batch").read_text().splitlines()
  options = [line.removeprefix("#SBATCH --").partition("=")[::2] for line in lines if line.startswith("#SBATCH")]
  return dict(options), lines[-1]


def test_what_is_asked_for_stands_in_the_batch_file(stand_in, capsys):
  resources = ["--nodes=2", "--processes=4", "--gpus=8", "--cpus=6", "--memory=1.5", "--minutes=90", "--warning=45"]
  more = ["--partition=p", "--account=a", "--sbatch", "qos=low", "constraint=big"]
  assert slurm.main([*resources, *more, "--", "--config=c.py", "--workdir=w"]) == 0
  options, line = asked(stand_in)
  wanted = {"nodes": "2", "ntasks-per-node": "4", "gpus-per-node": "8", "cpus-per-task": "6", "mem": "1536MB"}
  wanted |= {"time": "90", "signal": "USR2@45", "partition": "p", "account": "a", "qos": "low", "constraint": "big"}
  assert wanted.items() <= options.items()
  assert "requeue" in options
  assert "array" not in options
  assert "--kill-on-bad-exit=1" in line
  assert "--cpus-per-task=6" in line
  assert capsys.readouterr().out == "job 7; log: runs/slurm/7_0_log.out\n"


@pytest.mark.parametrize(
  ("options", "message"),
  [
    (["--gpus=3", "--processes=2"], "3 GPUs of a node cannot be shared evenly by 2 processes"),
    (["--minutes=0"], "--minutes and --warning are 1 or more"),
    (["--sbatch", "exclusive"], "--sbatch takes OPTION=VALUE"),
  ],
)
def test_what_no_job_can_have_is_refused(options, message, stand_in):
  with pytest.raises(UserError, match=message):
    slurm.main([*options, "--", "--config=c.py"])
  assert not (stand_in / "batch").exists()


def test_without_slurm_there_is_one_clear_message(tmp_path, monkeypatch):
  monkeypatch.setenv("PATH", str(tmp_path))
  monkeypatch.chdir(tmp_path)
  with pytest.raises(UserError, match=r"^SLURM: "):
    slurm.main(["--", "--config=c.py"])


def test_a_sweep_is_an_array_of_the_runs_that_are_left(stand_in, capsys):
  (stand_in / "sweep.py").write_text(
    "CONFIG = 'c.py'\ndef sweep():\n  for fold in range(5):\n    yield {'data.fold': fold}\n"
  )
  done = runs.planned(stand_in / "sweep.py", Path("all"), {}).runs[3]
  done.begin()
  done.end(0)
  assert sweep.main(["sweep.py", "--workdir=all", "--slurm", "--at-once=3", "--minutes=30"]) == 0
  options, _ = asked(stand_in)
  assert (options["array"], options["time"], options["job-name"]) == ("0-3%3", "30", "all")
  assert capsys.readouterr().out.startswith("4 runs submitted: 7_0, 7_1, 7_2, 7_3; ")
  works = [submitit.core.utils.DelayedSubmission.load(path).function for path in Path("all/slurm").glob("7_*_*.pkl")]
  assert sorted(work.member.run.name for work in works) == [f"data.fold={fold}" for fold in (0, 1, 2, 4)]
  assert all(work.command == work.member.run.command() for work in works)


def test_shares_of_a_verb_are_an_array_and_each_knows_its_own(stand_in, monkeypatch):
  assert slurm.main(["--shares=3", "--", "link", "album", "--out=o"]) == 0
  options, _ = asked(stand_in)
  assert options["array"] == "0-2%3"
  works = [submitit.core.utils.DelayedSubmission.load(path).function for path in Path("runs/slurm").glob("7_*_*.pkl")]
  assert sorted(work.share for work in works) == [(0, 3), (1, 3), (2, 3)]
  assert all(work.command == [sys.executable, "-m", "fsim", "link", "album", "--out=o"] for work in works)
  monkeypatch.setattr(submitit, "JobEnvironment", lambda: Job(1, 1, 0, 0))
  told = "import os; print(*(f'{k}={v}' for k, v in os.environ.items() if k.startswith('JAX_')), file=open('own', 'w'))"
  task.Work([sys.executable, "-c", told], 0, share=works[0].share)()
  own = set(Path("own").read_text().split())
  assert {"JAX_NUM_PROCESSES=3", f"JAX_PROCESS_ID={works[0].share.index}"} <= own
  assert not any(line.startswith("JAX_COORDINATOR_ADDRESS") for line in own)


@pytest.mark.parametrize("run", [["--config=c.py"], ["link", "album"]])
def test_training_is_no_work_to_be_shared_out_and_shares_have_one_process(run, stand_in, capsys):
  with pytest.raises(SystemExit):
    slurm.main(["--shares=3", *([] if run[0].startswith("-") else ["--processes=2"]), "--", *run])
  assert "--shares is 1 or more, of a verb" in capsys.readouterr().err


class Job(NamedTuple):
  """As submitit describes a task."""

  num_tasks: int
  num_nodes: int
  global_rank: int
  local_rank: int
  raw_job_id: str = "70000"
  hostnames: tuple[str, ...] = ("node7", "node9")


def test_processes_of_a_node_share_its_gpus_and_one_process_uses_all(monkeypatch):
  monkeypatch.setenv("SLURM_GPUS_ON_NODE", "8")
  assert task.environment(Job(1, 1, 0, 0)) == {}
  found = task.environment(Job(num_tasks=8, num_nodes=2, global_rank=7, local_rank=3))
  assert found["JAX_LOCAL_DEVICE_IDS"] == "6,7"
  assert (found["JAX_NUM_PROCESSES"], found["JAX_PROCESS_ID"]) == ("8", "7")
  host, port = found["JAX_COORDINATOR_ADDRESS"].split(":")
  assert host == "node7"
  assert 1024 < int(port) < 65536
  monkeypatch.delenv("SLURM_GPUS_ON_NODE")
  assert task.environment(Job(2, 2, 1, 0))["JAX_NUM_CPU_DEVICES"] == "1"


def as_task(monkeypatch, rank, restarts):
  """The environment of one of two tasks."""
  own = {"SUBMITIT_EXECUTOR": "slurm", "SLURM_JOB_ID": "70", "SLURM_NTASKS": "2", "SLURM_JOB_NUM_NODES": "1"}
  own |= {"SLURM_PROCID": rank, "SLURM_LOCALID": rank, "SLURM_JOB_NODELIST": "n", "SLURM_RESTART_COUNT": restarts}
  for name, value in own.items():
    monkeypatch.setenv(name, str(value))


KILLED, STOPPED, FAILED = "os.kill(os.getpid(), 9)", f"sys.exit({console.STOPPED})", "sys.exit(1)"


@pytest.mark.parametrize(
  ("end", "rank", "restarts", "requeued", "fails"),
  [
    (KILLED, 0, 0, True, True),
    (KILLED, 1, 1, True, True),
    (KILLED, 1, 2, False, True),
    (STOPPED, 0, 0, True, True),
    (STOPPED, 1, 0, False, False),  # The first process speaks for all.
    (FAILED, 0, 0, False, True),
    ("", 0, 0, False, False),
  ],
)
def test_a_job_is_requeued_if_that_can_help(end, rank, restarts, requeued, fails, stand_in, monkeypatch):
  (stand_in / "scontrol").write_text(f'#!/bin/sh\necho "$@" > {stand_in}/asked\n')
  (stand_in / "scontrol").chmod(0o755)
  said(stand_in, "RUNNING")
  as_task(monkeypatch, rank, restarts)
  monkeypatch.setattr(task, "PATIENCE", 0)
  work = task.Work([sys.executable, "-c", f"import os, sys; {end}"], requeues=2)
  with pytest.raises(RuntimeError, match="ended with") if fails else nullcontext():
    work()
  assert (stand_in / "asked").exists() == requeued
  if requeued:
    assert (stand_in / "asked").read_text() == "requeue 70\n"


def said(stand_in, state):
  """What squeue answers about the job."""
  (stand_in / "squeue").write_text(f"#!/bin/sh\necho {state}\n")
  (stand_in / "squeue").chmod(0o755)


def test_a_job_that_is_being_cancelled_is_not_requeued(stand_in, monkeypatch):
  (stand_in / "scontrol").write_text(f"#!/bin/sh\ntouch {stand_in}/asked\n")
  (stand_in / "scontrol").chmod(0o755)
  said(stand_in, "COMPLETING")
  as_task(monkeypatch, 0, 0)
  monkeypatch.setattr(task, "PATIENCE", 0)
  with pytest.raises(RuntimeError, match="stopped"):
    task.Work([sys.executable, "-c", "import sys; sys.exit(75)"], requeues=2)()
  assert not (stand_in / "asked").exists()


SLOW_TO_SAVE = """
import signal, sys, time
from pathlib import Path
def save(number, frame):
  time.sleep(0.5)
  Path("saved").touch()
  sys.exit(75)
signal.signal(signal.SIGTERM, save)
Path("ready").touch()
time.sleep(60)
"""


def test_two_warnings_save_once_and_requeue_the_same_work(stand_in, monkeypatch):
  as_task(monkeypatch, 0, 0)
  work, again = task.Work([sys.executable, "-c", SLOW_TO_SAVE], requeues=2), []

  class Leaves(Exception):
    """As submitit ends the task."""

  def warned(number, frame):
    again.append(work.checkpoint().function)
    raise Leaves

  def warn():
    while not Path("ready").exists():
      time.sleep(0.05)
    for _ in range(2):  # Others than the task itself get it too, where SLURM sends it to all.
      os.kill(os.getpid(), signal.SIGUSR2)
      os.kill(work._child.pid, signal.SIGUSR2)
      time.sleep(0.2)

  former = signal.signal(signal.SIGUSR2, warned)
  threading.Thread(target=warn).start()
  try:
    with pytest.raises(Leaves):
      work()
  finally:
    signal.signal(signal.SIGUSR2, former)
    work._child.wait()
  assert Path("saved").exists()
  assert [(w.command, w.requeues, w.member) for w in again] == [(work.command, 2, None)]
