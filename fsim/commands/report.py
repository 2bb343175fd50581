"""Writes the page of a finished run anew.

fsim report runs/device
"""

import argparse
from collections.abc import Sequence

from fsim.boundary import console, waking
from fsim.commands import options


def main(arguments: Sequence[str]) -> int:
  chosen = parser().parse_args(arguments)
  with waking.importing():
    from fsim.systems import finished
  page = str(finished.rebuild(chosen.run))
  console.say(console.to_json({"report": page}) if chosen.json else page)
  return console.ANSWERED


def parser() -> argparse.ArgumentParser:
  parser = options.parser("report", __doc__)
  parser.add_argument("run", type=console.path, metavar="DIR", help="a run folder, the --workdir of `fsim train`")
  options.add_json(parser)
  return parser
