"""Crops of JPEG files without decoding: whole blocks are taken over, so that the camera's coefficients stand."""

from fsim.boundary.errors import UserError
from fsim.data.public import outside
from fsim.data.public.outside import Unavailable

PROGRAM = "jpegtran"
PACKAGES = "libjpeg-turbo (Debian and Ubuntu: libjpeg-turbo-progs; Homebrew: jpeg-turbo)"
SECONDS = 60.0


def require() -> None:
  """Raises UserError where libjpeg-turbo's jpegtran is missing. Those of others write other bytes."""
  outside.require(PROGRAM, PACKAGES)
  version = outside.run([PROGRAM, "-version"], SECONDS)
  if b"libjpeg-turbo" not in version.output + version.errors:
    raise UserError(f"{PROGRAM} is another library's, which writes other bytes than those recorded; install {PACKAGES}")


def cut(jpeg: bytes, x: int, y: int, side: int) -> bytes:
  """The square of `side` pixels at (x, y), on the grid of blocks. Raises Unavailable."""
  square = f"{side}x{side}+{x}+{y}"
  done = outside.run([PROGRAM, "-crop", square, "-copy", "none", "-optimize"], SECONDS, jpeg)
  if done.said:
    raise Unavailable(done.said)
  return done.output
