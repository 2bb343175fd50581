"""Photographs compared in all pairs and grouped by device: as facts for JSON, and in words.

Shapes: n photographs.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32

from fsim.boundary import arrays
from fsim.boundary.arrays import Rows
from fsim.boundary.shares import ALONE, Share
from fsim.boundary.text import shown
from fsim.evidence import linking, pairs
from fsim.evidence.album import Member
from fsim.evidence.calibration import Calibration
from fsim.evidence.linking import Group
from fsim.evidence.pairs import Ratios
from fsim.evidence.words import NAMES
from fsim.prnu.tiles import Tiles

SILENT = "no statement"
NEEDED = f"{SILENT}: two photographs of one size that can be used are needed"
NO_EXCLUSION = "Alone is not 'another camera': nothing was found that links it, and two groups may be of one device."
SIZES = "Photographs of different sizes are not compared, and turned, cut or resized ones are not found"
RULE = (
  "Groups grow by the largest likelihood ratio of one device against another, of the same model or not, between sums "
  "of their members' sensor noise. Two groups that join, and a group's best member with the rest of it, have a ratio "
  "above the number of pairs compared; each member has one above the number of photographs times that of groups."
)
SAID = 20  # Sizes of groups in a sentence.
STANDS_OUT = 9.0  # PCE from which on it is asked whether two photographs show the same.


class Linked(NamedTuple):
  """members: by SHA-256, as in the album. groups: the largest first; their places are those of members.

  z: of all pairs, NaN where sizes differ and on the diagonal. ratios: by hypothesis ("H2a", "H2b"), within the
  calibration's bounds, likewise. n_pairs: how many were compared. alike: those of them that show the same, about which
  nothing is said: what is shown correlates as a sensor does.
  """

  members: list[Member]
  groups: list[Group]
  z: Float32[np.ndarray, "n n"]
  ratios: Mapping[str, Ratios]
  n_pairs: int
  alike: Sequence[tuple[int, int]] = ()

  @property
  def alone(self) -> list[int]:
    return sorted(set(range(len(self.members))) - {k for group in self.groups for k in group.members})

  @property
  def order(self) -> list[int]:
    """Group after group, then those alone."""
    return [k for group in self.groups for k in group.members] + self.alone


def prepare(members: list[Member], tiles: Tiles, share: Share = ALONE) -> None:
  """Compares all pairs of photographs of one size, as far as nobody has done it; what comes out is in the tiles."""
  for own in _places(members).values():
    tiles.make([members[k].sha256 for k in own], members[own[0]].shape, share)


def link(members: list[Member], tiles: Tiles, calibration: Calibration, share: Share = ALONE) -> Linked:
  """All pairs of photographs of one size, and the groups among them. At most three numbers a pair are in memory."""
  n, places = len(members), _places(members)
  n_pairs = sum(len(own) * (len(own) - 1) // 2 for own in places.values())
  strength = pairs.strengths(calibration.predictor, [member.quality for member in members]) if n else np.zeros(0)
  tables = pairs.tables(calibration)
  z, groups, alike = np.full((n, n), np.nan, np.float32), [], []
  for own in places.values():
    hashes = [members[k].sha256 for k in own]
    part = tiles.pce(hashes, members[own[0]].shape, share)
    same = [(a, b) for a, b, _ in tiles.alike(hashes, part, STANDS_OUT)]
    for a, b in same:
      part[a, b] = part[b, a] = 0
    for row in part:
      row[:] = np.copysign(np.sqrt(np.abs(row)), row)
    paid, pixels = linking.Price(len(own), n_pairs), members[own[0]].quality.pixels
    found = linking.grow(part, strength[own], pixels, pairs.smaller(tables), paid)
    groups += [group._replace(members=tuple(own[k] for k in group.members)) for group in found]
    for k, row in zip(own, part, strict=True):
      z[k, own] = row
    alike += [(own[a], own[b]) for a, b in same]
  for a, b in alike:
    z[a, b] = z[b, a] = np.nan
  np.fill_diagonal(z, np.nan)
  ratios = {}
  for name, hypothesis in NAMES.items():
    if hypothesis in tables:
      line = calibration.lines[hypothesis]
      ratios[name] = Ratios(tables[hypothesis], (line.low, line.high), strength, z)
  groups.sort(key=lambda group: (-len(group.members), group.members))
  return Linked(members, groups, z, ratios, n_pairs, alike)


def _places(members: list[Member]) -> dict[tuple[int, int], list[int]]:
  """Of the photographs of each size that has two or more."""
  places: dict[tuple[int, int], list[int]] = {}
  for k, member in enumerate(members):
    places.setdefault(member.size, []).append(k)
  return {size: own for size, own in places.items() if len(own) > 1}


def facts(found: Linked) -> dict[str, Any]:
  """What docs/link.md says field by field, but for files that were left out and the calibration."""
  answer = sentence(found)
  grouped = [
    {"size": list(found.members[group.members[0]].size)}
    | {"photographs": [_described(found, k, group, z) for k, z in zip(group.members, group.with_rest, strict=True)]}
    for group in found.groups
  ]
  alone = [_named(found.members[k]) | {"compared_with": others} for k, others in _alone(found)]
  alike = [[str(found.members[k].path) for k in pair] for pair in found.alike]
  return {"answer": answer, "rule": RULE, "pairs": found.n_pairs, "groups": grouped, "alone": alone, "alike": alike}


def write_arrays(path: Path, found: Linked) -> None:
  """All pairs in 16 bits, in the order of `sha256`; `compared` says which: the others have zeros."""
  n = len(found.members)
  halved = lambda values: np.nan_to_num(values.astype(np.float16))  # noqa: E731
  parts = {
    "sha256": Rows(np.array([member.sha256 for member in found.members]).__getitem__, (n,), "U64"),
    "compared": Rows(lambda some: np.isfinite(found.z[some]), (n, n), "?"),
    "z": Rows(lambda some: halved(found.z[some]), (n, n), "f2"),
  }
  for name, ratios in found.ratios.items():
    parts[name] = Rows(lambda some, of=ratios.of: halved(of(range(some.start, some.stop))), (n, n), "f2")
  arrays.write_npz(path, parts)


def sentence(found: Linked) -> str:
  """The answer for people."""
  n, groups, alone = len(found.members), found.groups, len(found.alone)
  if found.n_pairs == 0:
    return f"{NEEDED}, and there are {n} that can be used"
  sizes = [len(group.members) for group in groups]
  listed = ", ".join(map(str, sizes[:SAID])) + (", ..." if len(sizes) > SAID else "")
  which = f"groups of one device each: {len(groups)} (photographs: {listed})" if groups else "no two linked"
  said = [f"{n} photographs; {which}; alone: {alone}."]
  said += [NO_EXCLUSION] if alone or len(groups) > 1 else []
  kinds = len({member.size for member in found.members})
  said += [f"{SIZES}: here are {kinds} sizes."] if kinds > 1 else []
  return " ".join(said)


def lines(found: Linked) -> Iterator[str]:
  """For people at a terminal."""
  yield sentence(found)
  for number, group in enumerate(found.groups, 1):
    yield f"group {number}: {len(group.members)} photographs of one device"
    for k, z in zip(group.members, group.with_rest, strict=True):
      yield f"  {found.members[k].sha256}  {shown(found.members[k].path)}  (z {z:.1f} with the rest)"
  if found.n_pairs and found.alone:
    yield f"alone: {len(found.alone)}"
    for k, others in _alone(found):
      why = "" if others else "  (no other of its size)"
      yield f"  {found.members[k].sha256}  {shown(found.members[k].path)}{why}"


def _described(found: Linked, k: int, group: Group, z: float) -> dict[str, Any]:
  """With its likeliest companion: the largest ratio against each hypothesis within the group."""
  others = [other for other in group.members if other != k]
  best = {name: round(float(np.nanmax(ratios.of([k])[0, others])), 3) for name, ratios in found.ratios.items()}
  return _named(found.members[k]) | {"z_with_rest": round(z, 2), "largest_log10_ratio": best}


def _named(member: Member) -> dict[str, Any]:
  return {"file": str(member.path), "sha256": member.sha256, "size": list(member.size)}


def _alone(found: Linked) -> list[tuple[int, int]]:
  """The place of each, and with how many others it was compared."""
  sizes = Counter(member.size for member in found.members)
  return [(k, sizes[found.members[k].size] - 1) for k in found.alone]
