"""Are all images of a folder from one camera model, and which do not belong? No model needs to have been learned.

  fsim cluster FOLDER_OR_IMAGE... [--run=DIR] [--out=DIR]

The network that came with fsim, or that of a run of configs/model.py, compares patches of every two images, and their
log-odds of a common model make groups; fsim/systems/model/clustering.py states the rule. --out gets groups.json
and the picture groups.png.
"""

import argparse
from collections.abc import Sequence

from fsim.boundary import waking
from fsim.commands import options


def main(arguments: Sequence[str]) -> int:
  chosen = parsed(arguments)
  with waking.importing():
    from fsim import cpu
    from fsim.commands.work import cluster
  cpu.keep_memory()
  return cluster.cluster(chosen)


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
  parser = options.parser("cluster", __doc__)
  options.add_photographs(parser)
  options.add_run_or_weights(parser, "configs/model.py")
  options.add_out(parser, "folder for groups.json and groups.png", required=False)
  options.add_json(parser)
  wanted = parser.parse_args(arguments)
  options.require_run(parser, wanted.run, "model")
  return wanted
