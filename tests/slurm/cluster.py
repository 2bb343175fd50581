"""munge, slurmctld and slurmd on loopback: a real SLURM of one node, without systemd, cgroups or accounting.

  python -m tests.slurm.cluster FOLDER [COMMAND ...]

runs the command (by default a shell) with a cluster around it. Needs root and Debian's packages slurmctld, slurmd,
slurm-client and munge; touches no files outside FOLDER.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol", "scancel", "squeue")
PATIENCE = 30  # Seconds until a daemon must answer, or must have ended.
# A requeued job waits for as long as credentials live (cred_expire, by default two minutes).
CONF = """
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1
ReturnToService=2
KillWait=5
MinJobAge=3600
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:2
"""


def absent() -> str:
  """Why there can be no cluster here, or ""."""
  missing = [name for name in PROGRAMS if not shutil.which(name, path=_path())]
  if missing:
    return f"needs SLURM: apt-get install slurmctld slurmd slurm-client munge ({', '.join(missing)} not found)"
  return "needs root, as SLURM's daemons do" if os.geteuid() else ""


@contextmanager
def cluster(folder: Path) -> Iterator[dict[str, str]]:
  """Starts the daemons and waits for the node to be idle; yields the variables by which SLURM's commands find them."""
  folder = folder.absolute()
  for name in ("state", "spool"):
    (folder / name).mkdir(parents=True, exist_ok=True)
  (folder / "munge.key").write_bytes(os.urandom(1024))
  (folder / "munge.key").chmod(0o400)
  host = socket.gethostname().split(".")[0]
  conf = folder / "slurm.conf"
  conf.write_text(CONF.format(host=host, ports=_free_ports(2), folder=folder, cpus=os.cpu_count()))
  munge = {"socket": "munge.socket", "pid-file": "munge.pid", "log-file": "munge.log", "seed-file": "munge.seed"}
  paths = [f"--{option}={folder / name}" for option, name in munge.items()]
  variables = {"SLURM_CONF": str(conf), "PATH": _path()}
  with ExitStack() as stack:
    stack.enter_context(_daemon(["munged", "--foreground", "--force", f"--key-file={folder}/munge.key", *paths], {}))
    _until(lambda: (folder / "munge.socket").exists(), "munged")
    stack.enter_context(_daemon(["slurmctld", "-D", "-f", str(conf)], variables))
    stack.enter_context(_daemon(["slurmd", "-D", "-f", str(conf)], variables))
    _until(lambda: "State=IDLE" in _said(["scontrol", "show", "node", host], variables), "slurmd")
    try:
      yield variables
    finally:  # Jobs would outlive the daemons.
      _said(["scancel", "--me"], variables)
      _until(lambda: not _said(["squeue", "--noheader"], variables), "squeue")


def _path() -> str:
  return f"{os.environ['PATH']}:/usr/sbin:/sbin"


def _free_ports(count: int) -> list[int]:
  with ExitStack() as stack:
    sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
    for own in sockets:
      own.bind(("127.0.0.1", 0))
    return [own.getsockname()[1] for own in sockets]


@contextmanager
def _daemon(command: list[str], variables: dict[str, str]) -> Iterator[None]:
  environment = os.environ | {"PATH": _path()} | variables
  process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
  try:
    yield
  finally:
    process.terminate()
    try:
      process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
      process.kill()
      process.wait()


def _said(command: list[str], variables: dict[str, str]) -> str:
  done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)
  return done.stdout


def _until(ready, name: str) -> None:
  deadline = time.monotonic() + PATIENCE
  while not ready():
    if time.monotonic() > deadline:
      raise TimeoutError(f"{name} did not answer within {PATIENCE} s; see its log")
    time.sleep(0.1)


def main(arguments: list[str]) -> int:
  if absent() or not arguments:
    print(absent() or __doc__, file=sys.stderr)
    return 2
  folder, *command = arguments
  with cluster(Path(folder)) as variables:
    return subprocess.run(command or [os.environ.get("SHELL", "bash")], env=os.environ | variables).returncode


if __name__ == "__main__":
  sys.exit(main(sys.argv[1:]))
