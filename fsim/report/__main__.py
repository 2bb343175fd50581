"""python -m fsim.report RUN: writes the page of a finished run anew."""

import argparse
import sys
from pathlib import Path

from fsim.report import page


def main() -> int:
  parser = argparse.ArgumentParser(prog="python -m fsim.report", description=__doc__)
  parser.add_argument("run", type=Path, help="a run folder, the --workdir of fsim.main")
  workdir = parser.parse_args().run
  try:
    print(page.build(workdir))
  except FileNotFoundError as error:
    print(f"{workdir} is not a finished run: {error.filename} is missing", file=sys.stderr)
    return 1
  return 0


if __name__ == "__main__":
  sys.exit(main())
