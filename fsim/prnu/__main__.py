"""Camera fingerprints from sensor noise.

python -m fsim.prnu fingerprint DIR --out cam.npz              one fingerprint of a folder's photographs
python -m fsim.prnu merge A.npz B.npz --out both.npz           the fingerprint of all their images
python -m fsim.prnu match IMAGE... --against cam.npz...        photographs against fingerprints, or against photographs
python -m fsim.prnu matrix DIR --out FOLDER                    all pairs of a folder's photographs, with a picture
"""

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from fsim import cpu
from fsim.boundary.errors import UserError
from fsim.data.photographs import find
from fsim.prnu import allpairs, building, comparing, figures, fingerprint
from fsim.prnu.comparing import Answer, Search
from fsim.prnu.looks import all_looks
from fsim.prnu.residual import DEFAULT, Settings

ALPHA = 1e-4
TOLD = 1e-6  # Smallest false-alarm probability that is printed.
INTERRUPTED = 130


def main(arguments: Sequence[str]) -> int:
  chosen = _parser().parse_args(arguments)
  signal.signal(signal.SIGTERM, signal.default_int_handler)
  try:
    result, text = chosen.run(chosen)
  except KeyboardInterrupt:
    print("fsim: interrupted; the same command goes on from there", file=sys.stderr)
    return INTERRUPTED
  except (ValueError, OSError) as error:
    print(f"fsim: {error}", file=sys.stderr)
    return 1
  print(json.dumps(result, indent=1) if chosen.json else text)
  return 0


class Problems:
  """Files that are left out: said once each, counted, and fatal only if asked for."""

  def __init__(self, stop: bool):
    self.stop, self.found = stop, []

  def __call__(self, path: Path, cause: str) -> None:
    if self.stop:
      raise UserError(f"{path}: {cause}")
    tqdm.write(f"fsim: left out {path}: {cause}", file=sys.stderr)
    self.found.append({"file": str(path), "cause": cause})


def _fingerprint(chosen: argparse.Namespace) -> tuple[dict, str]:
  problems = Problems(chosen.stop)
  settings = Settings(wavelet=chosen.wavelet, sigma=chosen.sigma)
  device = chosen.device or chosen.places[0].resolve().stem
  made = building.build(find(chosen.places).paths, chosen.out, device, settings, problems)
  height, width = made.estimate.shape
  result = {"out": str(chosen.out), "device": device, "images": len(made.images), "size": [height, width]}
  return result | {"left_out": problems.found}, (
    f"{chosen.out}: {device}, {width}x{height}, from {len(made.images)} images; {len(problems.found)} left out"
  )


def _merge(chosen: argparse.Namespace) -> tuple[dict, str]:
  first, *others = [fingerprint.load(path) for path in chosen.fingerprints]
  for other in others:
    first = fingerprint.merge(first, other)
  fingerprint.save(chosen.out, first)
  result = {"out": str(chosen.out), "device": first.device, "images": len(first.images)}
  return result, f"{chosen.out}: {first.device}, from {len(first.images)} images"


def _match(chosen: argparse.Namespace) -> tuple[list[dict], str]:
  search = Search(all_looks(chosen.turned, chosen.mirrored, chosen.scales), chosen.reach, chosen.alpha)
  answers = [answer for each in comparing.compare(find(chosen.places).paths, chosen.against, search) for answer in each]
  return [answer._asdict() for answer in answers], "\n".join(_line(answer) for answer in answers)


def _line(answer: Answer) -> str:
  head = f"{Path(answer.image).name}  {Path(answer.candidate).name}  {answer.answer}"
  if answer.pce is None:
    return f"{head}: {answer.reason}"
  seen = [f"shift {answer.shift[0]},{answer.shift[1]}"] if answer.shift != (0, 0) else []
  seen += [f"{90 * answer.turns} degrees"] if answer.turns else []
  seen += ["mirrored"] if answer.mirrored else []
  seen += [f"scale {answer.scale:g}"] if answer.scale != 1 else []
  # Far tails of the normal distribution have not been tested by anyone's data: no smaller probability is printed.
  chance = f"below {TOLD:g}" if answer.false_alarm < TOLD else f"{answer.false_alarm:.1g}"
  looks = "1 look" if answer.looks == 1 else f"{answer.looks:,} looks"
  numbers = f"PCE {answer.pce:.1f}, threshold {answer.threshold:.1f} at {looks}"
  return f"{head}: {numbers}, false alarm {chance}" + (f" ({', '.join(seen)})" if seen else "")


