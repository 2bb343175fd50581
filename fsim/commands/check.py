"""Tells what a folder of JPEGs holds, what is wrong with it, and which protocols it can serve.

  fsim check FOLDER

The exit code is 0 unless nothing in the folder is usable. Verified files are remembered beside the data sets that TFDS
keeps, so that a training run does not verify them again; where nothing can be written there, that is said. The
options are those of the configurations (data.pattern, ...).
"""

import argparse
from collections.abc import Sequence

from fsim.boundary import console, waking
from fsim.commands import options


def main(arguments: Sequence[str]) -> int:
  chosen = parsed(arguments)
  with waking.importing():
    from fsim.commands.work import check
  return check.check(chosen)


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
  parser = options.parser("check", __doc__)
  parser.add_argument("path", type=console.path, metavar="FOLDER", help="the photographs")
  told = "a regular expression for names of another form (docs/mobile.md)"
  parser.add_argument("--pattern", metavar="REGEX", help=told)
  parser.add_argument("--no-merge-d70", action="store_true", help="D70s is a model of its own, and not a D70")
  parser.add_argument("--no-repair-mju", action="store_true", help="mju_1050SW is not mju-1050SW")
  told = "original, any, or by what copies were passed on, with commas"
  parser.add_argument("--platform", default="original", metavar="NAMES", help=told)
  told = "where prepared data are kept; by default TFDS_DATA_DIR"
  parser.add_argument("--folder", type=console.path, metavar="DIR", help=told)
  options.add_json(parser)
  return parser.parse_args(arguments)
