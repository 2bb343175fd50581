"""An extractor that another run has learned, taken as it is: then the scorer of pairs is all that is learned."""

import hashlib
from pathlib import Path

import jax
import numpy as np
from ml_collections import ConfigDict

from fsim import run
from fsim.boundary import console, inputs, outputs
from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.models import saved
from fsim.systems import predictor
from fsim.systems.model import fitted
from fsim.systems.model.fitted import FittedSimilarity
from fsim.train import mesh
from fsim.train.context import Context
from fsim.train.step import State

NOTE = "extractor.json"  # In the run folder: the SHA-256 of the network's arrays as they are written.
NETWORK = ("colours", "truncation", "last_pool", "constrained")  # Settings of the extractor that its weights belong to.


def opened(config: ConfigDict, workdir: Path) -> FittedSimilarity | None:
  """Of extractor.run, a finished run or a folder of weights; None where the extractor is to be learned.

  Raises UserError for what is neither, for another extractor than the one that the run in `workdir` began with, for one
  that other settings belong to, and where a network on tiles is to be learned beside it.
  """
  if not config.extractor.run:
    return None
  folder = inputs.expanded(config.extractor.run)
  known = _read(folder)
  if not known.variables:
    raise UserError(f"{shown(folder)}: has no extractor, only a network on tiles")
  said = {"input.size": (config.input.size, known.size)}
  said |= {f"extractor.{name}": (config.extractor[name], getattr(known, name)) for name in NETWORK}
  for name, (wanted, own) in said.items():
    if wanted != own:
      raise UserError(f"{shown(folder)}: its extractor was learned with {name}={own}, and {name} is {wanted}")
  if config.tile_extractor.epochs:
    raise UserError("extractor.run takes a learned extractor, and no network on tiles: set tile_extractor.epochs=0")
  _note(folder, known, workdir / NOTE)
  return known


def _note(folder: Path, known: FittedSimilarity, path: Path) -> None:
  """What a run goes on with must be what it began with, whatever lies in the folder by then."""
  digest = hashlib.sha256(saved.to_bytes(known.variables)).hexdigest()
  if path.exists() and inputs.read_json(path, "sha256")["sha256"] != digest:
    began = f"the run in {shown(path.parent)} began"
    raise UserError(f"{shown(folder)} has changed since {began}; choose another --workdir")
  if jax.process_index() == 0:
    outputs.replace(path, console.to_json({"sha256": digest}).encode())


def _read(folder: Path) -> FittedSimilarity:
  """Without its scorer, which may be of features that are no longer made."""
  if (folder / fitted.FIELDS).is_file():
    return fitted.load_networks(folder)
  run.require_finished(folder)
  return predictor.of_run(folder, "model", "predictor", fitted.load_networks)


def state(known: FittedSimilarity, context: Context) -> State:
  """The extractor on the devices, as after training; nothing optimises it."""
  variables = {name: known.variables.get(name, {}) for name in ("params", "batch_stats")}
  on_devices = mesh.put(variables, context.layout.replicated)
  return State(np.zeros((), np.int32), on_devices["params"], on_devices["batch_stats"], ())