def _matrix(chosen: argparse.Namespace) -> tuple[dict, str]:
  problems = Problems(chosen.stop)
  found = allpairs.matrix(find(chosen.places).paths, chosen.out / "cache", chosen.alpha, problems)
  pairs = allpairs.pair_table(found)
  pairs.to_csv(chosen.out / "pairs.csv", index=False)
  found.table.drop(columns="size").to_csv(chosen.out / "images.csv", index=False)
  (chosen.out / "matrix.png").write_bytes(figures.matrix(found))
  groups = [group["file"].tolist() for _, group in found.table.groupby("group") if len(group) > 1]
  result = {
    "images": len(found.table),
    "pairs": found.pairs,
    "threshold": found.threshold,
    "matches": int(pairs["match"].sum()),
    "groups": groups,
    "left_out": problems.found,
    "picture": str(chosen.out / "matrix.png"),
  }
  sizes = ", ".join(str(len(group)) for group in groups) or "none"
  return result, (
    f"{len(found.table)} photographs, {found.pairs:,} pairs, {result['matches']:,} above the threshold of "
    f"{found.threshold:.1f}\ngroups of linked photographs (of two or more): {sizes}\n"
    f"{chosen.out}: matrix.png, pairs.csv, images.csv"
  )


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    prog="python -m fsim.prnu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  commands = parser.add_subparsers(required=True, metavar="COMMAND")

  made = _command(commands, "fingerprint", _fingerprint, "one fingerprint of the photographs of one device")
  made.add_argument("places", type=Path, nargs="+", metavar="DIR", help="folders or JPEGs, flat-field or natural")
  made.add_argument("--out", type=Path, required=True, help="the file to write")
  made.add_argument("--device", help="its name; by default that of the folder")
  made.add_argument("--wavelet", default=DEFAULT.wavelet, help="orthogonal wavelet (PyWavelets name)")
  made.add_argument("--sigma", type=float, default=DEFAULT.sigma, help="of the denoising, in grey levels")
  _stopping(made)

  merged = _command(commands, "merge", _merge, "the fingerprint of all images of several fingerprints of one device")
  merged.add_argument("fingerprints", type=Path, nargs="+", metavar="NPZ")
  merged.add_argument("--out", type=Path, required=True, help="the file to write")

  match = _command(commands, "match", _match, "photographs against fingerprints or other photographs")
  match.add_argument("places", type=Path, nargs="+", metavar="IMAGE", help="JPEGs or folders of them")
  match.add_argument("--against", type=Path, nargs="+", required=True, metavar="NPZ", help="fingerprints, or JPEGs")
  match.add_argument("--reach", type=_reach, default=0, metavar="N", help="shifts up to N pixels, or `all`; 0: aligned")
  match.add_argument("--turned", action="store_true", help="look at all four rotations by 90 degrees")
  match.add_argument("--mirrored", action="store_true", help="look at mirror images too")
  match.add_argument(
    "--scales", type=_scales, default=[1.0], metavar="FROM:TO:STEP", help="look at these sizes too, as factors"
  )
  _threshold(match)

  pairs = _command(commands, "matrix", _matrix, "all pairs of the photographs of a folder, aligned")
  pairs.add_argument("places", type=Path, nargs="+", metavar="DIR", help="folders or JPEGs")
  pairs.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="for the picture and the tables")
  _threshold(pairs)
  _stopping(pairs)
  return parser


def _command(commands: argparse._SubParsersAction, name: str, run: object, text: str) -> argparse.ArgumentParser:
  command = commands.add_parser(name, help=text, description=text)
  command.set_defaults(run=run)
  command.add_argument("--json", action="store_true", help="print the result as JSON")
  return command


def _threshold(command: argparse.ArgumentParser) -> None:
  command.add_argument("--alpha", type=float, default=ALPHA, help="false-alarm probability over all looks together")


def _stopping(command: argparse.ArgumentParser) -> None:
  command.add_argument("--stop", action="store_true", help="stop at the first file that cannot be used")


def _reach(text: str) -> int | None:
  if text != "all" and not text.isdigit():
    raise argparse.ArgumentTypeError(f"{text!r} is neither a number of pixels nor `all`")
  return None if text == "all" else int(text)


def _scales(text: str) -> list[float]:
  try:
    first, last, step = (float(part) for part in text.split(":"))
  except ValueError as error:
    raise argparse.ArgumentTypeError(f"{text!r} is not of the form FROM:TO:STEP") from error
  if not 0 < first <= last or step <= 0:
    raise argparse.ArgumentTypeError(f"{text!r}: scales rise from FROM above 0 to TO by STEP above 0")
  return np.arange(first, last + step / 1000, step).round(6).tolist()


if __name__ == "__main__":
  cpu.keep_memory()
  sys.exit(main(sys.argv[1:]))
