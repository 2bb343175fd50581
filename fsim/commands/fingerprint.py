"""Makes the fingerprint of a camera's sensor noise (PRNU) from its photographs, flat-field or natural.

  fsim fingerprint DIR --out=cam.npz
  fsim fingerprint DIR --out=cam.npz --device="the suspect's phone"

The photographs are checked to be of one camera. A fingerprint that was interrupted goes on when the same command is
given again.
"""

import argparse
from collections.abc import Sequence

from fsim.boundary import console, waking
from fsim.boundary.errors import UserError
from fsim.commands import options
from fsim.prnu.settings import DEFAULT, MAX_SIGMA

MAX_LETTERS = 200  # Of a device's name.


def main(arguments: Sequence[str]) -> int:
  chosen = parser().parse_args(arguments)
  with waking.importing():
    from fsim import cpu
    from fsim.commands.work import fingerprint
  cpu.keep_memory()
  return fingerprint.make_fingerprint(chosen)


def parser() -> argparse.ArgumentParser:
  made = options.parser("fingerprint", __doc__)
  made.add_argument("places", type=console.path, nargs="+", metavar="DIR", help="folders or JPEGs of one camera")
  options.add_out(made, "the file to write", "NPZ")
  made.add_argument("--device", type=_name, metavar="NAME", help="its name; by default that of the folder")
  told = "orthogonal wavelet (PyWavelets name)"
  made.add_argument("--wavelet", type=_wavelet, default=DEFAULT.wavelet, metavar="NAME", help=told)
  told = "of the denoising, in grey levels"
  made.add_argument("--sigma", type=_sigma, default=DEFAULT.sigma, metavar="LEVELS", help=told)
  options.add_noise(made, "it is made of")
  options.add_trusted(made)
  options.add_stop(made)
  options.add_json(made)
  return made


def _sigma(text: str) -> float:
  value = options.number(text)
  if not 0 < value <= MAX_SIGMA:
    raise argparse.ArgumentTypeError(f"sigma is above 0 and at most {MAX_SIGMA:g} grey levels, not {text}")
  return value


def _wavelet(text: str) -> str:
  with waking.importing():  # Here: `fsim fingerprint --help` need not wait for it.
    from fsim.prnu.wavelet import require_orthogonal
  try:
    require_orthogonal(text)
  except UserError as error:
    raise argparse.ArgumentTypeError(str(error)) from error
  return text


def _name(text: str) -> str:
  if not 0 < len(text) <= MAX_LETTERS:
    raise argparse.ArgumentTypeError(f"a name has from 1 to {MAX_LETTERS} letters, not {len(text)}")
  return text
