"""Many runs of one configuration, and one table of their results.

python -m launch.sweep configs/sweeps/patch_folds.py --workdir=DIR [--at-once=1] [--set data.source=FOLDER ...]

The file names a configuration (CONFIG) and yields the settings of each run (`sweep`). Runs that have finished are not
started again, those that were interrupted go on, and one that fails does not stop the others. At the end, and whenever
it is called again, DIR has table.csv, table.html and, for systems that vote, voting.png.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from tqdm import tqdm

from fsim.report import naming_figures, page

DONE = "sweep.json"  # In a run's folder, once it has ended well: the settings that it had.
LOG = "sweep.log"  # What it printed.


class Run(NamedTuple):
  """name: of the settings in which the runs differ. settings: all that are not the configuration's own."""

  name: str
  folder: Path
  config: str
  settings: dict[str, str]

  def command(self) -> list[str]:
    settings = [f"--config.{name}={value}" for name, value in self.settings.items()]
    return [sys.executable, "-m", "fsim.main", f"--config={self.config}", *settings, f"--workdir={self.folder}"]

  def finished(self) -> bool:
    """Raises ValueError if it finished with other settings."""
    note = self.folder / DONE
    if not note.exists():
      return False
    former = json.loads(note.read_text())
    if former != {"config": self.config, "settings": self.settings}:
      raise ValueError(f"{self.folder} finished with other settings, {former}; choose another --workdir")
    return True


def planned(sweep: Path, workdir: Path, common: dict[str, str]) -> list[Run]:
  """Raises ValueError for a file that is no sweep."""
  spec = importlib.util.spec_from_file_location(sweep.stem, sweep)
  if spec is None or not sweep.exists():
    raise ValueError(f"{sweep} is not a Python file")
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  if not hasattr(module, "CONFIG") or not hasattr(module, "sweep"):
    raise ValueError(f"{sweep} must define CONFIG and sweep()")
  runs = []
  for settings in module.sweep():
    own = {name: str(value) for name, value in settings.items()}
    name = ",".join(f"{key}={value}" for key, value in own.items()).replace("/", "_")
    runs.append(Run(name, workdir / name, module.CONFIG, own | common))
  return runs


def carry_out(run: Run) -> str:
  """Runs it to its end; returns "" or why it failed."""
  run.folder.mkdir(parents=True, exist_ok=True)
  with (run.folder / LOG).open("w") as log:
    code = subprocess.run(run.command(), stdout=log, stderr=subprocess.STDOUT, check=False).returncode
  said = (run.folder / LOG).read_text().strip().splitlines()
  if code == 0 and said and said[-1].startswith("report: "):
    (run.folder / DONE).write_text(json.dumps({"config": run.config, "settings": run.settings}))
    return ""
  return f"exit code {code}: {said[-1] if said else 'it said nothing'}"


def all_of(runs: Sequence[Run], at_once: int, bar: tqdm) -> dict[str, str]:
  """Carries the runs out; returns why some failed, by name. An interrupt reaches the runs too, which save and end."""
  failures = {}
  with ThreadPoolExecutor(at_once) as pool:
    futures = {pool.submit(carry_out, run): run for run in runs}
    try:
      for future in as_completed(futures):
        if future.result():
          failures[futures[future].name] = future.result()
          print(f"sweep: {futures[future].name}: {future.result()}", file=sys.stderr)
        bar.update()
    except BaseException:
      pool.shutdown(wait=False, cancel_futures=True)
      raise
  return failures


def table(runs: Sequence[Run]) -> pd.DataFrame:
  """A row a measure, a column a run that has finished, and their mean and standard deviation."""
  columns = {run.name: page.numbers(run.folder) for run in runs if run.finished()}
  whole = pd.DataFrame(columns)
  return whole.assign(mean=whole.mean(axis=1), std=whole.std(axis=1))


def voting(runs: Sequence[Run]) -> pd.DataFrame | None:
  """Mean and mean ± standard deviation over finished runs of accuracy against voting patches; None if there is none."""
  files = [run.folder / "voting.csv" for run in runs if run.finished()]
  curves = [pd.read_csv(file) for file in files if file.exists()]
  if not curves:
    return None
  grouped = pd.concat(curves).groupby(["rule", "patches"], sort=False)["mean"]
  mean, spread = grouped.mean(), grouped.std().fillna(0)
  return pd.DataFrame({"mean": mean, "low": mean - spread, "high": mean + spread}).reset_index()


def write(workdir: Path, runs: Sequence[Run], failures: dict[str, str]) -> None:
  found = table(runs)
  found.to_csv(workdir / "table.csv", index_label="measure")
  finished = sum(run.finished() for run in runs)
  failed = "".join(f"<p>{name} failed: {cause}</p>" for name, cause in failures.items())
  title = f"{workdir.name}: {finished} of {len(runs)} runs"
  curve = voting(runs)
  picture = ""
  if curve is not None:
    (workdir / "voting.png").write_bytes(naming_figures.voting(curve))
    picture = '<p>Bands: one standard deviation over runs.</p><img src="voting.png" alt="voting curve" width="800">'
  numbers = found.to_html(float_format=lambda value: f"{value:.3f}", na_rep="")
  (workdir / "table.html").write_text(
    f'<!doctype html><meta charset="utf-8"><title>{title}</title><h1>{title}</h1>{failed}{numbers}{picture}'
  )


def main(arguments: Sequence[str]) -> int:
  parser = argparse.ArgumentParser(
    prog="python -m launch.sweep", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  parser.add_argument("sweep", type=Path, help="a file of configs/sweeps")
  parser.add_argument("--workdir", type=Path, required=True, help="a folder for all runs and the table")
  parser.add_argument("--at-once", type=int, default=1, help="runs at a time; each uses all cores")
  parser.add_argument("--set", action="extend", nargs="+", default=[], metavar="FIELD=VALUE", help="for every run")
  chosen = parser.parse_args(arguments)
  if chosen.at_once < 1 or not all("=" in setting for setting in chosen.set):
    parser.error("--at-once is 1 or more, and --set takes FIELD=VALUE")
  try:
    runs = planned(chosen.sweep, chosen.workdir, dict(setting.split("=", 1) for setting in chosen.set))
    left = [run for run in runs if not run.finished()]
  except ValueError as error:
    print(f"sweep: {error}", file=sys.stderr)
    return 1
  with tqdm(total=len(runs), initial=len(runs) - len(left), desc="sweep", unit="run") as bar:
    failures = all_of(left, chosen.at_once, bar)
  chosen.workdir.mkdir(parents=True, exist_ok=True)
  write(chosen.workdir, runs, failures)
  print(table(runs).round(3).to_string(na_rep=""))
  print(f"table: {chosen.workdir / 'table.html'}")
  return int(bool(failures))


if __name__ == "__main__":
  sys.exit(main(sys.argv[1:]))
