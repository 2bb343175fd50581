"""How purely, and how many, photographs of known devices are linked when nobody says whose they are.

  python -m benchmarks.linking FOLDER... --out=CACHE [--draws=20] [--count=67]

Photographs are named Brand_Model_Instance_Shot and of one size; names are not looked at before the groups are made.
Beside `fsim link`: groups of pairs above the threshold of `fsim matrix` (single linkage), on the same patterns. "Found
together" is the share of photographs that are in the largest group of their device.
"""

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.sparse.csgraph import connected_components

from fsim.boundary import console
from fsim.data.photographs import find
from fsim.evidence import album, linked, linking, pairs, shipped
from fsim.evidence.linking import Price
from fsim.prnu import matching
from fsim.prnu.tiles import Tiles

ALPHA = 1e-4  # Of `fsim matrix`.


def main() -> None:
  wanted = parsed()
  calibration = shipped.chosen(None).calibration
  tiles = Tiles(wanted.out)
  members = album.gather(
    find(wanted.places).paths, tiles, lambda path, cause: print(f"left out {path}: {cause}")
  ).members
  found = linked.link(members, tiles, calibration)
  z, device = np.nan_to_num(found.z), np.array([member.path.name.rsplit("_", 1)[0] for member in members])
  strength = pairs.strengths(calibration.predictor, [member.quality for member in members])
  table, pixels = pairs.smaller(pairs.tables(calibration)), members[0].quality.pixels
  print(f"{len(members)} photographs of {len(set(device))} devices; largest z of two devices {largest(z, device):.1f}")
  print("all, fsim link:", told([judged([group.members for group in found.groups], device)]))
  print("all, single linkage:", told([judged(single_linkage(z), device)]))
  for name, count in sorted(Counter(device.tolist()).items()):
    own = [sum(device[k] == name for k in group.members) for group in found.groups]
    print(f"  {name}: {count}, in groups of {sorted((n for n in own if n), reverse=True)}")
  rng, rows = np.random.default_rng(0), {"fsim link": [], "single linkage": []}
  for _ in range(wanted.draws):
    some = np.sort(rng.choice(len(members), wanted.count, replace=False))
    part, own = z[np.ix_(some, some)], device[some]
    paid = Price(len(some), len(some) * (len(some) - 1) // 2)
    groups = linking.grow(part, strength[some], pixels, table, paid)
    rows["fsim link"].append(judged([group.members for group in groups], own))
    rows["single linkage"].append(judged(single_linkage(part), own))
  for name, values in rows.items():
    print(f"{wanted.draws} draws of {wanted.count}, {name}:", told(values))


def single_linkage(z: Float[np.ndarray, "n n"]) -> list[list[int]]:
  n = len(z)
  limit = matching.threshold(ALPHA, n * (n - 1) // 2) ** 0.5
  label = connected_components(np.where(np.eye(n, dtype=bool), 0, z) >= limit, directed=False)[1]
  return [np.flatnonzero(label == k).tolist() for k in range(label.max() + 1)]


def judged(groups: list, device: np.ndarray) -> tuple[float, int, int]:
  """Share found together; how many groups there are, and how many of them have two devices."""
  counts = [Counter(device[list(group)].tolist()) for group in groups if len(group) > 1]
  together = sum(max((count[name] for count in counts), default=0) for name in set(device.tolist()))
  return together / len(device), len(counts), sum(len(count) > 1 for count in counts)


def told(rows: list[tuple[float, int, int]]) -> str:
  share, groups, mixed = (np.array(column) for column in zip(*rows, strict=True))
  spread = f" ({share.min():.3f} to {share.max():.3f})" if len(rows) > 1 else ""
  return f"{share.mean():.3f}{spread} found together, {mixed.sum()} of {groups.sum()} groups mixed"


def largest(z: Float[np.ndarray, "n n"], device: np.ndarray) -> float:
  return float(z[device[:, None] != device].max())


def parsed() -> argparse.Namespace:
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("places", type=console.path, nargs="+", metavar="FOLDER")
  parser.add_argument("--out", type=Path, required=True, metavar="CACHE", help="folder for patterns and pairs")
  parser.add_argument("--draws", type=int, default=20)
  parser.add_argument("--count", type=int, default=67, help="photographs of a draw")
  return parser.parse_args()


if __name__ == "__main__":
  main()
