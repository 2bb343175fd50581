"""One file through the readers of all commands, measured, and held against what libjpeg itself says of it."""

import contextlib
import resource
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from shutil import which
from typing import Any, NamedTuple

import simplejpeg

from benchmarks.fuzz_pieces import SOF, pieces
from fsim.boundary.errors import UserError
from fsim.data import exif, jpeg, photographs
from fsim.data.dresden import verify

SECONDS, BYTES = 2.0, 500e6  # Budget of a file and reader.
SAFETY = 6 << 30  # Bytes of address space of a process: a bomb must not take the machine with it.
JUDGED = (
  4_000_000  # Pixels that a refused file may claim and still be shown to libjpeg: more are no mutation's original.
)
PREMATURE = "Premature end of JPEG file"  # Of a file that lacks its end marker, or a part of it.
PROFILE = 0xE2  # The code of segments that hold colour profiles.
TINY = "are needed"  # What some readers say of whole photographs that are too small for what they do.


class Verdict(NamedTuple):
  """What a reader says of a file: the cause why it cannot be used or "", and its pixels where it hands them out."""

  cause: str
  pixels: Any = None


Reader = Callable[[Path], Verdict]


class Outcome(NamedTuple):
  """One file: what the first reader said, and the faults that were found, each with its evidence."""

  number: int
  kind: str
  cause: str
  silent: bool  # Refused, though libjpeg does not complain.
  faults: dict[str, str]


def by_photographs(path: Path) -> Verdict:
  """As commands do, with the camera that its EXIF names."""
  photograph = photographs.read(path)
  exif.camera(photograph.exif)
  return Verdict(photograph.problem, photograph.pixels)


def by_verify(path: Path) -> Verdict:
  return Verdict(verify.verify(path, {}).cause)


READERS: dict[str, Reader] = {"photographs.read": by_photographs, "verify": by_verify}


def examine(number: int, kind: str, path: Path, original: bytes, readers: dict[str, Reader]) -> Outcome:
  """All readers on a file that was made from `original`."""
  faults: dict[str, str] = {}
  verdicts = {name: _measured(reader, path, name, faults) for name, reader in readers.items()}
  first, *others = verdicts.values()
  data = path.read_bytes()
  _compare_size(data, first, faults)
  for verdict in others:
    if first.cause != verdict.cause and TINY not in verdict.cause:
      faults["disagreement"] = f"{first.cause!r} and {verdict.cause!r}"
  silent = False
  if not first.cause or _claimed(data) <= JUDGED:
    silent = _judge(data, first, original, faults)
  return Outcome(number, kind, first.cause, silent, faults)


def _measured(reader: Reader, path: Path, name: str, faults: dict[str, str]) -> Verdict:
  """Whatever a reader raises is a fault, and what it takes above the budget."""
  verdict = Verdict("raised an exception")
  for _ in range(2):  # Other work on the machine may cost a second: only what is slow twice is slow.
    before, start = _memory(reset=True), time.perf_counter()
    try:
      with warnings_as_errors():
        verdict = reader(path)
    except Exception as error:
      faults["exception"] = f"{name}: {error!r}"
    seconds, grown = time.perf_counter() - start, _memory() - before
    if seconds <= SECONDS:
      break
  else:
    faults["slow"] = f"{name}: {seconds:.1f} s"
  if grown > BYTES:
    faults["heavy"] = f"{name}: {grown / 1e6:.0f} MB"
  return verdict


def _memory(reset: bool = False) -> int:
  """Largest resident size of this process since the last reset, libraries' memory included. Linux."""
  if reset:
    Path("/proc/self/clear_refs").write_text("5")
  lines = Path("/proc/self/status").read_text().splitlines()
  return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


