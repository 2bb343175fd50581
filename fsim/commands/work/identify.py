"""What `fsim identify` does."""

import argparse
from typing import Any

from fsim.boundary import console
from fsim.boundary.errors import UserError
from fsim.boundary.outputs import Folder
from fsim.boundary.text import shown
from fsim.commands import enrolled, enrolled_facts, verdicts
from fsim.commands.rows import usable
from fsim.commands.verdicts import Judge
from fsim.data.photographs import Found, find


def identify(chosen: argparse.Namespace) -> int:
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
