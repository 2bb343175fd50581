"""Tables of scores -> the comparisons of a validation, with what is known of both sides."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from fsim.boundary.errors import UserError
from fsim.evidence import learning
from fsim.evidence.collecting import Scores
from fsim.evidence.learning import Data
from fsim.metrics.scores import SAME_DEVICE


class Compared(NamedTuple):
  """pairs: a row a comparison: truth, file, device and model of both sides (a questioned, b the references), how many
  `references`, `pixels`, and `step` (of the JPEG's table), `intensity`, `saturated` of the questioned photograph.
  photographs: how many there are on either side.
  """

  data: Data
  pairs: pd.DataFrame
  photographs: int


def of(scores: Scores) -> Compared:
  """Raises UserError unless there are comparisons of one device and of two."""
  if scores.comparisons.empty:
    raise UserError("no two photographs of one size can be compared")
  data = learning.data_of(scores)
  same = data.truths.hypothesis == SAME_DEVICE
  if not same.any():
    raise UserError("a validation needs devices with photographs of two scenes, or two photographs at least")
  if same.all():
    raise UserError("a validation needs at least two devices with photographs of one size")
  photographs, candidates, comparisons = scores
  asked = photographs.loc[comparisons["questioned"]].reset_index(drop=True)
  held = candidates.loc[comparisons["candidate"]].reset_index(drop=True)
  count = held["references"].map(len)
  changed = [_changed(*row) for row in zip(asked["side"], asked["quality"], strict=True)]
  pairs = pd.DataFrame(
    {
      "truth": data.truths.hypothesis,
      "file_a": asked["file"] + changed,
      "file_b": [f"{n} of {device}" for n, device in zip(count, held["device"], strict=True)],
      "device_a": asked["device"],
      "device_b": held["device"],
      "model_a": asked["model"],
      "model_b": held["model"],
      "references": count,
      "pixels": comparisons["pixels"].to_numpy(),
      "step": np.exp(asked["step"]),
      "intensity": asked["intensity"],
      "saturated": asked["saturated"],
    }
  )
  used = set(comparisons["questioned"]).union(*candidates.loc[comparisons["candidate"].unique(), "references"])
  files = photographs.loc[sorted(used), ["side", "quality"]]
  return Compared(data, pairs, int((files == 0).all(axis=1).sum()))


def _changed(side: int, quality: int) -> str:
  """What was done to a photograph that is asked about, behind its name."""
  told = ([f"middle {side}"] if side else []) + ([f"saved at {quality}"] if quality else [])
  return f" ({', '.join(told)})" if told else ""
