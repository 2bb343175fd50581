"""Names the camera model of photographs, or says that it is none of those that are known.

  fsim identify IMAGE_OR_FOLDER... --run=DIR                       of those that a run has learned
  fsim identify IMAGE_OR_FOLDER... --run=DIR --cameras=FOLDER      of your own cameras, by photographs of each
  fsim identify IMAGE --run=DIR --map=OUT.png                      block by block, also as OUT.json

FOLDER has a subfolder a camera (in it, if you like, a subfolder a scene), or names as Brand_Model_Instance_Shot.JPG. Of
each camera 5 photographs are needed, better 10 or more, of several scenes: docs/identify.md.
"""

import argparse
from collections.abc import Sequence
from typing import Any

from fsim import cpu
from fsim.boundary import console
from fsim.boundary.errors import UserError
from fsim.boundary.outputs import Folder
from fsim.boundary.text import shown
from fsim.commands import answering, enrolled, enrolled_facts, options, verdicts
from fsim.commands.rows import usable
from fsim.commands.verdicts import Judge
from fsim.commands.verdicts import sentence as sentence
from fsim.data.photographs import Found, find


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
    answering.require(parser, chosen.run, "model")
  return chosen


def main(arguments: Sequence[str]) -> int:
  chosen = parsed(arguments)
  cpu.keep_memory()
  found = find(chosen.places)
  if chosen.map and len(found.paths) > 1:
    raise UserError(f"--map takes one image, and {shown(chosen.places[0])} has {len(found.paths):,}")
  folder = verdicts.place_of_map(chosen.map) if chosen.map else None
  own = None
  if chosen.cameras:
    own = enrolled.enrol(chosen.run, chosen.cameras, chosen.pattern)
    if not chosen.json:
      for line in enrolled_facts.lines(own.facts):
        console.say(shown(line))
  judge = own.judge if own else verdicts.of_run(chosen.run)
  rows = answers(judge, found, chosen, folder)
  if chosen.json:
    console.say(console.to_json({"enrolment": own.facts, "photographs": rows} if own else rows))
  is_whole = not found.lost and (own is None or own.is_whole) and not any("error" in row for row in rows)
  return console.ANSWERED if is_whole else console.INCOMPLETE


def answers(judge: Judge, found: Found, chosen: argparse.Namespace, folder: Folder | None) -> list[dict[str, Any]]:
  """A row for each file, printed for people as it comes; the map is written to the folder."""
  rows: list[dict[str, Any]] = [{"file": str(path), "passed_over": cause} for path, cause in found.passed_over]
  for path, cause in found.passed_over:
    console.note(f"{shown(path)}: left out, {cause}")
  for row, photograph in usable(found.paths, rows):
    said, words = judge.judge(photograph)
    row |= said
    if not chosen.json:
      console.say(shown(f"{photograph.path}: {words}"))
    if folder and "enrolled_as" not in row:
      verdicts.write_map(folder, chosen.map.name, photograph.path, photograph.pixels, judge)
  return rows
