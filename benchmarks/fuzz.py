"""Mutated photographs, and other mutated files, through every reader and command: what must not happen is counted.

python -m benchmarks.fuzz [--files=10000] [--seed=0] [--workers=2] [--keep=DIR] [--run-model=DIR] [--run-patch=DIR]

A photograph of which libjpeg complains is refused everywhere alike, and one whose pixels are whole is accepted. Who
speaks for libjpeg is printed; where what follows an image changes its word, that on the image alone counts. One file is
whole although libjpeg complains: it lacks nothing but the last byte of its end marker. The exit code is 1 if a column
from `exception` on has anything but zeros. Linux.
"""

import argparse
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import fuzz_commands, fuzz_loaders, fuzz_photographs
from benchmarks.fuzz_mutations import MUTATIONS
from benchmarks.fuzz_readers import READERS, Outcome, Reader, examine, guard_memory, judge
from fsim.boundary import console, progress

FAULTS = (
  "exception", "slow", "heavy", "wrongly accepted", "wrongly refused", "other pixels", "disagreement",
)  # fmt: skip
BATCH = 50  # Files of a worker at a time.
FILES_A_FOLDER = 1000  # One folder goes through the commands for so many single files.
FILES_A_LOADER = 20  # And one mutation of every other kind of file.
SHOWN = 5  # Faults of one kind that are printed.

photographs = cache(fuzz_photographs.photographs)


def mutated(seed: int, number: int) -> tuple[str, bytes, bytes]:
  """The kind of a mutation, its outcome, and the whole photograph before; the same for a seed and number always."""
  rng = np.random.default_rng([seed, number])
  whole = photographs(seed)
  photograph, other = whole[rng.integers(len(whole))], whole[rng.integers(len(whole))]
  kind = list(MUTATIONS)[number % len(MUTATIONS)]
  return kind, MUTATIONS[kind](rng, photograph.data, other.data), photograph.data


def read(seed: int, numbers: Sequence[int], readers: dict[str, Reader], keep: Path | None) -> list[Outcome]:
  """Single files through the readers; `keep` gets those with faults."""
  found = []
  with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "photograph.jpg")
    for number in numbers:
      kind, data, original = mutated(seed, number)
      path.write_bytes(data)
      found.append(examine(number, kind, path, original, readers))
      if found[-1].faults and keep:
        (keep / f"{seed}-{number}-{kind.replace(' ', '_')}.jpg").write_bytes(data)
  return found


def in_processes(seed: int, files: int, workers: int, keep: Path | None) -> Iterator[Outcome]:
  """As `read`, in fresh processes, so that memory is that of the readers alone."""
  batches = [range(start, min(start + BATCH, files)) for start in range(0, files, BATCH)]
  with ProcessPoolExecutor(workers, get_context("spawn"), guard_memory) as pool:
    for outcomes in pool.map(read, *zip(*((seed, batch, READERS, keep) for batch in batches), strict=True)):
      yield from outcomes


def table(outcomes: Iterable[Outcome]) -> pd.DataFrame:
  """A row a kind of mutation or of file."""
  rows: dict[str, Counter[str]] = {}
  for outcome in outcomes:
    row = rows.setdefault(outcome.kind, Counter())
    row.update(["files", "refused" if outcome.cause else "accepted", *outcome.faults])
    row["refused, libjpeg silent"] += outcome.silent
  columns = ["files", "accepted", "refused", "refused, libjpeg silent", *FAULTS]
  counts = pd.DataFrame.from_dict(rows, orient="index").reindex(columns=columns).fillna(0).astype(int)
  counts.loc["all"] = counts.sum()
  return counts


def faults(outcomes: Iterable[Outcome]) -> list[str]:
  """Each kind of fault, how often, and a few by number."""
  found: dict[str, list[str]] = {}
  for outcome in outcomes:
    for fault, evidence in outcome.faults.items():
      found.setdefault(fault, []).append(f"  {fault}: {outcome.number}, {outcome.kind}: {evidence}")
  return [line for lines in found.values() for line in lines[:SHOWN]]


def main(arguments: Sequence[str]) -> int:
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("--files", type=int, default=10_000, help="mutated photographs; the other kinds in proportion")
  parser.add_argument("--seed", type=int, default=0)
  parser.add_argument("--workers", type=int, default=os.cpu_count())
  parser.add_argument("--keep", type=console.path, metavar="DIR", help="put inputs with faults there")
  parser.add_argument("--run-model", type=console.path, metavar="DIR", help="try group and splice with this run too")
  parser.add_argument("--run-patch", type=console.path, metavar="DIR", help="try identify with this run too")
  chosen = parser.parse_args(arguments)
  if chosen.keep:
    chosen.keep.mkdir(parents=True, exist_ok=True)
  console.say(f"judge: {judge()}")
  steps = in_processes(chosen.seed, chosen.files, chosen.workers, chosen.keep)
  outcomes = list(progress.bar(steps, total=chosen.files, desc="photographs", unit="file"))
  with tempfile.TemporaryDirectory() as home:
    os.environ["TFDS_DATA_DIR"] = home  # Journals of folders that are gone in a minute.
    folders = range(-(-chosen.files // FILES_A_FOLDER))
    runs = fuzz_commands.Runs(chosen.run_model, chosen.run_patch)
    for number in progress.bar(folders, desc="folders through the commands", unit="folder"):
      outcomes += fuzz_commands.through(chosen.seed, number, runs, chosen.keep)
    others = fuzz_loaders.through(chosen.seed, max(1, chosen.files // FILES_A_LOADER), Path(home), chosen.keep)
    outcomes += progress.bar(others, desc="other files", unit="file")
  counts = table(outcomes)
  console.say(counts.to_string())
  for line in faults(outcomes):
    console.say(line)
  return int(counts.loc["all", list(FAULTS)].sum() > 0)


if __name__ == "__main__":
  sys.exit(console.run(main, sys.argv[1:]))
