"""Learns from a laboratory's own cameras what a score of sensor noise is worth, as a likelihood ratio.

  fsim calibrate FOLDER --out=FILE.json

FOLDER has a subfolder a camera (in it, if you like, a subfolder a scene), or names as Brand_Model_Instance_Shot.JPG,
which also say which cameras are of one model. Six cameras are needed, better fifty; of each at least two photographs,
better fifteen or more, of several scenes. What is printed is of cameras that were left out of the learning:
docs/compare.md.
"""

import argparse
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fsim.boundary import console, waking
from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.commands import options

if TYPE_CHECKING:
  from fsim.evidence.learning import Learned


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
  parser = options.parser("calibrate", __doc__)
  parser.add_argument("folder", type=console.path, metavar="FOLDER", help="photographs of known cameras")
  options.add_out(parser, "the file of the calibration", "FILE.json")
  told = "a regular expression for names of another form in FOLDER (docs/mobile.md)"
  parser.add_argument("--pattern", metavar="REGEX", help=told)
  options.add_json(parser)
  chosen = parser.parse_args(arguments)
  if chosen.out.suffix.lower() != ".json":
    parser.error("--out is the name of a .json file")
  return chosen


def main(arguments: Sequence[str]) -> int:
  chosen = parsed(arguments)
  with waking.importing():
    from fsim import cpu
    from fsim.boundary import outputs
    from fsim.data import cameras
    from fsim.evidence import collecting, learning, saved
    from fsim.evidence.selecting import Labelled
  cpu.keep_memory()
  place = outputs.file(chosen.out)
  found = cameras.read(chosen.folder, chosen.pattern)
  scores, unusable = collecting.collect([Labelled(k.path, k.device, k.camera, k.scene) for k in found.photographs])
  for path, cause in found.left_out + unusable:
    console.note(f"left out {shown(path)}: {shown(cause)}")
  if scores.comparisons.empty:
    raise UserError(f"{shown(chosen.folder)}: no two photographs of one camera and one size can be compared")
  command = f"fsim calibrate {chosen.folder} --out={chosen.out}"
  sources = [f"photographs of {chosen.folder.resolve().name}, read by {found.rule}"]
  learned = learning.learn(learning.data_of(scores), chosen.out.stem, command, sources)
  place.write(chosen.out.name, saved.to_bytes(learned.calibration))
  if chosen.json:
    console.say(console.to_json(dict(learned.calibration.card)))
  else:
    for line in told(learned):
      console.say(shown(line))
  return console.INCOMPLETE if found.lost or unusable else console.ANSWERED


def told(learned: "Learned") -> list[str]:
  """For people."""
  made: Any = learned.calibration
  lines = [f"{what}: {count:,}" for what, count in made.card["counts"].items()]
  lines.append(f"cameras without sensor noise in their files, by this data: {100 * made.spread.gone:.0f} %")
  for hypothesis, line in made.lines.items():
    low, high = (math.exp(value) for value in (line.low, line.high))
    lines.append(
      f"against {hypothesis}: ratios from {low:.3g} to {high:.3g}, by {line.devices} devices and {line.pairs} pairs"
    )
  lines += [f"{what} (cameras left out): {value:.3f}" for what, value in made.card["figures"].items()]
  return lines
