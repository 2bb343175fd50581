"""Checkpoints of one phase: the newest, to go on from, and the best, to use."""

import contextlib
import hashlib
import itertools
import json
import logging
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import jax
import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_managers
from orbax.checkpoint.type_handlers import ArrayHandler, create_type_handler_registry

from fsim.boundary import console, inputs
from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.train.mesh import Layout, everyone
from fsim.train.step import State

NEWEST = 2  # How many of the newest are kept, so that there is another if one is damaged.
DRAFT = ".orbax-checkpoint-tmp"  # Ends the name of one that is being saved.
ABOUT = "fsim.json"  # In each: `About`, and the SHA-256 of its files.
LATER = ("commit_success.txt", "_CHECKPOINT_METADATA")  # Files that Orbax goes on writing; nothing is read from them.
ASIDE = ".damaged"  # Ends the name of the folder to which damaged ones are moved.
SMALL = 16_384  # Bytes that the folder and the description of an array take on the disk.
# The first device writes each array: cut for all devices, they would need some hundred programs to be compiled.
WHOLE = create_type_handler_registry((jax.Array, ArrayHandler(use_replica_parallel=False)))
FULL = ("No space left on device", "Disk quota exceeded")  # What the libraries below Orbax say.


class About(NamedTuple):
  """form: of the state. loss: of the validation, None inside an epoch. best: the smallest loss up to here, or None."""

  form: str
  loss: float | None
  best: float | None


class Checkpoints:
  """Saves in the background and by renaming, so that a kill in mid-save leaves the former checkpoints whole.

  Each holds the SHA-256 of its files: one that was damaged since, in whatever way, is put aside, which is said.
  """

  def __init__(self, folder: Path, like: State, layout: Layout, keep: str):
    """keep: "best" or "last", as in a Phase.

    Raises UserError for checkpoints of a state of another form, and if there are some, but none that can be used.
    """
    self._folder = folder.absolute()
    self._like = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=layout.replicated), like)
    self._about = About(_form(like), None, None)
    policies = [checkpoint_managers.LatestN(NEWEST)]
    if keep == "best":
      policies.append(checkpoint_managers.BestN(get_metric_fn=_loss, reverse=True, n=1))
    self._put_aside_damaged(keep)
    options = ocp.CheckpointManagerOptions(
      preservation_policy=checkpoint_managers.AnyPreservationPolicy(policies),
      best_fn=_loss,
      best_mode="min",
      async_options=ocp.AsyncOptions(post_finalization_callback=self._describe),
    )
    # A file an array: Orbax merges the files of its other format through a glob, to which [ ] in a path is a pattern.
    handler = ocp.PyTreeCheckpointHandler(use_ocdbt=False, type_handler_registry=WHOLE)
    self._manager = ocp.CheckpointManager(self._folder, options=options, item_handlers=handler)

  def latest(self) -> State | None:
    return self._load(self._manager.latest_step())

  def best(self) -> State | None:
    """The state with the smallest validation loss."""
    return self._load(self._manager.best_step())

  def save(self, state: State, validation: dict[str, float] | None) -> None:
    """`validation` is None between epochs: such a checkpoint can be continued but is never the best.

    Raises UserError if the disk is full.
    """
    step = int(state.step)
    if step == self._manager.latest_step():
      return
    self._require_room(state)
    loss = None if validation is None else validation["loss"]
    best = min((value for value in (self._about.best, loss) if value is not None), default=None)
    with _full_disk_said(self._folder):
      self._manager.wait_until_finished()  # `_describe` speaks of the one that is under way.
      self._step, self._about = step, About(self._about.form, loss, best)
      self._manager.save(step, args=ocp.args.PyTreeSave(state), metrics={"loss": loss}, force=True)

  def close(self) -> None:
    """Waits for what is being saved. Raises UserError if the disk is full."""
    try:
      with _full_disk_said(self._folder):
        self._manager.wait_until_finished()
    finally:
      self._manager.close()

  def _load(self, step: int | None) -> State | None:
    if step is None:
      return None
    restore_args = ocp.checkpoint_utils.construct_restore_args(self._like)
    return self._manager.restore(step, args=ocp.args.PyTreeRestore(self._like, restore_args=restore_args))

  def _require_room(self, state: State) -> None:
    """Before Orbax begins, whose threads have much to say about a full disk."""
    leaves = jax.tree.leaves(state)
    needed = sum(leaf.nbytes + SMALL for leaf in leaves)
    free = shutil.disk_usage(self._folder).free
    if not everyone(free >= needed):
      cause = f"a checkpoint needs {needed / 1e6:,.1f} MB, and {free / 1e6:,.1f} MB are free"
      raise UserError(f"{shown(self._folder)}: no space left on the disk: {cause}")

  def _describe(self) -> None:
    """Called when all is written and before it gets its name: a checkpoint without this file is not whole."""
    if jax.process_index() == 0:
      draft = self._folder / f"{self._step}{DRAFT}"
      said = self._about._asdict() | {"files": _digests(draft)}
      (draft / ABOUT).write_text(json.dumps(said, indent=1, allow_nan=False))

  def _put_aside_damaged(self, keep: str) -> None:
    """Moves away what cannot be read, and what followed on a best one that is lost.

    The same training comes by what lies behind the newest that is left, but not again by what lies before it.
    """
    steps = sorted(int(path.name) for path in self._folder.glob("*") if path.name.isdecimal())
    found = {step: about for step in steps if (about := self._read(step))}
    damaged = [step for step in steps if step not in found]
    if keep == "best":
      while found and any(step < max(found) for step in damaged) and not _has_best(found):
        found.popitem()
    everyone(True)  # Has read them, before they are moved.
    if damaged and jax.process_index() == 0:
      self._move([step for step in steps if step not in found], damaged)
    everyone(True)
    if steps and not found:
      raise UserError(f"{shown(self._folder)}: no checkpoint can be used; the same command begins this phase anew")
    if found:
      self._about = found[max(found)]

  def _read(self, step: int) -> About | None:
    """None if it is damaged. Raises UserError if it is of another form."""
    folder = self._folder / str(step)
    try:
      said = inputs.read_json(folder / ABOUT, "files", *About._fields)
    except inputs.Unreadable:
      return None
    if said["files"] != _digests(folder):
      return None
    if said["form"] != self._about.form:
      raise UserError(f"{shown(self._folder)}: checkpoints of another network; choose another --workdir")
    return About(said["form"], said["loss"], said["best"])

  def _move(self, steps: list[int], damaged: list[int]) -> None:
    aside = self._folder.with_name(f"{self._folder.name}{ASIDE}")
    aside.mkdir(exist_ok=True)
    for step in steps:
      places = (aside / f"{step}.{k}" for k in itertools.count())
      (self._folder / str(step)).rename(next(place for place in places if not place.exists()))
    causes, moved = (", ".join(map(str, numbers)) for numbers in (damaged, steps))
    console.note(f"{shown(self._folder)}: damaged is {causes}; moved to {shown(aside.name)}: {moved}")


