"""Names the camera model of photographs, or says that it is none of those that are known.

  fsim identify IMAGE_OR_FOLDER... --run=DIR                       of those that a run has learned
  fsim identify IMAGE_OR_FOLDER... --run=DIR --cameras=FOLDER      of your own cameras, by photographs of each
  fsim identify IMAGE --run=DIR --map=OUT.png                      block by block, also as OUT.json

FOLDER has a subfolder a camera (in it, if you like, a subfolder a scene), or names as Brand_Model_Instance_Shot.JPG. Of
each camera 5 photographs are needed, better 10 or more, of several scenes: docs/identify.md.
"""

import argparse
from collections.abc import Sequence

from fsim.boundary import console, waking
from fsim.commands import options


def main(arguments: Sequence[str]) -> int:
  chosen = parsed(arguments)
  with waking.importing():
    from fsim import cpu
    from fsim.commands.work import identify
  cpu.keep_memory()
  return identify.identify(chosen)


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
  parser = options.parser("identify", __doc__)
  options.add_photographs(parser)
  told = "a finished run of configs/patch.py; with --cameras also of configs/model.py, by default the weights of fsim"
  parser.add_argument("--run", type=console.path, metavar="DIR", help=told)
  parser.add_argument(
    "--cameras", type=console.path, metavar="FOLDER", help="photographs of known cameras to choose from"
  )
  told = "a regular expression for names of another form in FOLDER (docs/mobile.md)"
  parser.add_argument("--pattern", metavar="REGEX", help=told)
  parser.add_argument("--map", type=console.path, metavar="OUT.png", help="write a map of the one image's blocks")
  options.add_json(parser)
  chosen = parser.parse_args(arguments)
  if chosen.map and (len(chosen.places) > 1 or chosen.map.suffix.lower() != ".png"):
    parser.error("--map takes one image, and the name of a .png file")
  if chosen.pattern is not None and chosen.cameras is None:
    parser.error("--pattern says how names in --cameras are read, which is missing")
  if chosen.cameras is None and chosen.run is None:
    parser.error("--run is missing: a finished run of configs/patch.py; or --cameras, to choose from your own")
  if chosen.cameras:
    options.require_run(parser, chosen.run, "model")
  return chosen
