"""Where two photographs show the same: copies of one picture, one scene, a frame, a watermark.

What is shown leaves edges and texture in a residual, at the same pixels in both, and these correlate as if one sensor
had taken them. So it is asked of the pictures themselves: details that they have in common, block by block, far
stronger than any sensor's pattern. How often two scenes are taken for one by chance is in docs/prnu.md.

Shapes: h w pixels, i j steps, b blocks, s steps of a block.
"""

from collections import deque
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.prnu.transforms import Transform

STEPS = 1024  # Of a picture's longer side, at most, unless the shorter one would be less than a block,
COARSE = 512  # and where many are held against each other.
KNOWN = 256  # So many of them at most.
LEAST = 2  # Pixels of a step's side at least, so that noise is averaged.
FINE = 9  # Steps up to which something is a detail.
BLOCK = 16  # Steps of a block's side.
ALIKE = 0.5  # Correlation of a block's details.
STRONG = 0.05  # Of the brightness: details in common from which on they are of no sensor.
FAINT = 2.0  # The same in grey levels, where it is dark.
SHARE = 0.05  # Of the area: what is alike by chance is less,
BLOCKS = 6  # or fewer, unless it is half of them.
SAME = "shows the same as"  # In reasons.


class Picture(NamedTuple):
  """What a photograph shows. levels: of grey, means over squares of `step` pixels."""

  levels: UInt8[np.ndarray, "i j"]
  step: int


def picture(pixels: UInt8[np.ndarray, "h w 3"], steps: int = STEPS) -> Picture:
  short, long = sorted(pixels.shape[:2])
  step = max(min(-(-long // steps), short // BLOCK), LEAST)
  return Picture(_means(_grey(pixels), step), step)


def transformed(pixels: UInt8[np.ndarray, "h w 3"], transform: Transform) -> UInt8[np.ndarray, "i j"]:
  """The grey levels of a photograph that was transformed."""
  grey = _grey(pixels)
  if transform == Transform():
    return grey
  return np.asarray(transform.at(grey.astype(np.float32))).clip(0, 255).astype(np.uint8)


def share_at(seen: UInt8[np.ndarray, "h w"], reference: Picture, shift: tuple[int, int]) -> float:
  """Of the area in common, in which both show the same; 0 where that may be chance.

  shift: by which what is seen lies in the reference, as `transforms.find` has it.
  """
  places = [_overlap(*axis, reference.step) for axis in zip(seen.shape, reference.levels.shape, shift, strict=True)]
  if any(theirs.stop - theirs.start < BLOCK for _, theirs in places):
    return 0.0
  own, theirs = (tuple(place) for place in zip(*places, strict=True))
  return share_of(details(_means(seen[own], reference.step)), details(reference.levels[theirs]))


def reason(name: str, found: float) -> str:
  """Why such a photograph says nothing; "" where little is shared. name: of the other one."""
  if not found:
    return ""
  return (
    f"it {SAME} {name} in {100 * found:.0f} % of the area (a copy, one scene, a frame, a watermark), and what is shown "
    "correlates as sensor noise does"
  )


class Gallery:
  """What references show, one after the other: a fingerprint of several that show the same would hold that too."""

  def __init__(self) -> None:
    self.known: deque[tuple[str, Details]] = deque(maxlen=KNOWN)
    self.same: list[str] = []

  def add(self, name: str, pixels: UInt8[np.ndarray, "h w 3"]) -> None:
    self.known.append((name, details(picture(pixels, COARSE).levels)))

  def objection(self, name: str, pixels: UInt8[np.ndarray, "h w 3"], keep: bool = True) -> str:
    """Why a photograph does not count beside those before; else nothing, and, to `keep` it, it is one of them."""
    own = details(picture(pixels, COARSE).levels)
    for other, theirs in self.known:
      if own.values.shape == theirs.values.shape and (found := share_of(own, theirs)):
        self.same.append(name)
        return reason(other, found)
    if keep:
      self.known.append((name, own))
    return ""

  def require_most(self, count: int) -> None:
    """Raises UserError where fewer than half count. count: how many do."""
    if len(self.same) > count:
      raise UserError(
        f"{len(self.same)} of {len(self.same) + count} photographs show the same as another one, {shown(self.same[0])} "
        "first (copies, one scene, a frame, a watermark): a fingerprint of them would be of what they show"
      )


class Details(NamedTuple):
  """Of the blocks of a picture: details around their mean, their mean square, and the brightness."""

  values: Float32[np.ndarray, "b s"]
  power: Float32[np.ndarray, " b"]
  light: Float32[np.ndarray, " b"]


def details(levels: UInt8[np.ndarray, "i j"]) -> Details:
  seen = levels.astype(np.float32)
  values = _blocks(seen - _around(levels))
  values -= values.mean(1, keepdims=True)
  return Details(values, (values**2).mean(1), _blocks(seen).mean(1))


def share_of(a: Details, b: Details) -> float:
  """Of the area of two photographs of one size, in which both show the same; 0 where that may be chance."""
  common = (a.values * b.values).mean(1)
  alike = common > ALIKE * np.sqrt(a.power * b.power)
  alike &= common > np.maximum(STRONG**2 * a.light * b.light, FAINT**2)
  least = max(SHARE * alike.size, min(BLOCKS, alike.size / 2))
  return float(alike.mean()) if alike.any() and alike.sum() >= least else 0.0


def _around(levels: UInt8[np.ndarray, "i j"]) -> Float32[np.ndarray, "i j"]:
  """Means over FINE x FINE steps, as differences of sums; the border goes on outwards. To import SciPy takes longer."""
  wide = np.pad(np.pad(levels, FINE // 2, mode="edge"), ((1, 0), (1, 0)))
  sums = wide.cumsum(0, dtype=np.int64).cumsum(1)
  rows = sums[FINE:] - sums[:-FINE]
  return ((rows[:, FINE:] - rows[:, :-FINE]) / FINE**2).astype(np.float32)


def _blocks(x: Float32[np.ndarray, "i j"]) -> Float32[np.ndarray, "b s"]:
  rows, columns = (n // BLOCK for n in x.shape)
  whole = x[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK)
  return whole.swapaxes(1, 2).reshape(rows * columns, BLOCK**2)


def _grey(pixels: UInt8[np.ndarray, "h w 3"]) -> UInt8[np.ndarray, "h w"]:
  return np.asarray(Image.fromarray(pixels).convert("L"))


def _means(grey: UInt8[np.ndarray, "h w"], step: int) -> UInt8[np.ndarray, "i j"]:
  """Of whole squares; what is left at the right and at the bottom is not looked at."""
  height, width = (n // step * step for n in grey.shape)
  return np.asarray(Image.fromarray(grey[:height, :width]).reduce(step))


def _overlap(length: int, steps: int, at: int, step: int) -> tuple[slice, slice]:
  """Along an axis: the pixels, and the steps of the reference, where `length` pixels that begin `at` cover both."""
  first, last = -(-max(at, 0) // step), min(steps * step, length + at) // step
  return slice(first * step - at, last * step - at), slice(first, last)
