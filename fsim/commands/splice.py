"""Maps where photographs hold something that differs from the rest as if another camera model had taken it.

  fsim splice IMAGE_OR_FOLDER... --out=DIR [--run=DIR]           every patch with every other
  fsim splice IMAGE --out=DIR --reference=X,Y                    all with the patch at a pixel

Of photo.jpg it leaves photo.map.png, photo.mask.png (white where marked) and photo.map.json in the folder, of images of
one name with the name of their folder in front. What is marked differs from the reference patches, which the map shows;
where the patches cannot tell which part is the image, there is no statement. The network that came with fsim compares
the patches, or that of a run of configs/model.py.
"""

import argparse
from collections.abc import Sequence

from fsim.boundary import waking
from fsim.commands import options
from fsim.data.markers import JPEG_GRID


def main(arguments: Sequence[str]) -> int:
  chosen = parsed(arguments)
  with waking.importing():
    from fsim import cpu
    from fsim.commands.work import splice
  cpu.keep_memory()
  return splice.splice(chosen)


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
  parser = options.parser("splice", __doc__)
  options.add_photographs(parser)
  options.add_run_or_weights(parser, "configs/model.py")
  options.add_out(parser, "folder for the maps")
  parser.add_argument("--reference", type=_pixel, metavar="X,Y", help="a pixel of the one image, of its own source")
  told = "pixels between patches, a multiple of 8; by default half a patch"
  parser.add_argument("--stride", type=_stride, metavar="N", help=told)
  options.add_json(parser)
  chosen = parser.parse_args(arguments)
  options.require_run(parser, chosen.run, "model")
  if chosen.reference and len(chosen.places) > 1:
    parser.error("--reference takes one image: a pixel of one says nothing of another")
  return chosen


def _stride(text: str) -> int:
  if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0 and int(text) % JPEG_GRID == 0):
    raise argparse.ArgumentTypeError(f"{text!r} is no multiple of {JPEG_GRID} pixels")
  return int(text)


def _pixel(text: str) -> tuple[int, int]:
  x, _, y = text.partition(",")
  if not (x.isdecimal() and y.isdecimal()):
    raise argparse.ArgumentTypeError(f"{text!r} is not of the form X,Y in pixels from the top left corner")
  return int(x), int(y)
