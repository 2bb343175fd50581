"""Tells which of many photographs are of one camera, by sensor noise; nothing is known of the cameras.

  fsim link FOLDER... [--out=DIR]

Every two photographs of one size are compared, and groups grow by calibrated likelihood ratios; each comparison is paid
for. A photograph that stays alone is not said to be of another camera. --out gets groups.json, the picture groups.png
and ratios.npz, and an interrupted call goes on there when the same command is given again. docs/link.md.
"""

import argparse
import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fsim.boundary import console, waking
from fsim.commands import options

if TYPE_CHECKING:
  from fsim.boundary.outputs import Folder
  from fsim.boundary.shares import Share
  from fsim.evidence.linked import Linked
  from fsim.evidence.shipped import Chosen

FILES = ("groups.json", "groups.png", "ratios.npz")
CACHE = "cache"
DOING = "linking photographs"  # Of the process that gives the answer; others may share its work.


def main(arguments: Sequence[str]) -> int:
  chosen = parsed(arguments)
  with waking.importing():
    from fsim import cpu
    from fsim.boundary import lock, shares
    from fsim.boundary.errors import UserError
    from fsim.boundary.outputs import Folder
    from fsim.evidence import shipped
  cpu.keep_memory()
  share = shares.own()
  if share.count > 1 and not chosen.out:
    raise UserError("several processes share a folder: name it by --out")
  answers = shipped.chosen(chosen.calibration)
  folder = Folder(chosen.out) if chosen.out else None
  if folder:
    folder.claim(*FILES)
  with lock.only_one(chosen.out, DOING) if chosen.out and share.leads else contextlib.nullcontext():
    return _linked(chosen, share, answers, folder)


def _linked(chosen: argparse.Namespace, share: "Share", answers: "Chosen", folder: "Folder | None") -> int:
  with waking.importing():
    from fsim.data.photographs import find
    from fsim.evidence import album, linked
    from fsim.prnu import leaving
    from fsim.prnu.leaving import LeftOut
    from fsim.prnu.tiles import Tiles
  left_out, files = LeftOut(stop=False), find(chosen.places)
  left_out.passed_over(files, own=chosen.out)
  with _cache(chosen.out) as cache, _resumable(chosen.out):
    tiles = Tiles(cache)
    gathered = album.gather(files.paths, tiles, left_out, share)
    left_out.copies(gathered.copies)
    if not share.leads:
      linked.prepare(gathered.members, tiles, share)
      return console.ANSWERED
    found = linked.link(gathered.members, tiles, answers.calibration, share)
  leaving.note_alike([(found.members[a].path, found.members[b].path) for a, b in found.alike])
  facts = linked.facts(found) | {"left_out": left_out.entries, "calibration": answers.described._asdict()}
  if folder:
    _write(folder, facts, found)
  if chosen.json:
    console.say(console.to_json(facts))
  else:
    for line in linked.lines(found):
      console.say(line)
  return console.INCOMPLETE if left_out.lost else console.ANSWERED


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
  link = options.parser("link", __doc__)
  options.add_photographs(link)
  options.add_out(link, "folder for groups.json, groups.png and ratios.npz, and what was begun", required=False)
  told = "one of your own (fsim calibrate); by default the one that came with fsim"
  link.add_argument("--calibration", type=console.path, metavar="FILE.json", help=told)
  options.add_json(link)
  return link.parse_args(arguments)


def _write(folder: "Folder", facts: dict[str, Any], found: "Linked") -> None:
  """Where nothing could be compared there are no ratios, and none of former ones stay."""
  from fsim.evidence import linked, linked_figures

  for name in FILES[1:]:
    if not found.n_pairs:
      folder.remove(name)
  if found.n_pairs:
    folder.write(FILES[1], linked_figures.picture(found))
    with folder.replacing(FILES[2]) as draft:
      linked.write_arrays(draft, found)
  folder.write(FILES[0], console.to_json(facts).encode())


@contextlib.contextmanager
def _cache(out: Path | None) -> Iterator[Path]:
  """Where patterns are kept; without --out for as long as the command runs."""
  if out is not None:
    yield out / CACHE
    return
  with tempfile.TemporaryDirectory() as place:
    yield Path(place)


def _resumable(out: Path | None) -> contextlib.AbstractContextManager[None]:
  return console.resumable() if out is not None else contextlib.nullcontext()
