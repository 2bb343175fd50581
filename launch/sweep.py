"""Many runs of one configuration, and one table of their results.

  fsim sweep configs/sweeps/patch_folds.py --workdir=DIR [--at-once=1] [--set data.source=FOLDER ...]
  fsim sweep configs/sweeps/patch_folds.py --workdir=DIR --slurm [--at-once=8] [--gpus=1 --minutes=240 ...]
  fsim sweep configs/sweeps/patch_folds.py --workdir=DIR --table

The file names a configuration (CONFIG), yields the settings of each run (`sweep`), and may name the measures to draw
(MEASURES). Runs that have finished are not started again, those that were interrupted go on, and one that fails does
not stop the others. With --slurm each run is a task of a job array (docs/clusters.md). After every run, and with
--table at any time, DIR has table.csv, groups.csv, table.html, and figures.
"""

import argparse
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from tqdm import tqdm

from fsim.boundary import console, progress, waking
from fsim.boundary.text import shown
from fsim.commands import options, program
from launch import slurm
from launch.runs import LOG, Run, Sweep, planned
from launch.task import Member, Work


def carry_out(run: Run, under_way: set[subprocess.Popen]) -> str:
  """Runs it to its end; returns "" or why it failed."""
  run.begin()
  with (run.folder / LOG).open("w") as log:
    # In a session of its own: the terminal's Ctrl-C comes from `all_of` only.
    child = subprocess.Popen(run.command(), stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    under_way.add(child)
    code = child.wait()
    under_way.discard(child)
  run.end(code)
  return run.failure()


def all_of(sweep: Sweep, left: Sequence[Run], at_once: int, bar: tqdm) -> None:
  """Carries out the runs that are left. An interruption is passed on to them: they save and end."""
  from launch import table  # Here, as in `main`: `fsim sweep --help` need not wait for it.

  under_way: set[subprocess.Popen] = set()
  with console.resumable(), ThreadPoolExecutor(at_once) as pool:
    futures = {pool.submit(carry_out, run, under_way): run for run in left}
    try:
      for future in as_completed(futures):
        if future.result():
          console.note(f"{futures[future].name}: {future.result()}")
        bar.update()
        table.write(sweep)
    except BaseException:
      pool.shutdown(wait=False, cancel_futures=True)
      for child in list(under_way):
        child.terminate()
      raise


def submit(sweep: Sweep, left: Sequence[Run], at_once: int, chosen: argparse.Namespace) -> None:
  """Hands the runs that are left to SLURM as one job array; each writes the table when it has ended."""
  works = [Work(run.command(), chosen.requeues, Member(sweep, run)) for run in left]
  jobs = slurm.submit(works, chosen, sweep.workdir / "slurm", sweep.workdir.name, at_once)
  said = f"{len(jobs)} runs submitted: {', '.join(jobs)}; --table shows what they have found"
  console.say(console.to_json({"jobs": jobs}) if chosen.json else said)


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
  parser = options.parser("sweep", __doc__)
  parser.add_argument("sweep", type=console.path, metavar="FILE", help="of configs/sweeps, or one of your own")
  told = "a folder for all runs and the table"
  parser.add_argument("--workdir", type=console.path, metavar="DIR", required=True, help=told)
  told = "runs at a time; on one machine each uses all cores"
  parser.add_argument("--at-once", type=int, metavar="N", default=1, help=told)
  parser.add_argument("--set", action="extend", nargs="+", default=[], metavar="FIELD=VALUE", help="for every run")
  how = parser.add_mutually_exclusive_group()
  how.add_argument("--slurm", action="store_true", help="submit the runs as a job array")
  how.add_argument("--table", action="store_true", help="only write the table of what has finished")
  options.add_json(parser)
  slurm.add_arguments(parser)
  chosen = parser.parse_args(arguments)
  if chosen.at_once < 1 or not all("=" in setting for setting in chosen.set):
    parser.error("--at-once is 1 or more, and --set takes FIELD=VALUE")
  return chosen


def main(arguments: Sequence[str]) -> int:
  chosen = parsed(arguments)
  with waking.importing():
    from launch import table
  sweep = planned(chosen.sweep, chosen.workdir, dict(setting.split("=", 1) for setting in chosen.set))
  left = [] if chosen.table else [run for run in sweep.runs if not run.finished()]
  if chosen.slurm and left:
    submit(sweep, left, chosen.at_once, chosen)
    return console.ANSWERED
  with progress.bar(total=len(sweep.runs), initial=len(sweep.runs) - len(left), desc="sweep", unit="run") as bar:
    all_of(sweep, left, chosen.at_once, bar)
  table.write(sweep)
  found = table.found_by(sweep.runs)
  if chosen.json:
    console.say(console.to_json(table.described(sweep, found)))
  else:
    console.say(table.by_run(found).round(3).to_string(na_rep=""))
    console.say(f"table: {shown(chosen.workdir / 'table.html')}")
  return console.INCOMPLETE if any(run.failure() for run in sweep.runs) else console.ANSWERED


if __name__ == "__main__":
  program("sweep")
