"""Tells whether photographs hold the sensor noise (PRNU) of a camera.

  fsim match IMAGE... --against=cam.npz                          against fingerprints
  fsim match IMAGE... --against=STORE --best=5                   against all of a folder, the likeliest listed
  fsim match IMAGE... --against=STORE --best=5 --index=DIR       the same of thousands: signs choose whom to look at
  fsim match IMAGE --against known1.jpg known2.jpg               against photographs
  fsim match IMAGE --against=cam.npz --reach=all --turned --scales=0.5:1:0.01      cropped, turned or scaled

Every hypothesis (a turn, a scale, a shift) that is tried raises the threshold, so that --alpha holds for all together.
"""

import argparse
from collections.abc import Sequence

from fsim.boundary import console, waking
from fsim.commands import options

SCALES = (0.1, 10.0)
MAX_SCALES = 1_000


def main(arguments: Sequence[str]) -> int:
  arguments_of = parser()
  chosen = arguments_of.parse_args(arguments)
  if chosen.index and (chosen.best is None or chosen.reach != 0 or _is_searched(chosen)):
    arguments_of.error("--index needs --best=N, and looks at photographs aligned, as they are")
  with waking.importing():
    from fsim import cpu
    from fsim.commands.work import match
  cpu.keep_memory()
  return match.match(chosen)


def parser() -> argparse.ArgumentParser:
  match = options.parser("match", __doc__)
  match.add_argument("places", type=console.path, nargs="+", metavar="IMAGE", help="JPEGs or folders of them")
  told = "fingerprints, folders of them (.npz), or JPEGs"
  match.add_argument("--against", type=console.path, nargs="+", required=True, metavar="NPZ_OR_FOLDER", help=told)
  told = "shifts of up to N pixels, or `all`; 0: aligned"
  match.add_argument("--reach", type=_reach, default=0, metavar="N", help=told)
  match.add_argument("--turned", action="store_true", help="look at all four rotations by 90 degrees")
  match.add_argument("--mirrored", action="store_true", help="look at mirror images too")
  told = "look at these sizes too, as factors; by default at that of the photograph"
  match.add_argument("--scales", type=_scales, default=[1.0], metavar="FROM:TO:STEP", help=told)
  told = "list so many candidates with the highest PCE; all that are looked at raise the threshold nevertheless"
  match.add_argument("--best", type=_count, metavar="N", help=told)
  told = "folder for signs of the candidates' patterns, made once; of each size the 100 likeliest are looked at "
  told += "(recall 227 of 227 among 10,000: docs/scale.md)"
  match.add_argument("--index", type=console.path, metavar="DIR", help=told)
  options.add_noise(match, "two photographs are compared by; a fingerprint says itself how it was made")
  options.add_alpha(match)
  options.add_json(match)
  return match


def _is_searched(chosen: argparse.Namespace) -> bool:
  return chosen.turned or chosen.mirrored or chosen.scales != [1.0]


def _reach(text: str) -> int | None:
  if text == "all":
    return None
  if not (text.isascii() and text.isdigit() and len(text) < 10):
    raise argparse.ArgumentTypeError(f"{text!r} is neither a number of pixels nor `all`")
  return int(text)


def _count(text: str) -> int:
  if not (text.isascii() and text.isdigit() and int(text[:10]) > 0):
    raise argparse.ArgumentTypeError(f"{text!r} is no number of candidates from 1")
  return int(text[:10])


def _scales(text: str) -> list[float]:
  parts = [options.number(part) for part in text.split(":")]
  if len(parts) != 3:
    raise argparse.ArgumentTypeError(f"{text!r} is not of the form FROM:TO:STEP")
  first, last, step = parts
  if not SCALES[0] <= first <= last <= SCALES[1] or not (last - first) / MAX_SCALES <= step or step <= 0:
    raise argparse.ArgumentTypeError(
      f"{text!r}: scales rise from FROM to TO by STEP, within {SCALES[0]:g} to {SCALES[1]:g}, at most {MAX_SCALES:,}"
    )
  import numpy as np  # Here: `fsim match --help` need not wait for it.

  return np.arange(first, last + step / 1000, step).round(6).tolist()
