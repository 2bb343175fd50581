"""python -m fsim.report RUN: writes the page of a finished run anew."""

import argparse
import sys
from collections.abc import Sequence

from fsim.boundary import console
from fsim.systems import finished


def main(arguments: Sequence[str]) -> int:
  parser = argparse.ArgumentParser(prog="python -m fsim.report", description=__doc__)
  parser.add_argument("run", type=console.path, help="a run folder, the --workdir of fsim.main")
  console.say(str(finished.rebuild(parser.parse_args(arguments).run)))
  return console.ANSWERED


if __name__ == "__main__":
  sys.exit(console.run(main, sys.argv[1:]))
