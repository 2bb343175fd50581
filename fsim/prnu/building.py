"""A folder of photographs -> a fingerprint file; interrupted, it goes on where it was."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from fsim.boundary import progress
from fsim.boundary.errors import UserError
from fsim.data import jpeg
from fsim.data.photographs import Photograph, read_all
from fsim.prnu import fingerprint
from fsim.prnu.fingerprint import Fingerprint
from fsim.prnu.probe import quality
from fsim.prnu.residual import Settings

SAVE_EVERY = 25  # Images between two saves of what is summed up so far.

Report = Callable[[Path, str], None]  # Takes a file and the cause why it is left out.


def commonest_size(paths: list[Path]) -> tuple[int, int]:
  """(height, width) of most files, of the larger where two are as frequent. Raises UserError if none can be read."""
  sizes: Counter[tuple[int, int]] = Counter()
  for path in paths:
    try:
      width, height = jpeg.size(path.read_bytes())
    except (OSError, jpeg.BadImage):
      continue  # Named when its turn comes to be read.
    sizes[height, width] += 1
  if not sizes:
    raise UserError(f"{paths[0].parent}: none of {len(paths)} files can be read as a JPEG")
  return max(sizes, key=lambda size: (sizes[size], size))


def build(paths: list[Path], out: Path, device: str, settings: Settings, report: Report) -> Fingerprint:
  """Adds every usable image of the commonest size, and saves to `out`; what is left out is reported and not fatal.

  Sums up to here are kept in `out`.part, from which the same call goes on after an interruption; duplicates (the same
  bytes) are added once. Raises UserError if no image is left.
  """
  size = commonest_size(paths)
  part = out.with_name(out.name + ".part")
  sums, images = _begun(part, size, settings)
  try:
    with progress.bar(read_all(paths), total=len(paths), desc=f"fingerprint of {device}", unit="image") as bar:
      for photograph in bar:
        if photograph.sha256 in images:
          continue
        objection = _objection(photograph, size, settings)
        if objection:
          report(photograph.path, objection)
          continue
        # In one go, and the former sums stay whole until then: an interruption may come at any time.
        sums, images = fingerprint.add(sums, photograph.pixels, settings), (*images, photograph.sha256)
        if len(images) % SAVE_EVERY == 0:
          fingerprint.save(part, fingerprint.estimate(sums, device, images, settings), bits=32)
  except KeyboardInterrupt:
    if images:
      fingerprint.save(part, fingerprint.estimate(sums, device, images, settings), bits=32)
    raise
  made = fingerprint.estimate(sums, device, images, settings)
  fingerprint.save(out, made)
  part.unlink(missing_ok=True)
  return made


def _begun(part: Path, size: tuple[int, int], settings: Settings) -> tuple[fingerprint.Sums, tuple[str, ...]]:
  if not part.exists():
    return fingerprint.nothing(size), ()
  former = fingerprint.load(part)
  if former.estimate.shape != size or former.settings != settings:
    raise UserError(f"{part}: begun with another size or other settings; delete it to begin anew")
  return fingerprint.sums_of(former), former.images


def _objection(photograph: Photograph, size: tuple[int, int], settings: Settings) -> str:
  if photograph.problem:
    return photograph.problem
  height, width = photograph.pixels.shape[:2]
  if (height, width) != size:
    return f"{width}x{height} pixels, but the fingerprint is of {size[1]}x{size[0]}"
  return quality(photograph.pixels, settings).objection()
