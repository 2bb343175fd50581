"""Compares the sensor noise (PRNU) of all pairs of the photographs of a folder, aligned, and groups what is linked.

  fsim matrix DIR --out=FOLDER

FOLDER gets matrix.png, pairs.csv and images.csv. A matrix that was interrupted goes on when the same command is given
again.
"""

import argparse
from collections.abc import Sequence

from fsim.boundary import console, waking
from fsim.commands import options


def main(arguments: Sequence[str]) -> int:
  chosen = parser().parse_args(arguments)
  with waking.importing():
    from fsim import cpu
    from fsim.commands.work import matrix
  cpu.keep_memory()
  return matrix.matrix(chosen)


def parser() -> argparse.ArgumentParser:
  pairs = options.parser("matrix", __doc__)
  pairs.add_argument("places", type=console.path, nargs="+", metavar="DIR", help="folders or JPEGs")
  options.add_out(pairs, "folder for the picture and the tables", "FOLDER")
  options.add_alpha(pairs)
  options.add_stop(pairs)
  options.add_json(pairs)
  return pairs
