"""What `fsim match` does, and how its answers read."""

import argparse
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from fsim.boundary import console, outputs, shares
from fsim.boundary.text import shown
from fsim.data.photographs import Found, find
from fsim.prnu import comparing
from fsim.prnu.comparing import FALSE_ALARM_FLOOR, NO_STATEMENT, Answer, Search
from fsim.prnu.index import Index
from fsim.prnu.leaving import LeftOut
from fsim.prnu.settings import Settings
from fsim.prnu.transforms import all_transforms


def match(chosen: argparse.Namespace) -> int:
  """Answers are given as they are found, so that an interruption loses only those that are not."""
  transforms = all_transforms(chosen.turned, chosen.mirrored, chosen.scales)
  search = Search(transforms, chosen.reach, chosen.alpha, Settings(noise=chosen.noise))
  against, passed_over = comparing.candidates(chosen.against, chosen.index)
  found = find(chosen.places)
  left_out = LeftOut(stop=False)
  left_out.passed_over(found)
  for path, cause in passed_over:
    left_out.beside(path, cause)
  considered = len(found.paths) + len(found.passed_over)
  console.note(f"{considered} files considered, {len(found.passed_over)} of them passed over")
  answers: list[Answer] = []
  each_of = len(against) if chosen.best is None else min(chosen.best, len(against))
  wanted = (len(found.paths) + len(found.lost)) * each_of
  if chosen.index:
    share, index = shares.own(), Index(outputs.Folder(chosen.index).path, search.settings)
    with console.resumable():
      broken = index.add(against, share)
    if not share.leads:
      return console.ANSWERED
    compared = comparing.from_index(found.paths, against, search, chosen.best, index, broken)
  else:
    compared = comparing.compare(found.paths, against, search, chosen.best)
  try:
    for each in chain(compared, _unread(found, against[:each_of])):
      answers += each
      if not chosen.json:
        console.say("\n".join(line(answer) for answer in each))
  except KeyboardInterrupt as error:
    error.add_note(f"{len(answers)} of {wanted} answers were found and printed; the same command begins anew")
    raise
  finally:
    if chosen.json:
      console.say(console.to_json([answer._asdict() for answer in answers]))
  return console.ANSWERED if all(answer.usable for answer in answers) else console.INCOMPLETE


def _unread(found: Found, candidates: list[Path]) -> Iterator[list[Answer]]:
  """Of pictures in a folder that are no JPEGs, or that cannot be had."""
  for path, cause in found.passed_over:
    if path in found.lost:
      yield [Answer(str(path), str(c), NO_STATEMENT, cause, usable=False) for c in dict.fromkeys(candidates)]


def line(answer: Answer) -> str:
  head = f"{shown(answer.image)}  {shown(answer.candidate)}  {answer.answer}"
  if answer.pce is None:
    return f"{head}: {shown(answer.reason)}"
  seen = [f"shift {answer.shift[0]},{answer.shift[1]}"] if answer.shift != (0, 0) else []
  seen += [f"{90 * answer.turns} degrees"] if answer.turns else []
  seen += ["mirrored"] if answer.mirrored else []
  seen += [f"scale {answer.scale:g}"] if answer.scale != 1 else []
  below = answer.false_alarm <= FALSE_ALARM_FLOOR
  chance = f"below {FALSE_ALARM_FLOOR:g}" if below else f"{answer.false_alarm:.1g}"
  hypotheses = "1 hypothesis" if answer.n_hypotheses == 1 else f"{answer.n_hypotheses:,} hypotheses"
  numbers = f"PCE {answer.pce:.1f}, threshold {answer.threshold:.1f} at {hypotheses}"
  return f"{head}: {numbers}, false alarm {chance}" + (f" ({', '.join(seen)})" if seen else "")
