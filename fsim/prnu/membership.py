"""Do references come from one camera? Asked before a fingerprint is made of them.

Every reference's pattern of a central square is correlated with every other one. Photographs are grouped from the
likest pairs upwards; two groups belong together if their sums correlate. An image alone says little: half of the
photographs of a second camera look well linked with "the rest", because the other half is in it.

Shapes: n references, p pixels of the square, h w pixels of an image.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float16, Int
from scipy.cluster.hierarchy import ClusterNode, linkage, to_tree
from scipy.spatial.distance import squareform
from scipy.special import ndtri

from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.data.exif import Camera
from fsim.prnu import probe
from fsim.prnu.probe import Filtered
from fsim.prnu.residuals import SMALLEST

ALPHA = 1e-4  # Probability of a false link anywhere.
ALPHA_WHOLE = 0.01  # Of all together being linked, if none can be checked by itself.
SPREAD = 1.25  # Correlations of unrelated real cameras spread so much wider than those of independent noise.
KIN = 0.5  # Share of the correlation within two groups that they must have between them: kin models share some.
WEAK = 0.25  # Share of the group's median below which an image is no member: the same for single images.
RATIO = 2  # How many times as strong as the second pattern the first must be, if there is only one.
SIDE = 1024  # Pixels of the square's side, of small images less.
MEMORY = 1 << 29  # Bytes for all patterns; the square is smaller where there are many.
BLOCK = 32  # Patterns of a block of products.
NAMED = 3  # Files of a group that a message names.

TRUSTED = "taken as given, not checked"
SINGLE = "a single photograph, which cannot be checked against others"
HINT = "--trusted takes all as given"


class Reference(NamedTuple):
  """What is kept of a photograph: `pattern` has unit length."""

  path: Path
  camera: Camera
  pattern: Float16[np.ndarray, " p"]


class Verdict(NamedTuple):
  """Who belongs together.

  Attributes:
    kept: places of the references that do. left_out: place -> why it does not.
    pce: of every reference against the others of the group, about; None where nothing was checked.
    said: what was checked, for people and for the fingerprint's file.
  """

  kept: list[int]
  left_out: dict[int, str]
  pce: list[float | None]
  said: str


def side_for(count: int) -> int:
  """Of the square, for so many references."""
  most = int((MEMORY / np.dtype(np.float16).itemsize / max(count, 1)) ** 0.5)
  return max(min(SIDE, most // 8 * 8), SMALLEST)


def pattern_of(found: Filtered, side: int) -> Float16[np.ndarray, " p"]:
  """Of an image's central square, on the JPEG grid; of the whole image along an axis that is shorter."""
  pattern = np.asarray(probe.for_image(probe.central(found, side)))[0].ravel()
  # Times its number of pixels, float16 would lose the small ones else.
  return (pattern / max(pattern.std(), 1e-12)).astype(np.float16)


def taken_as_given(references: Sequence[Reference]) -> Verdict:
  return Verdict(list(range(len(references))), {}, [None] * len(references), TRUSTED)


def check(references: Sequence[Reference]) -> Verdict:
  """Raises UserError naming the groups if no camera has more than half of the references."""
  if len(references) < 2:
    return taken_as_given(references)._replace(said=SINGLE)
  others = _other_cameras(references)
  asked = [k for k in range(len(references)) if k not in others]
  products = gram([references[k].pattern for k in asked])
  pixels = len(references[0].pattern)
  groups = linked_groups(products, pixels)
  members = _members(products, groups[0], pixels)
  if 2 * len(members) <= len(references):
    if 2 * len(asked) <= len(references) or not _one_as_a_whole(products, groups[0], pixels):
      raise UserError(_refusal(references, [[asked[k] for k in group] for group in groups], others))
    members = list(range(len(asked)))
    said = "too weakly to check each by itself"
  else:
    said = "each with the others"
  z = against_the_rest(products, members, pixels)
  pce: list[float | None] = [None] * len(references)
  for k, value in zip(asked, z, strict=True):
    pce[k] = round(float(np.sign(value) * value**2), 1)
  kept = [asked[k] for k in members]
  why = f"not linked by sensor noise with the {len(kept)} photographs that are linked with each other (PCE {{}})"
  left_out = others | {k: why.format(pce[k]) for k in asked if k not in kept}
  return Verdict(kept, left_out, pce, f"{len(kept)} of {len(references)} photographs linked by sensor noise, {said}")


def _members(products: Float[np.ndarray, "n n"], group: list[int], pixels: int) -> list[int]:
  """All images that are linked with a group, about as strongly as most of it; nobody if it is one image."""
  if len(group) < 2:
    return []
  z = against_the_rest(products, group, pixels)
  limit = max(-SPREAD * ndtri(ALPHA / len(products)), WEAK * np.median(z[group]))
  return [k for k, value in enumerate(z) if value >= limit]


def _one_as_a_whole(products: Float[np.ndarray, "n n"], group: list[int], pixels: int) -> bool:
  """Whether weak photographs share one pattern, and no second one is seen: together, and those outside a group with it.

  Half of two cameras' photographs share two patterns that are about as strong.
  """
  n = len(products)
  if n < 2:
    return False
  limit = -SPREAD * ndtri(ALPHA_WHOLE)
  pairs = products[np.triu_indices(n, 1)]
  first, second = np.linalg.eigvalsh(products - np.eye(n))[[-1, -2]]
  if pairs.sum() * np.sqrt(pixels / len(pairs)) < limit or first < RATIO * second:
    return False
  rest = np.array([k for k in range(n) if k not in group])
  if len(group) == 1 or len(rest) == 0:
    return True
  seed = np.array(group)
  between = products[np.ix_(seed, rest)].mean()
  return bool(_standard_errors(products, seed, rest, pixels) >= limit and between >= WEAK * _inside(products, seed))


