"""Makes a collection of virtual cameras' photographs, or shows how its cameras are set.

  fsim simulate --preset=virtual/default --out=DIR
  fsim simulate --preset=virtual/dresden --out=DIR --size=1024 --shard=0/8
  fsim simulate --preset=virtual/phones --parameters

A collection that was interrupted goes on when the same command is given again.
"""

import argparse
import os
from collections.abc import Sequence

from fsim.boundary import waking
from fsim.commands import options
from fsim.virtual import NAMES

SIZES = (64, 16_384)  # Pixels of the longer side.


def main(arguments: Sequence[str]) -> int:
  chosen = parsed(arguments)
  with waking.importing():
    from fsim.commands.work import simulate
  return simulate.simulate(chosen)


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
  parser = options.parser("simulate", __doc__)
  parser.add_argument("--preset", required=True, choices=NAMES, metavar="PRESET", help=", ".join(NAMES))
  options.add_out(parser, "folder for the files, metadata.csv and contact.png", required=False)
  told = "of the longer side; by default the preset's"
  parser.add_argument("--size", type=int, metavar="PIXELS", help=told)
  told = "make the I-th (from 0) of N parts; by default all"
  parser.add_argument("--shard", type=_shard, default=(0, 1), metavar="I/N", help=told)
  told = "processes; by default one a core"
  parser.add_argument("--workers", type=int, default=os.cpu_count(), metavar="N", help=told)
  parser.add_argument("--parameters", action="store_true", help="print the cameras' settings and stop")
  options.add_json(parser)
  chosen = parser.parse_args(arguments)
  if chosen.size is not None and not SIZES[0] <= chosen.size <= SIZES[1]:
    parser.error(f"--size={chosen.size}: a photograph has {SIZES[0]} to {SIZES[1]:,} pixels along its longer side")
  if chosen.workers < 1:
    parser.error(f"--workers={chosen.workers}: at least one process is needed")
  if chosen.out is None and not chosen.parameters:
    parser.error("--out is missing: say where the files go, for example --out=cameras")
  return chosen


def _shard(said: str) -> tuple[int, int]:
  index, _, count = said.partition("/")
  if not (index.isdecimal() and count.isdecimal() and int(index) < int(count)):
    raise argparse.ArgumentTypeError(f"{said!r} is not of the form I/N with 0 <= I < N")
  return int(index), int(count)
