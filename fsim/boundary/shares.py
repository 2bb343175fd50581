"""Work that several processes do together in one folder: each does what it finds undone, and none waits for another.

A launcher says in the environment how many processes there are and which one this is (launch/, JAX's own variables).
Each begins with its own share and then goes over those of the others, so that a process that is slow or lost costs time
and nothing else. The first one gives the answer.
"""

import os
import random
import re
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from fsim.boundary.errors import UserError
from fsim.boundary.text import shown

Item = TypeVar("Item")
COUNT, INDEX, DEVICES = "JAX_NUM_PROCESSES", "JAX_PROCESS_ID", "JAX_LOCAL_DEVICE_IDS"
NUMBER = re.compile("[0-9]{1,6}")


class Share(NamedTuple):
  """This process among those that share the work."""

  index: int = 0
  count: int = 1

  @property
  def leads(self) -> bool:
    return self.index == 0

  def order(self, items: Sequence[Item]) -> list[Item]:
    """All of them: its own, then the others', by lot, so that two that are done early do not do the same."""
    others = [item for k, item in enumerate(items) if k % self.count != self.index]
    random.Random(self.index).shuffle(others)
    return [*items[self.index :: self.count], *others]


ALONE = Share()


def own() -> Share:
  """As the environment says. Call it before JAX is used: the process then takes its own GPUs alone."""
  if COUNT not in os.environ:
    return ALONE
  if DEVICES in os.environ:
    import jax

    jax.config.update("jax_cuda_visible_devices", os.environ[DEVICES])
  return told()


def told() -> Share:
  """What the environment says of this process. Raises UserError where that is no place among processes."""
  index, count = (os.environ.get(name, "") for name in (INDEX, COUNT))
  if not all(map(NUMBER.fullmatch, (index, count))) or int(index) >= int(count):
    raise UserError(
      f"the environment has {INDEX}={shown(index)} and {COUNT}={shown(count)}: which process of how many?"
    )
  return Share(int(index), int(count))


def variables(share: Share) -> dict[str, str]:
  """What says so to a process that has all devices it sees; nothing where it is alone."""
  return {} if share.count == 1 else {COUNT: str(share.count), INDEX: str(share.index)}
