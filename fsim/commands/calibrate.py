"""Learns from a laboratory's own cameras what scores of sensor noise and of camera models are worth, as ratios.

  fsim calibrate FOLDER --out=FILE.json [--export=FILE.csv]

FOLDER has a subfolder a camera (in it, if you like, a subfolder a scene), or names as Brand_Model_Instance_Shot.JPG,
which also say which cameras are of one model. Six cameras are needed, better fifty; of each at least two photographs,
better fifteen or more, of several scenes. What is printed is of cameras that were left out of the learning.
The similarity of camera models is that of the weights that came with fsim, which must not have learned from these
cameras (fsim weights names what they learned from); photographs that they did learn from are refused. docs/compare.md.
"""

import argparse
import math
import shlex
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
  parser.add_argument("--noise-alone", action="store_true", help="do not ask for the similarity of camera models")
  told = "ratios of cameras that were left out, of all their pairs, as lir reads them (docs/likelihood_ratios.md)"
  parser.add_argument("--export", type=console.path, metavar="FILE.csv", help=told)
  options.add_json(parser)
  chosen = parser.parse_args(arguments)
  if chosen.out.suffix.lower() != ".json":
    parser.error("--out is the name of a .json file")
  if chosen.export and chosen.export.suffix.lower() != ".csv":
    parser.error("--export is the name of a .csv file")
  return chosen


def main(arguments: Sequence[str]) -> int:
  chosen = parsed(arguments)
  with waking.importing():
    from fsim import cpu, weights
    from fsim.boundary import inputs, outputs
    from fsim.data import cameras
    from fsim.evidence import collecting, copies, learning, saved, unlearned
    from fsim.evidence.selecting import Labelled
    from fsim.metrics import lir_export
  cpu.keep_memory()
  place, table = outputs.file(chosen.out), outputs.file(chosen.export) if chosen.export else None
  found = cameras.read(chosen.folder, chosen.pattern)
  asks = weights.is_shipped("compare") and not chosen.noise_alone
  shipped = weights.default("compare") if asks else None
  unlearned.require([k.path for k in found.photographs], unlearned.learners(shipped), ", or give --noise-alone")
  similarity = weights.load(shipped.description.name) if shipped else None
  files = [Labelled(k.path, k.device, k.camera, k.scene) for k in found.photographs]
  scores, unusable = collecting.collect(files, similarity=similarity)
  unused = found.unused(set(scores.photographs.get("device", ())))
  for path, cause in found.left_out + unusable + unused:
    console.note(f"left out {shown(path)}: {shown(cause)}")
  if scores.comparisons.empty:
    raise UserError(f"{shown(chosen.folder)}: no two photographs of one camera and one size can be compared")
  command = shlex.join(["fsim", "calibrate", *arguments])
  sources = [f"photographs of {inputs.resolved(chosen.folder).name}, read by {found.rule}"]
  digest = shipped.description.sha256 if shipped else ""
  learned = learning.learn(learning.data_of(scores), chosen.out.stem, command, sources, digest)
  place.write(chosen.out.name, saved.to_bytes(learned.calibration))
  if table is not None:
    table.write(chosen.export.name, lir_export.csv(learning.pairs(scores, learned)))
  if chosen.json:
    console.say(console.to_json(dict(learned.calibration.card)))
  else:
    for line in told(learned):
      console.say(shown(line))
  return console.INCOMPLETE if found.lost or unused or copies.lost(unusable) else console.ANSWERED


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
