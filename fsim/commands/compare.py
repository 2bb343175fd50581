"""Tells how much likelier photographs are if one camera took them than if two did, as likelihood ratios with bounds.

  fsim compare QUESTIONED... --with REFERENCE...                photographs or folders on either side
  fsim compare a.jpg --with b.jpg                               two photographs alone
  fsim compare QUESTIONED... --with REFERENCE... --out=CASE     and a case to hand over, with a page

All references are of one camera, of one size and at best five or more. That the questioned file was turned, mirrored,
cut or resized is found out, and paid for. EXIF and JPEG tables are shown beside the ratio and never enter it. Absence
of a match is no exclusion: the answer says how often one would be missed. docs/compare.md.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fsim.boundary import console, waking
from fsim.boundary.text import shown
from fsim.commands import options

if TYPE_CHECKING:
  from fsim.evidence.asking import Request
  from fsim.prnu.leaving import LeftOut

PAGE = "report.html"


def main(arguments: Sequence[str]) -> int:
  chosen, command = parsed(arguments), ("fsim", "compare", *arguments)
  with waking.importing():
    from fsim import cpu
    from fsim.evidence import asking, case, signing, telling
    from fsim.prnu.leaving import COPY, LeftOut
  cpu.keep_memory()
  key = signing.read_private(chosen.sign) if chosen.sign else None
  folder = case.begin(chosen.out, PAGE) if chosen.out else None
  directory = case.working_folder() if folder else ""
  left_out = LeftOut(stop=False)
  request = _request(chosen, left_out)
  if folder is not None:
    case.require_few(folder.path, len(request.inputs))
  outcome = asking.carry_out(request)
  for row in outcome.left_out[len(request.passed_over) :]:
    (left_out.beside if row["cause"].startswith(COPY) else left_out)(Path(row["file"]), row["cause"])
  result = outcome.result()
  try:
    if folder is not None:
      from fsim.evidence import page  # Brings Matplotlib.

      files = {PAGE: page.build(outcome, command)}
      case.write(folder, outcome.question(command, directory), result, files, key)
  finally:  # What was computed is told, whatever becomes of the case.
    for line in [console.to_json(result)] if chosen.json else telling.lines(outcome):
      console.say(line)
  if folder is not None and not chosen.json:
    head = case.read(folder.path)["head"]["sha256"]
    console.say(f"case: {shown(folder.path / PAGE)}; head SHA-256 {head} (fsim verify {shown(folder.path)})")
  return console.INCOMPLETE if left_out.lost else console.ANSWERED


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
  compare = options.parser("compare", __doc__)
  told = "photographs in question, or folders of them"
  compare.add_argument("questioned", type=console.path, nargs="+", metavar="QUESTIONED", help=told)
  told = "photographs of one known camera, or folders of them"
  compare.add_argument("--with", type=console.path, nargs="+", required=True, metavar="REFERENCE", dest="references",
                       help=told)  # fmt: skip
  options.add_out(compare, "the folder of a case: the answer, a page, a chain of records (docs/case.md)", "CASE", False)
  told = "one of your own (fsim calibrate); by default the one that came with fsim"
  compare.add_argument("--calibration", type=console.path, metavar="FILE.json", help=told)
  options.add_run_or_weights(compare, "configs/model.py")
  options.add_trusted(compare)
  told = "an Ed25519 private key in PEM, which signs the case"
  compare.add_argument("--sign", type=console.path, metavar="PRIVATE.pem", help=told)
  options.add_json(compare)
  chosen = compare.parse_args(arguments)
  if chosen.sign and not chosen.out:
    compare.error("--sign signs a case, and needs --out=CASE")
  return chosen


def _request(chosen: argparse.Namespace, left_out: "LeftOut") -> "Request":
  """All files of the folders that are given; what is passed over is named as it is found."""
  from fsim.data import photographs
  from fsim.evidence import asking

  passed_over: list[dict[str, str]] = []
  paths = []
  for role, places in ((asking.QUESTIONED, chosen.questioned), (asking.REFERENCE, chosen.references)):
    found = photographs.find(places)
    before = len(left_out.entries)
    left_out.passed_over(found, own=chosen.out)
    passed_over += [{"role": role, **entry} for entry in left_out.entries[before:]]
    paths.append(found.paths)
  request = asking.request(*paths, chosen.calibration, chosen.run, passed_over, chosen.trusted)
  for row in request.passed_over[len(passed_over) :]:
    left_out(Path(row["file"]), row["cause"])
  return request
