"""Shows that a change to the code has changed no number: the quick run of every system, before and after.

  python -m benchmarks.same_numbers --out=/tmp/before.json
  python -m benchmarks.same_numbers --out=/tmp/after.json --against=/tmp/before.json

Each runs the five of the sources that it is called in, on freshly simulated photographs, and writes what they found:
every line of metrics.jsonl, the measures, and digests of the data, of each column of numbers in a table, and of each
array of weights. A value that is there under another name is told as renamed, and one that is new as new; one that is
lost or changed is a difference, with which the exit code is 1. About three minutes on two CPU cores.
"""

import argparse
import collections
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orbax.checkpoint as ocp
import pandas as pd

from fsim.systems import SYSTEMS, finished
from fsim.train import metrics

Values = dict[str, float | str]  # A name -> a number of a run, or the digest of many.
TIMES = {"steps_per_second", "waiting"}  # Of metrics.jsonl: another each time.
TABLES = {".parquet": pd.read_parquet, ".csv": pd.read_csv}


def run(system: str, folder: Path) -> Path:
  """The folder of a finished quick run."""
  command = [sys.executable, "-m", "fsim.main", f"--config=configs/{system}.py:quick", f"--workdir={folder / system}"]
  subprocess.run(command, env=os.environ | {"TFDS_DATA_DIR": str(folder / "data")}, check=True)
  return folder / system


def values(workdir: Path) -> Values:
  facts = json.loads((workdir / "environment.json").read_text())["data"]
  found = {"data": facts["data_digest"]}
  for row in metrics.read(workdir):
    phase, step = row.pop("phase"), row.pop("step")
    found |= {f"{phase}, step {step}: {name}": value for name, value in row.items() if name not in TIMES}
  found |= {f"measure: {name}": value for name, value in finished.numbers(workdir).items()}
  return found | dict(digests_of_tables(workdir)) | dict(digests_of_weights(workdir))


def digests_of_tables(workdir: Path) -> Iterator[tuple[str, str]]:
  """Of columns of numbers: names are words, which a change of words may change."""
  for path in sorted(path for path in workdir.rglob("*") if path.suffix in TABLES and path.stat().st_size):
    table = TABLES[path.suffix](path)
    for name, column in table.select_dtypes(["number", "bool"]).items():
      yield f"{path.relative_to(workdir)}: {name}", digest(column.to_numpy())


def digests_of_weights(workdir: Path) -> Iterator[tuple[str, str]]:
  """Of the last checkpoint of each phase, and of every file of arrays."""
  for folder in sorted((workdir / "checkpoints").iterdir()):
    step = max((path.name for path in folder.iterdir() if path.name.isdecimal()), key=int)
    state = ocp.PyTreeCheckpointer().restore(folder.absolute() / step / "default")
    yield from ((f"checkpoints/{folder.name}/{step}: {name}", digest(np.asarray(x))) for name, x in leaves(state, ()))
  for path in sorted(workdir.rglob("*.npz")):
    with np.load(path) as arrays:
      numbers = [name for name in arrays.files if arrays[name].dtype.kind in "biuf"]
      yield from ((f"{path.relative_to(workdir)}: {name}", digest(arrays[name])) for name in numbers)


def leaves(tree: object, place: tuple[str, ...]) -> Iterator[tuple[str, object]]:
  if isinstance(tree, dict | list):
    for name, part in tree.items() if isinstance(tree, dict) else enumerate(tree):
      yield from leaves(part, (*place, str(name)))
  elif tree is not None:
    yield "/".join(place), tree


def digest(values: np.ndarray) -> str:
  form = f"{values.dtype}{values.shape}".encode()
  return hashlib.sha256(form + np.ascontiguousarray(values).tobytes()).hexdigest()


def compared(before: Values, after: Values) -> tuple[list[str], list[str]]:
  """What differs, and what may: values under another name, and new ones."""
  gone = {name: value for name, value in before.items() if name not in after}
  new = {name: value for name, value in after.items() if name not in before}
  changed = [name for name in before.keys() & after.keys() if before[name] != after[name]]
  names = collections.defaultdict(list)
  for name, value in new.items():
    names[value].append(name)
  differ = [f"{name}: {before[name]} before, {after[name]} after" for name in sorted(changed)]
  notes = []
  for name, value in gone.items():
    if names[value]:
      notes.append(f"renamed: {name} -> {names[value].pop(0)}")
    else:
      differ.append(f"{name}: {value} before, gone after")
  return differ, notes + [f"new: {name}" for left in names.values() for name in left]


def main() -> int:
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("--out", type=Path, required=True, help="where the values are written, *.json")
  parser.add_argument("--against", type=Path, help="the values of a former call")
  parser.add_argument("--systems", nargs="+", choices=list(SYSTEMS), default=list(SYSTEMS))
  given = parser.parse_args()
  with tempfile.TemporaryDirectory() as folder:
    found = {system: values(run(system, Path(folder))) for system in given.systems}
  given.out.write_text(json.dumps(found, indent=1))
  if not given.against:
    return 0
  former, differences = json.loads(given.against.read_text()), 0
  for system, after in found.items():
    differ, notes = compared(former[system], after)
    differences += len(differ)
    lines = [*notes, *differ, f"{len(former[system])} values, {len(differ)} differ"]
    print(*(f"{system}: {line}" for line in lines), sep="\n")
  return int(differences > 0)


if __name__ == "__main__":
  sys.exit(main())
