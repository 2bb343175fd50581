"""One run as a SLURM job that survives its time limit, preemption and lost processes.

python -m launch.slurm [--nodes 1] [--processes 1] [--gpus 0] [--cpus 4] [--memory 16] [--minutes 60] [--partition P]
    [--account A] [--requeues 10] [--sbatch qos=low ...] [--logs runs/slurm] -- --config=configs/device.py --workdir=DIR

Every process runs `python -m fsim.main` with what follows `--`, in this directory and environment, which all nodes must
share. Shortly before the time limit, or when SLURM preempts the job, the run saves its state; the job is requeued and
goes on. So it is if a process is killed. Needs the extra [slurm]. Sweeps: `python -m launch.sweep FILE --slurm`.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fsim.boundary import console
from fsim.boundary.errors import UserError
from fsim.boundary.shares import Share
from launch.local import command


def add_arguments(parser: argparse.ArgumentParser) -> None:
  group = parser.add_argument_group("SLURM, for each run")
  group.add_argument("--nodes", type=int, metavar="N", default=1, help="machines")
  group.add_argument("--processes", type=int, metavar="N", default=1, help="on each node; one uses all its GPUs")
  group.add_argument("--gpus", type=int, metavar="N", default=0, help="on each node")
  group.add_argument("--cpus", type=int, metavar="N", default=4, help="cores of each process")
  group.add_argument("--memory", type=float, metavar="GB", help="of each node; by default what the cluster gives")
  told = "time limit, after which the run is requeued to go on"
  group.add_argument("--minutes", type=int, metavar="N", default=60, help=told)
  group.add_argument("--warning", type=int, metavar="SECONDS", default=120, help="before the limit, to save and stop")
  group.add_argument("--requeues", type=int, metavar="N", default=10, help="at most, for whatever cause")
  group.add_argument("--partition", metavar="NAME", help="where the job may run; by default the cluster's")
  group.add_argument("--account", metavar="NAME", help="whose hours are used; by default the user's")
  group.add_argument("--sbatch", action="extend", nargs="+", default=[], metavar="OPTION=VALUE", help="anything else")


def parameters(chosen: argparse.Namespace, at_once: int) -> dict[str, Any]:
  """What submitit writes into the batch file. Raises UserError for values that no job can have."""
  if min(chosen.nodes, chosen.processes, chosen.cpus, chosen.minutes, chosen.warning) < 1 or chosen.requeues < 0:
    raise UserError("--nodes, --processes, --cpus, --minutes and --warning are 1 or more, --requeues 0 or more")
  if chosen.gpus and chosen.gpus % chosen.processes:
    raise UserError(f"{chosen.gpus} GPUs of a node cannot be shared evenly by {chosen.processes} processes")
  if not all("=" in option for option in chosen.sbatch):
    raise UserError("--sbatch takes OPTION=VALUE")
  wanted = {
    "nodes": chosen.nodes,
    "ntasks_per_node": chosen.processes,
    "cpus_per_task": chosen.cpus,
    "gpus_per_node": chosen.gpus or None,
    "mem": f"{chosen.memory * 1024:.0f}MB" if chosen.memory else None,
    "time": chosen.minutes,
    "signal_delay_s": chosen.warning,
    "partition": chosen.partition,
    "account": chosen.account,
    "array_parallelism": at_once,
    "stderr_to_stdout": True,
    "srun_args": ["--kill-on-bad-exit=1", f"--cpus-per-task={chosen.cpus}"],  # The latter is not inherited since 22.05.
    "additional_parameters": {"requeue": True} | dict(option.split("=", 1) for option in chosen.sbatch),
  }
  return {name: value for name, value in wanted.items() if value is not None}


def submit(works: Sequence[Any], chosen: argparse.Namespace, logs: Path, name: str, at_once: int = 1) -> list[str]:
  """One job, or a job array of several; returns their ids. Raises UserError if SLURM cannot be had or refuses."""
  wanted = parameters(chosen, at_once)
  try:
    import submitit
  except ImportError as error:
    raise UserError(f"jobs are submitted by submitit: pip install 'forensic-fsim[slurm]' ({error})") from error
  try:
    executor = submitit.SlurmExecutor(logs.absolute(), max_num_timeout=chosen.requeues)
    executor.update_parameters(job_name=name, **wanted)
    with executor.batch():
      jobs = [executor.submit(work) for work in works]
  except RuntimeError as error:
    raise UserError(f"SLURM: {error}") from error
  return [job.job_id for job in jobs]


def main(arguments: Sequence[str]) -> int:
  from launch.task import Work  # By this name, which the job can import; the module that runs is called __main__.

  place = list(arguments).index("--") if "--" in arguments else len(arguments)
  own, run = arguments[:place], list(arguments[place + 1 :])
  parser = argparse.ArgumentParser(
    prog="python -m launch.slurm", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  add_arguments(parser)
  parser.add_argument("--logs", type=console.path, default=Path("runs/slurm"), help="a folder that all nodes see")
  parser.add_argument(
    "--shares", type=int, metavar="N", default=1, help="jobs of an array that share out what a verb does"
  )
  chosen = parser.parse_args(own)
  if not run:
    parser.error("`--` and the arguments of the run must follow")
  if chosen.shares < 1 or (chosen.shares > 1 and (run[0].startswith("-") or chosen.processes * chosen.nodes > 1)):
    parser.error("--shares is 1 or more, of a verb, on one node by one process each")
  works = [Work(command(run), chosen.requeues, share=Share(k, chosen.shares)) for k in range(chosen.shares)]
  jobs = submit(works, chosen, chosen.logs, "fsim", at_once=chosen.shares)
  console.say(f"job {jobs[0]}; log: {chosen.logs / f'{jobs[0]}_0_log.out'}")
  return console.ANSWERED


if __name__ == "__main__":
  sys.exit(console.run(main, sys.argv[1:]))
