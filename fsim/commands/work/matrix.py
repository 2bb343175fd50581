"""What `fsim matrix` does, and how its answer reads."""

import argparse
from contextlib import nullcontext
from pathlib import Path

from fsim.boundary import console, lock, outputs, shares
from fsim.boundary.shares import Share
from fsim.boundary.spreadsheet import csv
from fsim.boundary.text import shown
from fsim.data.photographs import find
from fsim.prnu import allpairs, figures, leaving
from fsim.prnu.allpairs import Matrix
from fsim.prnu.leaving import LeftOut
from fsim.prnu.tiles import Tiles

DOING = "comparing photographs"  # Of the process that gives the answer; others may share its work.
SPARSE = f"of more than {allpairs.LISTED:,} pairs those above the threshold"


def matrix(chosen: argparse.Namespace) -> int:
  share = shares.own()
  left_out = LeftOut(chosen.stop)
  folder = outputs.Folder(chosen.out)
  folder.claim("matrix.png", "pairs.csv", "images.csv")
  with lock.only_one(folder.path, DOING) if share.leads else nullcontext():
    return _compared(chosen, share, folder, left_out)


def _compared(chosen: argparse.Namespace, share: Share, folder: outputs.Folder, left_out: LeftOut) -> int:
  files = find(chosen.places)
  left_out.passed_over(files, own=chosen.out)
  with console.resumable():
    tiles = Tiles(outputs.Folder(chosen.out / "cache").path, in_step=True)
    images = allpairs.prepared(files.paths, tiles, left_out, share)
    if not share.leads:
      allpairs.prepare(images, tiles, share)
      return console.ANSWERED
    found = allpairs.compared(images, tiles, chosen.alpha, len(files.paths), share)
  left_out.copies(found.copies)
  leaving.note_alike(found.alike)
  pairs = allpairs.pair_table(found)
  folder.write("pairs.csv", csv(pairs))
  folder.write("images.csv", csv(found.table.drop(columns="size")))
  folder.write("matrix.png", figures.matrix(found))
  considered = len(files.paths) + len(files.passed_over)
  matches = int(pairs["match"].sum())
  rest = f" ({SPARSE})" if found.pairs > allpairs.LISTED else ""
  if chosen.json:
    console.say(console.to_json(_described(chosen.out, found, considered, matches, left_out)))
    return left_out.code()
  sizes = ", ".join(str(len(group)) for group in _groups(found)) or "none"
  console.say(
    f"{len(found.table)} photographs of {considered} files, {found.pairs:,} pairs, {matches:,} above the threshold of "
    f"{found.threshold:.1f}; {len(left_out.entries)} left out\n"
    f"groups of linked photographs (of two or more): {sizes}\n"
    f"{shown(chosen.out)}: matrix.png, pairs.csv{rest}, images.csv"
  )
  return left_out.code()


def _described(out: Path, found: Matrix, considered: int, matches: int, left_out: LeftOut) -> dict:
  return {
    "considered": considered,
    "images": len(found.table),
    "pairs": found.pairs,
    "threshold": found.threshold,
    "matches": matches,
    "groups": _groups(found),
    "left_out": left_out.entries,
    "alike": [list(map(str, pair)) for pair in found.alike],
    "picture": str(out / "matrix.png"),
  }


def _groups(found: Matrix) -> list[list[str]]:
  return [group["file"].tolist() for _, group in found.table.groupby("group") if len(group) > 1]