def gram(patterns: Sequence[Float16[np.ndarray, " p"]]) -> Float[np.ndarray, "n n"]:
  """Correlation of every pattern with every other."""
  n = len(patterns)
  products = np.ones((n, n))
  for first in range(0, n, BLOCK):
    a = np.stack(patterns[first : first + BLOCK]).astype(np.float32)
    for second in range(first, n, BLOCK):
      b = a if first == second else np.stack(patterns[second : second + BLOCK]).astype(np.float32)
      products[first : first + len(a), second : second + len(b)] = a @ b.T / a.shape[1]
  products = np.triu(products, 1)
  return products + products.T + np.eye(n)


def linked_groups(products: Float[np.ndarray, "n n"], pixels: int) -> list[list[int]]:
  """Largest first. The tree of average linkage is cut from its root down, wherever two branches are not linked."""
  n = len(products)
  if n == 1:
    return [[0]]
  limit = -SPREAD * ndtri(ALPHA / (n * (n - 1) / 2))
  distance = np.clip(1 - products, 0, None)
  np.fill_diagonal(distance, 0)
  groups, waiting = [], [to_tree(linkage(squareform(distance, checks=False), "average"))]
  while waiting:
    node: ClusterNode = waiting.pop()
    if node.is_leaf() or _linked(products, *_branches(node), pixels, limit):
      groups.append(sorted(node.pre_order()))
    else:
      waiting += [node.left, node.right]
  return sorted(groups, key=lambda group: (-len(group), group))


def against_the_rest(products: Float[np.ndarray, "n n"], group: list[int], pixels: int) -> Float[np.ndarray, " n"]:
  """Correlation of every image with the sum of a group, itself left out of it, in standard errors."""
  rest = [np.array([j for j in group if j != k]) for k in range(len(products))]
  return np.array([_standard_errors(products, np.array([k]), others, pixels) for k, others in enumerate(rest)])


def _branches(node: ClusterNode) -> tuple[Int[np.ndarray, " a"], Int[np.ndarray, " b"]]:
  return np.array(node.left.pre_order()), np.array(node.right.pre_order())


def _linked(
  products: Float[np.ndarray, "n n"], a: Int[np.ndarray, " a"], b: Int[np.ndarray, " b"], pixels: int, limit: float
) -> bool:
  """Whether two groups correlate, and not much less between them than within them."""
  within = np.sqrt(max(_inside(products, a), 0) * max(_inside(products, b), 0))
  between = products[np.ix_(a, b)].mean()
  return bool(_standard_errors(products, a, b, pixels) >= limit and between >= KIN * within)


def _inside(products: Float[np.ndarray, "n n"], group: Int[np.ndarray, " a"]) -> float:
  """Mean correlation of a group's pairs, 0 for a single image."""
  n = len(group)
  return float((products[np.ix_(group, group)].sum() - n) / max(n * (n - 1), 1))


def _standard_errors(
  products: Float[np.ndarray, "n n"], a: Int[np.ndarray, " a"], b: Int[np.ndarray, " b"], pixels: int
) -> float:
  """Correlation of the sums of two groups over its spread for independent noise; its square is about their PCE."""
  powers = products[np.ix_(a, a)].sum() * products[np.ix_(b, b)].sum()
  return float(products[np.ix_(a, b)].sum() * np.sqrt(pixels / max(powers, 1e-12)))


def _other_cameras(references: Sequence[Reference]) -> dict[int, str]:
  """Place -> why, for those whose EXIF contradicts most others'. Raises UserError if no camera has most.

  A photograph without EXIF, or without a serial number, contradicts nobody.
  """
  others: dict[int, str] = {}
  for of in (lambda camera: (camera.make, camera.model), lambda camera: camera.serial):
    stated = {k: of(r.camera) for k, r in enumerate(references) if any(of(r.camera)) and k not in others}
    values = list(stated.values())
    if len(set(values)) < 2:
      continue
    most = max(set(values), key=values.count)
    if 2 * values.count(most) <= len(values):
      groups = [[k for k, value in stated.items() if value == v] for v in dict.fromkeys(values)]
      raise UserError(f"EXIF names {len(groups)} cameras: {_named(references, groups)}; {HINT}")
    usual = next(str(references[k].camera) for k, value in stated.items() if value == most)
    others |= {
      k: f"EXIF: {shown(references[k].camera)}, where most are by {shown(usual)}" for k in stated if stated[k] != most
    }
  return others


def _refusal(references: Sequence[Reference], groups: list[list[int]], others: dict[int, str]) -> str:
  several = [group for group in groups if len(group) > 1]
  if not several:
    return (
      f"none of {len(references)} photographs is linked with another one by sensor noise, so that nothing shows that "
      f"they are of one camera (dark, smooth, small or strongly processed ones do not show it); {HINT}"
    )
  alone = len(references) - sum(len(group) for group in several) - len(others)
  rest = [f"{alone} linked with none"] * (alone > 0) + [f"{len(others)} of other cameras by EXIF"] * bool(others)
  return (
    f"no camera has more than half of {len(references)} photographs; groups linked by sensor noise: "
    f"{'; '.join([_named(references, several), *rest])}; {HINT}"
  )


def _named(references: Sequence[Reference], groups: list[list[int]]) -> str:
  return "; ".join(_group(references, group) for group in groups)


def _group(references: Sequence[Reference], group: list[int]) -> str:
  camera = next((str(references[k].camera) for k in group if any(references[k].camera)), "")
  files = ", ".join(shown(references[k].path) for k in group[:NAMED])
  more = f" and {len(group) - NAMED} more" if len(group) > NAMED else ""
  return f"{len(group)}{' by ' + shown(camera) if camera else ''} ({files}{more})"