def guard_memory() -> None:
  resource.setrlimit(resource.RLIMIT_AS, (SAFETY, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _compare_size(data: bytes, first: Verdict, faults: dict[str, str]) -> None:
  """Commands that look at the header alone must see the same image."""
  try:
    size = jpeg.size(data)
  except jpeg.BadImage as error:
    if not first.cause:
      faults["disagreement"] = f"accepted, but its header: {error}"
  except Exception as error:
    faults["exception"] = f"jpeg.size: {error!r}"
  else:
    if first.pixels is not None and first.pixels.shape[1::-1] != size:
      faults["disagreement"] = f"{size} in its header, {first.pixels.shape} decoded"


def _judge(data: bytes, first: Verdict, original: bytes, faults: dict[str, str]) -> bool:
  """Whether the file is refused though libjpeg does not complain: of damage that hides, that is right.

  What follows an image changes how djpeg's buffers fill, and so whether it notices a few bytes too many before the end
  marker. Its word counts where it says the same of the image alone.
  """
  complaint, pixels = judgement(data)
  if complaint == PREMATURE and data.endswith(b"\xff"):  # Whole if nothing but the last byte is missing.
    complaint, pixels = judgement(data + b"\xd9")
  alone, own_pixels = judgement(data[: pieces(data)[-1].end]) if complaint or first.cause else ("", pixels)
  if first.cause:
    if not complaint and not alone and pixels == judgement(original)[1]:
      faults["wrongly refused"] = first.cause
    return not complaint and not alone
  if complaint and alone:
    faults["wrongly accepted"] = complaint
  elif first.pixels is not None and (own_pixels if complaint else pixels) != first.pixels.tobytes():
    faults["other pixels"] = "than libjpeg's"
  return False


def _claimed(data: bytes) -> int:
  frames = [piece for piece in pieces(data) if piece.code in SOF]
  sides = [data[piece.start + 5 : piece.start + 9] for piece in frames]
  return max([int.from_bytes(both[:2], "big") * int.from_bytes(both[2:], "big") for both in sides], default=0)


def judge() -> str:
  """Who says what libjpeg warns of; for people."""
  if which("djpeg"):
    version = subprocess.run(["djpeg", "-version"], capture_output=True, text=True)
    return f"the program djpeg, {(version.stderr or version.stdout).splitlines()[0].strip()}"
  return "simplejpeg on the whole file (the program djpeg is not installed: no judge apart from fsim's own library)"


def judgement(data: bytes) -> tuple[str, bytes]:
  """What libjpeg complains of, or "", and its pixels (RGB, row by row)."""
  return _by_djpeg(data) if which("djpeg") else _by_simplejpeg(data)


@lru_cache(64)
def _by_djpeg(data: bytes) -> tuple[str, bytes]:
  done = subprocess.run(["djpeg", "-pnm", "-dct", "int"], input=data, capture_output=True)
  complaint = done.stderr.decode(errors="replace").strip()
  if done.returncode and not complaint:
    complaint = f"exit code {done.returncode}"
  head, _, rest = done.stdout.partition(b"\n255\n")
  return complaint, rest if head.startswith(b"P6") else b""


def _by_simplejpeg(data: bytes) -> tuple[str, bytes]:
  profiles = [piece for piece in pieces(data) if piece.code == PROFILE]
  try:
    pixels = simplejpeg.decode_jpeg(data, "RGB", fastdct=False, fastupsample=False, strict=True)
  except ValueError as error:
    if "ICC" in str(error) and profiles:  # TurboJPEG complains of them, libjpeg's own program does not look at them.
      return _by_simplejpeg(data[: profiles[0].start] + data[profiles[0].end :])
    return PREMATURE if PREMATURE in str(error) else str(error), b""
  return "", pixels.tobytes()


@contextlib.contextmanager
def warnings_as_errors() -> Iterator[None]:
  """Those that users would see; what libraries plan to remove does not count."""
  with warnings.catch_warnings():
    for category in (UserWarning, RuntimeWarning, ResourceWarning):
      warnings.simplefilter("error", category)
    yield


def is_user_error(error: Exception) -> bool:
  """What commands turn into one line; everything else would be a traceback."""
  return isinstance(error, UserError | OSError)
