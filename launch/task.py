"""What a task of a SLURM job does: one process of a run, ended in time and requeued where that helps.

submitit is imported where it is needed, so that sweeps on one machine do without it, and so is what writes tables: a
task should cost no more memory than its run.
"""

import os
import signal
import subprocess
import time
from contextlib import ExitStack, suppress
from typing import Any, NamedTuple

from fsim.boundary import shares
from fsim.boundary.console import STOPPED
from fsim.boundary.shares import ALONE, Share
from launch.local import variables
from launch.runs import LOG, Run, Sweep

PATIENCE = 10  # Seconds in which SLURM ends a job that was requeued, or that another task has requeued.
DEAF = ("sh", "-c", 'trap "" USR2; exec "$@"', "run")  # The warning before the time limit is for submitit alone.
PORTS = (61440, 4096)  # First and number of those from which a job takes one by its id, as JAX itself does.


class Member(NamedTuple):
  """A run of a sweep: it writes its own log, notes how it ended, and brings the table up to date."""

  sweep: Sweep
  run: Run

  def end(self, code: int) -> None:
    from launch import table

    self.run.end(code)
    table.write(self.sweep)


class Work:
  """Called by submitit in every task of a job.

  command: of `python -m fsim.main`, or of a verb. requeues: how often a killed process may bring the job back to the
  queue. share: of what a verb does, in a job of one process.
  """

  def __init__(self, command: list[str], requeues: int, member: Member | None = None, share: Share = ALONE):
    self.command, self.requeues, self.member, self.share = command, requeues, member, share
    self._child: subprocess.Popen | None = None

  def __call__(self) -> None:
    """Raises RuntimeError if the run did not end well, which ends the job."""
    import submitit

    job = submitit.JobEnvironment()
    member = self.member if job.global_rank == 0 else None
    with ExitStack() as stack:
      if member:
        member.run.begin()
      log = stack.enter_context((member.run.folder / LOG).open("w")) if member else None
      self._child = subprocess.Popen(
        [*DEAF, *self.command],
        env=os.environ | environment(job) | shares.variables(self.share),
        stdout=log,
        stderr=subprocess.STDOUT if log else None,
      )
      code = self._child.wait()
    if self._deserves_another_go(code, job):
      print(f"launch: process {job.global_rank} ended with {code} ({_meaning(code)}); the job is requeued", flush=True)
      subprocess.run(["scontrol", "requeue", job.raw_job_id], check=False)
      time.sleep(PATIENCE)
    if member:
      member.end(code)
    if code and not (code == STOPPED and job.global_rank > 0):  # All are stopped together; the first speaks for them.
      time.sleep(PATIENCE if job.num_tasks > 1 else 0)  # If it failed because another was killed, that one requeues.
      raise RuntimeError(f"{' '.join(self.command)} ended with {code} ({_meaning(code)})")

  def _deserves_another_go(self, code: int, job: Any) -> bool:
    """Whether to requeue: it was killed, or told to stop by someone else than `checkpoint`, and not too often yet."""
    stopped = code == STOPPED and job.global_rank == 0
    again = (code < 0 or stopped) and int(os.environ.get("SLURM_RESTART_COUNT", 0)) < self.requeues
    return again and _runs_on(job)

  def checkpoint(self) -> Any:
    """On the signal that comes before the time limit, in the first task: has the run saved, for submitit to requeue."""
    import submitit

    signal.signal(signal.SIGUSR2, signal.SIG_IGN)  # A second warning must not begin this again.
    if self._child:
      self._child.terminate()  # All processes of the run agree to stop.
      with suppress(ChildProcessError):  # Popen.wait() would meet its own lock, which the interrupted one holds.
        os.waitid(os.P_PID, self._child.pid, os.WEXITED | os.WNOWAIT)
    return submitit.helpers.DelayedSubmission(Work(self.command, self.requeues, self.member, self.share))


def _runs_on(job: Any) -> bool:
  """Whether the job is to live: while SLURM ends one that was cancelled, its tasks are signalled as in preemption.

  SLURM would requeue a cancelled job all the same.
  """
  asked = ["squeue", "--noheader", "--format=%T", "--states=all", f"--jobs={job.raw_job_id}"]
  return subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip() == "RUNNING"


def _meaning(code: int) -> str:
  return f"signal {-code}" if code < 0 else "stopped" if code == STOPPED else "failed"


def environment(job: Any) -> dict[str, str]:
  """A single process uses all that the job has; several share the GPUs of each node evenly."""
  if job.num_tasks == 1:
    return {}
  first, count = PORTS
  address = f"{job.hostnames[0]}:{first + int(job.raw_job_id) % count}"
  a_node = job.num_tasks // job.num_nodes
  own = max(int(os.environ.get("SLURM_GPUS_ON_NODE", 0)) // a_node, 1)
  return variables(job.global_rank, job.num_tasks, address, range(job.local_rank * own, (job.local_rank + 1) * own))
