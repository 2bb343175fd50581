"""Camera fingerprints from sensor noise.

python -m fsim.prnu fingerprint DIR --out cam.npz              one fingerprint of a folder's photographs
python -m fsim.prnu merge A.npz B.npz --out both.npz           the fingerprint of all their images
python -m fsim.prnu match IMAGE... --against cam.npz...        photographs against fingerprints, or against photographs
python -m fsim.prnu matrix DIR --out FOLDER                    all pairs of a folder's photographs, with a picture
"""

import argparse
import math
import sys
from collections.abc import Callable, Sequence

import numpy as np

from fsim import cpu
from fsim.boundary import console
from fsim.boundary.errors import UserError
from fsim.prnu import commands
from fsim.prnu.residuals import DEFAULT, MAX_SIGMA
from fsim.prnu.wavelet import require_orthogonal

ALPHA = 1e-4
LEAST_ALPHA = 1e-15  # Below, no double-precision number tells it from 0 over as many looks as are made.
SCALES = (0.1, 10.0)
MAX_SCALES = 1_000
MAX_LETTERS = 200  # Of a device's name.


def main(arguments: Sequence[str]) -> int:
  chosen = _parser().parse_args(arguments)
  return chosen.run(chosen)


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    prog="python -m fsim.prnu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
  )
  adding = parser.add_subparsers(required=True, metavar="COMMAND")
  _add_fingerprint(adding)
  _add_merge(adding)
  _add_match(adding)
  _add_matrix(adding)
  return parser


def _add_fingerprint(adding: argparse._SubParsersAction) -> None:
  made = _command(adding, "fingerprint", commands.make_fingerprint, "one fingerprint of the photographs of one device")
  made.add_argument(
    "places", type=console.path, nargs="+", metavar="DIR", help="folders or JPEGs, flat-field or natural"
  )
  made.add_argument("--out", type=console.path, required=True, metavar="NPZ", help="the file to write")
  made.add_argument("--device", type=_name, help="its name; by default that of the folder")
  made.add_argument("--wavelet", type=_wavelet, default=DEFAULT.wavelet, help="orthogonal wavelet (PyWavelets name)")
  made.add_argument("--sigma", type=_sigma, default=DEFAULT.sigma, help="of the denoising, in grey levels")
  _trusted(made)
  _stopping(made)


def _add_merge(adding: argparse._SubParsersAction) -> None:
  merged = _command(adding, "merge", commands.merge, "the fingerprint of all images of several ones of one device")
  merged.add_argument("fingerprints", type=console.path, nargs="+", metavar="NPZ")
  merged.add_argument("--out", type=console.path, required=True, metavar="NPZ", help="the file to write")
  _trusted(merged)


def _add_match(adding: argparse._SubParsersAction) -> None:
  match = _command(adding, "match", commands.match, "photographs against fingerprints or other photographs")
  match.add_argument("places", type=console.path, nargs="+", metavar="IMAGE", help="JPEGs or folders of them")
  match.add_argument(
    "--against", type=console.path, nargs="+", required=True, metavar="NPZ", help="fingerprints, or JPEGs"
  )
  match.add_argument("--reach", type=_reach, default=0, metavar="N", help="shifts up to N pixels, or `all`; 0: aligned")
  match.add_argument("--turned", action="store_true", help="look at all four rotations by 90 degrees")
  match.add_argument("--mirrored", action="store_true", help="look at mirror images too")
  match.add_argument(
    "--scales", type=_scales, default=[1.0], metavar="FROM:TO:STEP", help="look at these sizes too, as factors"
  )
  _threshold(match)


def _add_matrix(adding: argparse._SubParsersAction) -> None:
  pairs = _command(adding, "matrix", commands.matrix, "all pairs of the photographs of a folder, aligned")
  pairs.add_argument("places", type=console.path, nargs="+", metavar="DIR", help="folders or JPEGs")
  pairs.add_argument("--out", type=console.path, required=True, metavar="FOLDER", help="for the picture and the tables")
  _threshold(pairs)
  _stopping(pairs)


def _command(
  adding: argparse._SubParsersAction, name: str, run: Callable[[argparse.Namespace], int], text: str
) -> argparse.ArgumentParser:
  command = adding.add_parser(name, help=text, description=text)
  command.set_defaults(run=run)
  command.add_argument("--json", action="store_true", help="print the result as JSON")
  return command


def _threshold(command: argparse.ArgumentParser) -> None:
  command.add_argument("--alpha", type=_alpha, default=ALPHA, help="false-alarm probability over all looks together")


def _stopping(command: argparse.ArgumentParser) -> None:
  command.add_argument("--stop", action="store_true", help="stop at the first file that cannot be used")


def _trusted(command: argparse.ArgumentParser) -> None:
  command.add_argument("--trusted", action="store_true", help="do not check that all are of one camera; it is noted")


def _number(text: str) -> float:
  """Raises ArgumentTypeError for what is no finite number."""
  try:
    value = float(text)
  except ValueError as error:
    raise argparse.ArgumentTypeError(f"{text!r} is no number") from error
  if not math.isfinite(value):
    raise argparse.ArgumentTypeError(f"{text} is no finite number")
  return value


def _alpha(text: str) -> float:
  value = _number(text)
  if not LEAST_ALPHA <= value < 0.5:
    raise argparse.ArgumentTypeError(f"a false-alarm probability is from {LEAST_ALPHA:g} to below .5, not {text}")
  return value


def _sigma(text: str) -> float:
  value = _number(text)
  if not 0 < value <= MAX_SIGMA:
    raise argparse.ArgumentTypeError(f"sigma is above 0 and at most {MAX_SIGMA:g} grey levels, not {text}")
  return value


def _wavelet(text: str) -> str:
  try:
    require_orthogonal(text)
  except UserError as error:
    raise argparse.ArgumentTypeError(str(error)) from error
  return text


def _name(text: str) -> str:
  if not 0 < len(text) <= MAX_LETTERS:
    raise argparse.ArgumentTypeError(f"a name has from 1 to {MAX_LETTERS} letters, not {len(text)}")
  return text


def _reach(text: str) -> int | None:
  if text == "all":
    return None
  if not (text.isascii() and text.isdigit() and len(text) < 10):
    raise argparse.ArgumentTypeError(f"{text!r} is neither a number of pixels nor `all`")
  return int(text)


def _scales(text: str) -> list[float]:
  parts = [_number(part) for part in text.split(":")]
  if len(parts) != 3:
    raise argparse.ArgumentTypeError(f"{text!r} is not of the form FROM:TO:STEP")
  first, last, step = parts
  if not SCALES[0] <= first <= last <= SCALES[1] or not (last - first) / MAX_SCALES <= step or step <= 0:
    raise argparse.ArgumentTypeError(
      f"{text!r}: scales rise from FROM to TO by STEP, within {SCALES[0]:g} to {SCALES[1]:g}, at most {MAX_SCALES:,}"
    )
  return np.arange(first, last + step / 1000, step).round(6).tolist()


if __name__ == "__main__":
  cpu.keep_memory()
  sys.exit(console.run(main, sys.argv[1:]))
