"""The run folder: settings, environment, and the promise that one folder holds one experiment."""

import importlib.metadata
import json
import platform
from pathlib import Path

import jax
import pandas as pd
from ml_collections import ConfigDict

from fsim.boundary.errors import UserError

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


def open_run(workdir: Path, config: ConfigDict) -> Path:
  """Makes the folder, or accepts it if it was made by the same settings; raises ValueError naming what differs."""
  path = workdir / "config.json"
  settings = json.loads(config.to_json())
  if path.exists():
    former, now = flat(json.loads(path.read_text())), flat(settings)
    changed = {k for k in former.keys() | now.keys() if former.get(k) != now.get(k) and k.split(".")[0] not in FREE}
    if changed:
      lines = [f"  {k}: {former.get(k)!r} there, {now.get(k)!r} now" for k in sorted(changed)]
      raise UserError(f"{workdir} holds a run with other settings; choose another --workdir\n" + "\n".join(lines))
  if jax.process_index() == 0:
    workdir.mkdir(parents=True, exist_ok=True)
    _replace(path, json.dumps(settings, indent=1))
  return workdir


def write_data(workdir: Path, facts: dict, problems: pd.DataFrame) -> None:
  """The environment, facts about the data, and the table of problem files.

  Raises UserError if the source is the same but no longer holds the data with which the run began.
  """
  path = workdir / "environment.json"
  if path.exists():
    former = json.loads(path.read_text())["data"]
    if former["source"] == facts["source"] and former["fingerprint"] != facts["fingerprint"]:
      raise UserError(f"{facts['source']} has changed since the run in {workdir} began; choose another --workdir")
  if jax.process_index() == 0:
    workdir.mkdir(parents=True, exist_ok=True)
    _replace(path, json.dumps(environment() | {"data": facts}, indent=1))
    problems.to_csv(workdir / "problems.csv", index=False)


def environment() -> dict:
  """Versions and devices."""
  return {
    "python": platform.python_version(),
    "platform": platform.platform(),
    "devices": f"{jax.device_count()} x {jax.devices()[0].device_kind} ({jax.default_backend()})",
    "processes": jax.process_count(),
    "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
  }


def _replace(path: Path, text: str) -> None:
  """Writes in one go: another process reads either the former text or this one."""
  draft = path.with_suffix(".draft")
  draft.write_text(text)
  draft.replace(path)
