"""Checkpoints of one phase: the latest, to go on from, and the best, to use."""

import math
from pathlib import Path

import jax
import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_managers

from fsim.train.mesh import Layout
from fsim.train.step import State


def _loss(validation: dict[str, float]) -> float:
  return validation["loss"]


class Checkpoints:
  """Saves in the background and by renaming, so that a kill in mid-save leaves the former checkpoint whole."""

  def __init__(self, folder: Path, like: State, layout: Layout):
    policy = checkpoint_managers.AnyPreservationPolicy(
      [
        checkpoint_managers.LatestN(1),
        checkpoint_managers.BestN(get_metric_fn=_loss, reverse=True, n=1),
      ]
    )
    options = ocp.CheckpointManagerOptions(preservation_policy=policy, best_fn=_loss, best_mode="min")
    self._manager = ocp.CheckpointManager(folder.absolute(), options=options)
    self._like = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=layout.everywhere), like)

  def latest(self) -> State | None:
    return self._load(self._manager.latest_step())

  def best(self) -> State | None:
    """The state with the smallest validation loss."""
    return self._load(self._manager.best_step())

  def save(self, state: State, validation: dict[str, float] | None) -> None:
    """`validation` is None between epochs: such a checkpoint can be continued but is never the best."""
    step = int(state.step)
    if step != self._manager.latest_step():
      worth = validation or {"loss": math.inf}
      self._manager.save(step, args=ocp.args.StandardSave(state), metrics=worth, force=True)

  def close(self) -> None:
    self._manager.wait_until_finished()
    self._manager.close()

  def _load(self, step: int | None) -> State | None:
    return None if step is None else self._manager.restore(step, args=ocp.args.StandardRestore(self._like))