def _is_news(record: logging.LogRecord) -> bool:
  """Whether a record is not said by ourselves: a full disk; nor goes without saying: no other format (see above)."""
  said = f"{record.getMessage()} {record.exc_info and record.exc_info[1]}"
  return not any(known in said for known in (*FULL, "Skipping merge of OCDBT"))


for _name in ("absl", "asyncio"):  # Which Orbax uses.
  logging.getLogger(_name).addFilter(_is_news)


def _loss(metrics: dict[str, float | None]) -> float:
  return math.inf if metrics["loss"] is None else metrics["loss"]


def _has_best(found: dict[int, About]) -> bool:
  """Whether the best up to the newest is still there; `found` is in the order of steps."""
  best = list(found.values())[-1].best
  return best is None or any(about.loss == best for about in found.values())


def _form(state: State) -> str:
  """A digest of the names, shapes and types of all arrays."""
  leaves = jax.tree_util.tree_leaves_with_path(state)
  said = [(jax.tree_util.keystr(path), x.shape, str(x.dtype)) for path, x in leaves]
  return hashlib.sha256(repr(said).encode()).hexdigest()


def _digests(folder: Path) -> dict[str, str]:
  found = {}
  for path in sorted(folder.rglob("*")):
    if path.is_file() and path.name not in (*LATER, ABOUT):
      with path.open("rb") as file:
        found[str(path.relative_to(folder))] = hashlib.file_digest(file, "sha256").hexdigest()
  return found


@contextlib.contextmanager
def _full_disk_said(folder: Path) -> Iterator[None]:
  try:
    yield
  except (ValueError, OSError) as error:
    said = next((said for said in FULL if said in str(error)), None)
    if said is None:
      raise
    raise UserError(f"{shown(folder)}: {said}") from error
