"""The run folder: settings, environment, and the promise that one folder holds one experiment."""

import contextlib
import hashlib
import importlib.metadata
import json
import os
import platform
from collections.abc import Iterator
from pathlib import Path

import jax
import pandas as pd
from ml_collections import ConfigDict

from fsim.boundary import console, inputs, lock, outputs
from fsim.boundary.errors import UserError
from fsim.boundary.spreadsheet import csv
from fsim.boundary.text import shown
from fsim.train import mesh

CONFIG, ENVIRONMENT, PROBLEMS = "config.json", "environment.json", "problems.csv"
RESULTS = "results.json"  # Of a finished run: the SHA-256 of what it found.
FOUND = ("*", "thumbnails/*/*", "predictor/*")  # Where that lies.
LOGS = (".log", ".out", ".err")  # What may lie in a run folder before the run begins,
OTHERS = {"lock", "sweep.json", "sweep.failed"}  # beside these, of locks and sweeps, and hidden files.
FREE = ("evaluate", "reading", "save_every")  # Settings that may change between two calls of one run.
PACKAGES = (
  "forensic-fsim",
  "jax",
  "jaxlib",
  "flax",
  "optax",
  "orbax-checkpoint",
  "grain",
  "numpy",
  "pillow",
  "tensorflow-datasets",
)


def flat(config: dict, prefix: str = "") -> dict:
  """{"a": {"b": 1}} -> {"a.b": 1}."""
  items = {}
  for name, value in config.items():
    items |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
  return items


@contextlib.contextmanager
def opened(workdir: Path, config: ConfigDict) -> Iterator[None]:
  """The run folder, made, or accepted if it was made by the same settings, and kept for this run alone.

  The first process of a run speaks for all. Raises UserError if the folder belongs to another run or to somebody else,
  cannot be written to, or another trainer is there.
  """
  cause = None
  with contextlib.ExitStack() as stack:
    if jax.process_index() == 0:
      try:
        stack.enter_context(_occupied(workdir))
        _accept(workdir, json.loads(config.to_json()))
      except (UserError, OSError) as error:
        cause = error
    if not mesh.everyone(cause is None):
      raise cause or UserError(f"{shown(workdir)}: refused, as the first process of the run says")
    yield


@contextlib.contextmanager
def _occupied(workdir: Path) -> Iterator[None]:
  path = str(workdir.absolute())
  if "\\" in path or not path.isprintable():
    raise UserError(f"{shown(workdir)}: checkpoints cannot lie below a name with \\ or unprintable characters")
  if workdir.is_dir() and not (workdir / CONFIG).exists():
    foreign = [one.name for one in workdir.iterdir() if not one.name.startswith(".") and one.suffix not in LOGS]
    if set(foreign) - OTHERS:
      named = shown(min(set(foreign) - OTHERS))
      raise UserError(f"{shown(workdir)}: neither empty nor a run of fsim (it holds {named}); choose another --workdir")
  outputs.Folder(workdir)
  with lock.only_one(workdir, "training"):
    yield


def _accept(workdir: Path, settings: dict) -> None:
  path = workdir / CONFIG
  if path.exists():
    former, now = flat(inputs.read_json(path, "system")), flat(settings)
    changed = {k for k in former.keys() | now.keys() if former.get(k) != now.get(k) and k.split(".")[0] not in FREE}
    if changed:
      named = "; ".join(f"{k}: {former.get(k)!r} there, {now.get(k)!r} now" for k in sorted(changed))
      raise UserError(f"{shown(workdir)} holds a run with other settings; choose another --workdir ({shown(named)})")
  (workdir / RESULTS).unlink(missing_ok=True)  # What it found is about to be found anew.
  outputs.replace(path, console.to_json(settings).encode())


def write_data(workdir: Path, facts: dict, problems: pd.DataFrame) -> None:
  """The environment, facts about the data, and the table of problem files.

  Raises UserError if the source is the same but no longer holds the data with which the run began.
  """
  path = workdir / ENVIRONMENT
  if path.exists():
    former = data_of(inputs.read_json(path, "data"), path)
    if former["source"] == facts["source"] and former["data_digest"] != facts["data_digest"]:
      raise UserError(f"{facts['source']} has changed since the run in {workdir} began; choose another --workdir")
  if jax.process_index() == 0:
    workdir.mkdir(parents=True, exist_ok=True)
    outputs.replace(path, console.to_json(environment() | {"data": facts}).encode())
    outputs.replace(workdir / PROBLEMS, csv(problems))


def data_of(environment: dict, path: Path) -> dict:
  """What environment.json says of the data. Raises Unreadable if that is damaged."""
  facts = environment["data"]
  if not isinstance(facts, dict) or not {"source", "data_digest"} <= facts.keys():
    raise inputs.Unreadable(path, "the field 'data' is damaged")
  return facts


def seal(workdir: Path) -> None:
  """Notes what a finished run has written, so that nothing is reported of files that were changed since."""
  files = {path for pattern in FOUND for path in workdir.glob(pattern) if path.is_file()}
  written = {str(path.relative_to(workdir)): _digest(path) for path in sorted(files) if _is_sealed(path)}
  outputs.replace(workdir / RESULTS, console.to_json(written).encode())


def require_finished(workdir: Path) -> str:
  """The system of a finished run. Raises UserError for anything else, and if a file is not as the run wrote it."""
  if not workdir.is_dir():
    raise UserError(f"{shown(workdir)}: {'not a folder' if os.path.lexists(workdir) else 'no such folder'}")
  for name, what in ((CONFIG, "a run of fsim"), (RESULTS, "a finished run")):
    if not (workdir / name).exists():
      raise UserError(f"{shown(workdir)}: not {what}: {name} is missing")
  system = inputs.read_json(workdir / CONFIG, "system")["system"]
  if not isinstance(system, str):
    raise inputs.Unreadable(workdir / CONFIG, "the field 'system' must be text")
  for name, digest in inputs.read_json(workdir / RESULTS, CONFIG).items():
    path = workdir / name
    if not path.is_file():
      raise UserError(f"{shown(path)}: missing")
    if _digest(path) != digest:
      raise UserError(f"{shown(path)}: damaged, not as the run wrote it")
  return system


def _is_sealed(path: Path) -> bool:
  hidden = path.name.startswith(".") or path.name in OTHERS
  return not hidden and path.suffix not in (*LOGS, ".sqlite") and path.name != RESULTS


def _digest(path: Path) -> str:
  with path.open("rb") as file:
    return hashlib.file_digest(file, "sha256").hexdigest()


def environment() -> dict:
  """Versions and devices."""
  return {
    "python": platform.python_version(),
    "platform": platform.platform(),
    "devices": f"{jax.device_count()} x {jax.devices()[0].device_kind} ({jax.default_backend()})",
    "processes": jax.process_count(),
    "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
  }
