"""A predictor from the network published with Bondi et al. 2017, whose Caffe files are not ours to ship.

fsim caffe best.caffemodel mean.binaryproto --classes=names.txt --out=DIR            then fsim identify --run=DIR/patch
fsim caffe ... --photographs=FOLDER                        then fsim cluster and fsim splice with --run=DIR/model too

names.txt has a line a class, in the order of the network's outputs. The photographs are of known camera models, best of
such that the network has not learned: they tell how far apart its answers are within a model and between models.
"""

import argparse
from collections.abc import Sequence

from fsim.boundary import console, waking
from fsim.commands import options


def main(arguments: Sequence[str]) -> int:
  chosen = parsed(arguments)
  with waking.importing():
    from fsim import cpu
    from fsim.commands.work import caffe
  cpu.keep_memory()
  return caffe.import_caffe(chosen)


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
  parser = options.parser("caffe", __doc__)
  parser.add_argument("model", type=console.path, metavar="CAFFEMODEL")
  parser.add_argument("mean", type=console.path, metavar="BINARYPROTO", help="the mean of its training patches")
  told = "text file, a camera model a line"
  parser.add_argument("--classes", type=console.path, metavar="TXT", required=True, help=told)
  told = "photographs of known camera models, as data.source of a configuration names them"
  parser.add_argument("--photographs", metavar="FOLDER", help=told)
  options.add_out(parser, "new folder, for the predictors")
  options.add_json(parser)
  return parser.parse_args(arguments)
