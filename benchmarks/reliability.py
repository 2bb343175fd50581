"""Kills a run at random moments, starts it again until it is done, and compares it with one that was left alone.

  python -m benchmarks.reliability --kills=25

The run is configs/device.py:quick with more epochs, in a folder of its own; each life ends by SIGKILL after a random
time, those of the imports and of saving among them. Prints how far the lives came, and whether weights, losses and
scores are the same to the last bit.
"""

import argparse
import collections
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from fsim.train import metrics

CONFIG = ("configs/device.py:quick", "extractor.epochs=12", "scorer.epochs=12", "save_every=1")


def command(workdir: Path) -> list[str]:
  file, *settings = CONFIG
  given = [f"--config.{setting}" for setting in settings]
  return [sys.executable, "-m", "fsim.main", f"--config={file}", f"--workdir={workdir}", *given]


def reached(workdir: Path) -> str:
  """How far a run is, in a word or two."""
  rows = metrics.read(workdir)
  if not rows:
    return "before the first epoch"
  return "done" if (workdir / "results.json").exists() else f"in or after {rows[-1]['phase']}"


def outcome(workdir: Path) -> dict[str, str]:
  """Digests of what a run ends with."""
  weights = hashlib.sha256()
  for phase in sorted((workdir / "checkpoints").iterdir()):
    newest = max((path for path in phase.iterdir() if path.name.isdecimal()), key=lambda path: int(path.name))
    for path in sorted((newest / "default").glob("*/*")):
      if path.parent.name != "array_metadatas":
        weights.update(path.read_bytes())
  losses = repr([(row["phase"], row["step"], row["validation_loss"]) for row in metrics.read(workdir)])
  scores = pd.read_parquet(workdir / "scores.parquet")["logit"].to_numpy().tobytes()
  found = {"weights": weights.hexdigest(), "losses": losses, "scores": scores}
  return {name: hashlib.sha256(x if isinstance(x, bytes) else x.encode()).hexdigest() for name, x in found.items()}


def killed(workdir: Path, kills: int, longest: float, rng: random.Random) -> collections.Counter:
  """Lives of a run until it was killed so often; where the deaths were."""
  deaths = collections.Counter()
  while deaths.total() < kills:
    with subprocess.Popen(command(workdir), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as life:
      time.sleep(rng.uniform(0, longest))
      if life.poll() is not None:  # It was done sooner: it begins once more, in another folder.
        return deaths
      os.kill(life.pid, signal.SIGKILL)
    deaths[reached(workdir)] += 1
    print(f"killed {reached(workdir)}", flush=True)
  return deaths


def main(arguments: list[str]) -> int:
  parser = argparse.ArgumentParser(prog="python -m benchmarks.reliability", description=__doc__)
  parser.add_argument("--kills", type=int, default=25)
  parser.add_argument("--seed", type=int, default=0)
  chosen = parser.parse_args(arguments)
  rng, deaths, same = random.Random(chosen.seed), collections.Counter(), []
  with tempfile.TemporaryDirectory() as folder:
    alone, began = Path(folder) / "alone", time.monotonic()
    subprocess.run(command(alone), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    longest, number = time.monotonic() - began, 0
    while deaths.total() < chosen.kills:
      disturbed = Path(folder) / f"disturbed{number}"
      found = killed(disturbed, chosen.kills - deaths.total(), longest, rng)
      if not found:  # It was done before its time.
        shutil.rmtree(disturbed, ignore_errors=True)
        continue
      deaths += found
      subprocess.run(command(disturbed), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
      same.append({name: outcome(disturbed)[name] == value for name, value in outcome(alone).items()})
      number += 1
  print(f"{deaths.total()} kills in {number} runs: {dict(deaths)}")
  for name in same[0]:
    print(f"{name}: {sum(found[name] for found in same)} of {number} runs as if undisturbed, bit for bit")
  return int(not all(all(found.values()) for found in same))


if __name__ == "__main__":
  sys.exit(main(sys.argv[1:]))
