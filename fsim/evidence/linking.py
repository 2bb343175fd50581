"""Which of many photographs are of one device? Groups that grow as long as the ratios pay for all comparisons.

All photographs begin alone. Of all groups those two are joined whose fingerprints have the largest likelihood ratio.
A group's fingerprint is the sum of its members' patterns, estimated anew with each member, so that a group finds
photographs that no single one would. What two sums have in common is known from the pairs of their members:

  z(A, B) = sum of z(i, j), i in A, j in B, over sqrt(power(A) power(B));  power(A) = n + sum of z(i, j) / sqrt(pixels)

and so is the z that one camera would show. For groups of one it is the z of the pair, with the calibration's ratio.

1. A ratio is the smaller of those against another device of the same model (H2a) and of another one (H2b): nobody has
   said which of the two is in question. It is not held at the calibration's bounds, which no number of pairs could
   pass; so within the rule it is a score, and as evidence it stays within them.
2. Every comparison is paid for by prior odds: a ratio pays if it exceeds the number of comparisons from which it stands
   out, so that the posterior odds are above 1 where one of them is expected to be of one device. Two groups that join,
   and the best member of a finished group against the rest of it, pay for all pairs of photographs; its other members
   pay for the looks of all photographs at all groups. Who does not pay is alone.
3. A single photograph may join before, if it pays for its own looks at all others; 2 then decides.
4. Two groups, or a photograph and a group, share no camera if they have much less in common than within them, as
   expected of their photographs: cameras of one model share some structure that adds up in sums.

Shapes: n m photographs or groups.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from fsim.evidence.pairs import Table

KIN = 0.5  # Share of what is seen within two groups, both over what is expected, that is to be seen between them.
WEAK = 0.25  # The same between a group and a single photograph, whose own strength is known less well.


class Group(NamedTuple):
  """members: places, by the order of the photographs. with_rest: z of each with the sum of the others."""

  members: tuple[int, ...]
  with_rest: tuple[float, ...]


FLOOR = 100  # Comparisons that are paid for at least: a ratio of 2 does not link two photographs of a small folder.


class Price(NamedTuple):
  """What is paid for, each as the natural logarithm of what a ratio must exceed.

  photographs: of one size. pairs: that are compared in all.
  """

  photographs: int
  pairs: int

  @property
  def alone(self) -> float:
    """Of a single photograph that joins."""
    return math.log(max(self.photographs - 1, 1))

  @property
  def whole(self) -> float:
    """Of two groups that join, and of a group as such."""
    return math.log(max(self.pairs, FLOOR))

  def member(self, groups: int) -> float:
    """Of each member, where there are so many groups."""
    return math.log(max(self.photographs * groups, FLOOR))


def grow(
  z: Float[np.ndarray, "n n"], strength: Float[np.ndarray, " n"], pixels: int, table: Table, paid: Price
) -> list[Group]:
  """Groups of two or more among photographs of one size, the largest first; who is in none is alone.

  z: of all pairs, the diagonal is not looked at. strength: as of `pairs.strengths`. pixels: of a pattern.
  """
  growing = _Growing(z, strength, pixels, table, paid)
  while growing.join():
    pass
  begun = [sorted(members) for members in growing.members if len(members) > 1]
  groups = []
  for members in begun:
    kept = _confirmed(members, z, strength, pixels, table, paid.member(len(begun)))
    if len(kept) > 1 and _against_rest(kept, z, strength, pixels, table).max() >= paid.whole:
      groups.append(Group(tuple(kept), tuple(float(x) for x in with_rest(kept, z, pixels)[0])))
  return sorted(groups, key=lambda group: (-len(group.members), group.members))


def with_rest(
  members: list[int], z: Float[np.ndarray, "n n"], pixels: int
) -> tuple[Float[np.ndarray, " m"], Float[np.ndarray, " m"]]:
  """z of each member with the sum of the others, and by what the expected z of their pairs is to be divided."""
  own = np.array(z[np.ix_(members, members)], np.float64)
  np.fill_diagonal(own, 0)
  common = own.sum(0)
  root = np.sqrt(_power(len(members) - 1, own.sum() - 2 * common, pixels))
  return common / root, root


def _power(count: np.ndarray | int, within: np.ndarray, pixels: int) -> np.ndarray:
  """Of the sum of patterns of power 1. Patterns that have less than nothing in common count as having nothing."""
  return count + np.maximum(within, 0) / math.sqrt(pixels)


def _confirmed(
  members: list[int], z: np.ndarray, strength: np.ndarray, pixels: int, table: Table, needed: float
) -> list[int]:
  """Without those whose ratio is too small, one after the other from the weakest."""
  kept = members
  while len(kept) > 1:
    ratios = _against_rest(kept, z, strength, pixels, table)
    weakest = int(ratios.argmin())
    if ratios[weakest] >= needed:
      break
    kept = kept[:weakest] + kept[weakest + 1 :]
  return kept


def _against_rest(
  members: list[int], z: np.ndarray, strength: np.ndarray, pixels: int, table: Table
) -> Float[np.ndarray, " m"]:
  seen, root = with_rest(members, z, pixels)
  own = strength[members]
  return table.at(np.log(own * (own.sum() - own) / root), seen)


class _Growing:
  """Groups as they are joined. A group has the place of its first member; `alive` says which places have one.

  common: sums of z between groups. within: sums within them, each pair twice. count, total, squares: of a group's
  members, of their strengths and of these squared. best, other: the largest ratio of each group that pays, and whose.
  least: z below which no ratio pays, so that it need not be asked for.
  """

  def __init__(self, z: np.ndarray, strength: np.ndarray, pixels: int, table: Table, paid: Price):
    n = len(z)
    self.common = np.array(z, np.float32)
    np.fill_diagonal(self.common, 0)
    self.within, self.least = np.zeros(n, np.float32), table.least(paid.alone)
    self.count, self.total, self.squares = np.ones(n), strength.copy(), strength**2
    self.alive, self.members = np.ones(n, bool), [[k] for k in range(n)]
    self.pixels, self.table, self.paid = pixels, table, paid
    self.best, self.other = np.full(n, -np.inf), np.zeros(n, int)
    for k in range(n):
      self._look(k, self._ratios(k))

  def join(self) -> bool:
    """The two groups with the largest ratio become one; False where none pays."""
    a = int(self.best.argmax())
    if not math.isfinite(self.best[a]):
      return False
    a, b = sorted((a, int(self.other[a])))
    self._add(a, b)
    ratios = self._ratios(a)
    stale = np.isin(self.other, (a, b)) & np.isfinite(self.best)
    self._look(a, ratios)
    better = (ratios > self.best) & ~stale
    self.best[better], self.other[better] = ratios[better], a
    for k in np.flatnonzero(stale & self.alive).tolist():
      self._look(k, self._ratios(k))
    return True

  def _add(self, a: int, b: int) -> None:
    self.within[a] += self.within[b] + 2 * self.common[a, b]
    self.common[a] += self.common[b]
    self.common[:, a] = self.common[a]
    for values in (self.count, self.total, self.squares):
      values[a] += values[b]
    self.alive[b], self.best[b] = False, -np.inf
    self.members[a] += self.members[b]
    self.members[b] = []

  def _look(self, k: int, ratios: Float[np.ndarray, " n"]) -> None:
    self.other[k] = int(ratios.argmax())
    self.best[k] = ratios[self.other[k]]

  def _ratios(self, k: int) -> Float[np.ndarray, " n"]:
    """Of group k with all others; -inf where it does not pay, or is none."""
    power = _power(self.count, self.within, self.pixels)
    root = np.sqrt(power * power[k])
    seen = self.common[k] / root
    ratios = np.full(len(seen), -np.inf)
    some = np.flatnonzero(self.alive & (seen >= self.least))
    some = some[some != k]
    mean = self.total[some] * self.total[k]
    found = self.table.at(np.log(mean / root[some]), seen[some])
    both = (self.count[some] > 1) & (self.count[k] > 1)
    pays = found >= np.where(both, self.paid.whole, self.paid.alone)
    fine = pays & self._akin(k, some, mean, both)
    ratios[some[fine]] = found[fine]
    return ratios

  def _akin(
    self, k: int, some: Int[np.ndarray, " m"], mean: Float[np.ndarray, " m"], both: Bool[np.ndarray, " m"]
  ) -> Bool[np.ndarray, " m"]:
    """Whether what is seen between groups is about as much of what is expected as it is within them."""
    within, own = (self._share(places) for places in (some, np.array([k])))
    needed = np.where(both, KIN * np.sqrt(within * own), WEAK * np.maximum(within, own))
    return self.common[k, some] >= needed * mean

  def _share(self, places: Int[np.ndarray, " m"]) -> Float[np.ndarray, " m"]:
    """What is seen within these groups, of what is expected; nothing within single photographs."""
    expected = np.maximum(self.total[places] ** 2 - self.squares[places], 1e-12)
    return np.where(self.count[places] > 1, np.maximum(self.within[places], 0) / expected, 0)
