"""Validates likelihood ratios on known cameras: accuracy, discriminating power, calibration, robustness and more.

  fsim validate SOURCE --out=DIR                       a page (index.html) and validation.json
  fsim validate SOURCE --calibration=FILE.json         of your own calibration; by default the one that came with fsim
  fsim validate SOURCE --criteria=FILE.json            by your own criteria

SOURCE has a subfolder a camera (in it, if you like, a subfolder a scene), or names as Brand_Model_Instance_Shot.JPG,
or is a preset such as virtual/default. Its cameras must not be those that the calibration learned: photographs that
what came with fsim learned from are refused. Nothing is learned. An interrupted validation with --out goes on with the
40 devices that were under way when the same command is given again. docs/validation.md.
"""

import argparse
from collections.abc import Sequence

from fsim.boundary import console, waking
from fsim.commands import options


def main(arguments: Sequence[str]) -> int:
  chosen = parsed(arguments)
  with waking.importing():
    from fsim import cpu
    from fsim.commands.work import validate
  cpu.keep_memory()
  return validate.validate(chosen, ("fsim", "validate", *arguments))


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
  parser = options.parser("validate", __doc__)
  parser.add_argument("source", metavar="SOURCE", help="photographs of known cameras: a folder, or a preset")
  options.add_out(parser, "folder for index.html, validation.json, and what was measured", required=False)
  told = "one of your own (fsim calibrate); by default the one that came with fsim"
  parser.add_argument("--calibration", type=console.path, metavar="FILE.json", help=told)
  told = "your own criteria (docs/validation.md); by default those of fsim"
  parser.add_argument("--criteria", type=console.path, metavar="FILE.json", help=told)
  told = "all ratios for lir, a table for each method and hypothesis: FILE_noise_H2b.csv, ..."
  parser.add_argument("--export", type=console.path, metavar="FILE.csv", help=told)
  told = "a regular expression for names of another form in SOURCE (docs/mobile.md)"
  parser.add_argument("--pattern", metavar="REGEX", help=told)
  options.add_json(parser)
  chosen = parser.parse_args(arguments)
  if not chosen.source:
    parser.error("SOURCE is empty")
  if chosen.export and chosen.export.suffix.lower() != ".csv":
    parser.error("--export is the name of a .csv file")
  return chosen
