"""How images are divided between the sides of a split. Used by the protocols, which check the outcome."""

import numpy as np
import pandas as pd
from jaxtyping import Int

from fsim.boundary.errors import UserError

ORDERS = 100  # Orders of the scenes to try.


def shares(validation: float, test: float) -> dict[str, float]:
  """Shares of the three sides. Raises UserError unless train and test get something."""
  if not (0 <= validation < 1 and 0 < test < 1 and validation + test < 1):
    raise UserError(f"validation and test must be shares that leave some images to train, got {validation} and {test}")
  return {"train": 1 - validation - test, "validation": validation, "test": test}


def with_several(images: pd.DataFrame, key: str, *, of: str) -> pd.DataFrame:
  """The images of those devices or models (`key`) that have two or more different values in column `of`."""
  return images[images.groupby(key)[of].transform("nunique") >= 2]


def by_device(
  images: pd.DataFrame, shares: dict[str, float], rng: np.random.Generator
) -> dict[str, Int[np.ndarray, " n"]]:
  """Random rows of each device on each side; at least one to test, one to train and, of three, one to validate."""
  parts = {side: [] for side in shares}
  for _, rows in images.groupby("device")["row"]:
    rows = rng.permutation(rows.to_numpy())
    tested = min(max(round(len(rows) * shares["test"]), 1), len(rows) - 1)
    validated = min(max(round(len(rows) * shares["validation"]), shares["validation"] > 0), len(rows) - 1 - tested)
    parts["test"].append(rows[:tested])
    parts["validation"].append(rows[tested : tested + validated])
    parts["train"].append(rows[tested + validated :])
  return {side: np.sort(np.concatenate(rows)) for side, rows in parts.items()}


def into_folds(images: pd.DataFrame, k: int, rng: np.random.Generator) -> Int[np.ndarray, " n"]:
  """A fold for each image; the folds of one device differ by one image at most."""
  fold = np.empty(len(images), int)
  for places in images.groupby("device").indices.values():
    fold[rng.permutation(places)] = (np.arange(len(places)) + rng.integers(k)) % k
  return fold


def by_scene(images: pd.DataFrame, shares: dict[str, float], seed: int) -> dict[str, str] | None:
  """A side for every scene, so that a device with three scenes is on all sides, one with two on train and test.

  None if no such division was found: scenes can overlap between devices in ways that allow none.
  """
  counts = images.groupby(["scene", "device"]).size().unstack(fill_value=0)
  for order in range(ORDERS):
    sides = _divided(counts.to_numpy(), np.array(list(shares.values())), np.random.default_rng((seed, order)))
    if sides is not None:
      return dict(zip(counts.index, np.array(list(shares))[sides], strict=True))
  return None


def _divided(
  counts: Int[np.ndarray, "s d"], shares: np.ndarray, rng: np.random.Generator
) -> Int[np.ndarray, " s"] | None:
  """Greedy, scenes of the poorest devices first: each goes where its devices lack most of their share of images.

  Sides 0, 1, 2 are train, validation, test. A device that has as many scenes left as sides to fill puts them there.
  """
  seen = counts > 0
  left = seen.sum(0)  # Scenes of each device that have no side yet.
  needed = np.stack([left >= 2, (left >= 3) & (shares[1] > 0), left >= 2])
  have = np.zeros(needed.shape)
  sides = np.empty(len(counts), int)
  poorest = np.where(seen, left, left.max() + 1).min(1)
  size = counts.sum(1) * rng.uniform(0.5, 1, len(counts))  # Large scenes first: those go where most images are wanted.
  for scene in np.lexsort((-size, poorest)):
    own = seen[scene]
    empty = needed[:, own] & (have[:, own] == 0)
    urgent = empty & (left[own] <= empty.sum(0))
    lacking = shares[:, None] - have[:, own] / counts[:, own].sum(0)
    side = np.argmax((lacking + 2 * empty * lacking.clip(0) + 100 * urgent).sum(1) + 1e-6 * rng.random(len(shares)))
    sides[scene] = side
    have[side] += counts[scene]
    left -= own
  return sides if (have > 0)[needed].all() else None
