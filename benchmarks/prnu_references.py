"""Do the references of a fingerprint come from one camera? Single cameras and mixes of several, from real photographs.

  python -m benchmarks.prnu_references ../shared/realcams/natural ../shared/realcams/flat-field ...

Files are named Brand_Model_Instance_Shot.JPG. A line of the table is DRAWS draws from one folder, less those for which
a device has too few photographs.
"""

import argparse
from pathlib import Path

import numpy as np

from fsim.boundary import progress
from fsim.boundary.errors import UserError
from fsim.data.exif import Camera
from fsim.data.photographs import find, read_all
from fsim.prnu import membership, probe
from fsim.prnu.membership import Reference

DRAWS = 100
SINGLE = (2, 3, 6, 10, 20)
MIXES = ((1, 1), (2, 2), (5, 5), (10, 10), (20, 20), (3, 3, 3, 3), (3, 1), (9, 1), (8, 2), (20, 6))


def references(folder: Path, side: int) -> dict[str, list[Reference]]:
  """By device; those of two photographs or more."""
  found: dict[str, list[Reference]] = {}
  for photograph in progress.bar(read_all(find([folder]).paths), desc=str(folder)):
    pattern = membership.pattern_of(probe.filtered(photograph.pixels[None]), side)
    found.setdefault(photograph.path.stem.rsplit("_", 1)[0], []).append(Reference(photograph.path, Camera(), pattern))
  return {device: own for device, own in found.items() if len(own) > 1}


def draws(devices: dict[str, list[Reference]], parts: tuple[int, ...], rng: np.random.Generator) -> str:
  """How often each verdict was given on so many photographs of as many devices."""
  told = dict.fromkeys(("checked", "of them with a foreign photograph", "too weak to check each", "refused"), 0)
  left_out = []
  for _ in range(DRAWS):
    chosen = rng.permutation(sorted(devices))[: len(parts)]
    if len(chosen) < len(parts) or any(len(devices[d]) < n for d, n in zip(chosen, parts, strict=True)):
      continue
    own = [
      np.array(devices[d], object)[rng.permutation(len(devices[d]))[:n]] for d, n in zip(chosen, parts, strict=True)
    ]
    mixed, whose = [Reference(*row) for some in own for row in some], np.repeat(range(len(parts)), parts)
    try:
      verdict = membership.check(mixed)
    except UserError:
      told["refused"] += 1
      continue
    if "too weakly" in verdict.said:
      told["too weak to check each"] += 1
      continue
    told["checked"] += 1
    told["of them with a foreign photograph"] += len(set(whose[verdict.kept])) > 1
    left_out.append(parts[0] - int((whose[verdict.kept] == 0).sum()))
  own_lost = f"{np.mean(left_out):.2f}" if left_out else ""
  return f"| {' + '.join(map(str, parts))} | {' | '.join(map(str, told.values()))} | {own_lost} |"


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument("folders", type=Path, nargs="+")
  parser.add_argument("--side", type=int, default=membership.SIDE)
  chosen = parser.parse_args()
  for folder in chosen.folders:
    devices, rng = references(folder, chosen.side), np.random.default_rng(0)
    print(f"\n{folder}, {len(devices)} devices, squares of up to {chosen.side} pixels")
    print("| photographs | checked | of them with a foreign photograph | too weak to check each | refused | left out |")
    print("|---|---|---|---|---|---|")
    for parts in (*((n,) for n in SINGLE), *MIXES):
      print(draws(devices, parts, rng), flush=True)


if __name__ == "__main__":
  main()
