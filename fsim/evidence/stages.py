"""In which order it is searched for what was done to a photograph: what is likelier comes first and pays less."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from fsim.prnu.transforms import Transform, all_transforms

SCALES = (0.5, 2 / 3, 0.75, 4 / 3, 1.5, 2.0)  # Of photographs that were cut and resized.
MOST = 40_000_000  # Pixels of a pattern that is searched for at another scale.
SHARES = {"aligned": 0.5, "turned": 0.125, "resized": 0.125, "cut": 0.125, "cut and resized": 0.125}


class Stage(NamedTuple):
  """Looks that are made together. share: of the false-alarm probability, all stages' together at most 1.

  reach: as in `matching.search`, 0 for aligned patterns, None for all shifts.
  """

  name: str
  transforms: Sequence[Transform]
  reach: int | None
  share: float


def planned(questioned: tuple[int, int], reference: tuple[int, int], search: bool = True) -> list[Stage]:
  """Stages for patterns of (height, width); without `search` the aligned look alone, which is then all, if it fits."""
  if not search:
    return [Stage("aligned", (Transform(),), 0, 1.0)] if questioned == reference else []
  stages = []
  if questioned == reference:
    stages.append(_stage("aligned", [Transform()], 0))
  every = all_transforms(turned=True, mirrored=True)
  turned = [t for t in every if t != Transform() and t.size(*questioned) == reference]
  stages.append(_stage("turned", turned, 0))
  resized = [t._replace(scale=scale) for t in every for scale in _same_picture(t.size(*questioned), reference)]
  stages.append(_stage("resized", [t for t in resized if t.size(*questioned) == reference], 0))
  stages.append(_stage("cut", [t for t in every if _fits(t.size(*questioned), reference)], None))
  scaled = all_transforms(turned=False, mirrored=False, scales=SCALES)
  scaled = [t for t in scaled if _fits(t.size(*questioned), reference) and math.prod(t.size(*questioned)) <= MOST]
  stages.append(_stage("cut and resized", scaled, None))
  return [stage for stage in stages if stage.transforms]


def _stage(name: str, transforms: Sequence[Transform], reach: int | None) -> Stage:
  return Stage(name, transforms, reach, SHARES[name])


def _same_picture(own: tuple[int, int], reference: tuple[int, int]) -> list[float]:
  """The scale that makes it as large as the reference, if it keeps its shape and is another."""
  if own == reference:
    return []
  return [scale for scale in {reference[0] / own[0], reference[1] / own[1]}]  # noqa: C416


def _fits(a: tuple[int, int], b: tuple[int, int]) -> bool:
  """Whether one lies wholly in the other."""
  return (a[0] <= b[0] and a[1] <= b[1]) or (a[0] >= b[0] and a[1] >= b[1])
