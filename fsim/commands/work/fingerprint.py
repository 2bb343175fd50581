"""What `fsim fingerprint` and `fsim merge` do, and how their answers read."""

import argparse
from pathlib import Path

from fsim.boundary import console, inputs, outputs
from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.data.photographs import find
from fsim.prnu import building, fingerprints, matching
from fsim.prnu.building import Built
from fsim.prnu.leaving import LeftOut
from fsim.prnu.membership import ALPHA, HINT, TRUSTED
from fsim.prnu.residuals import Settings, require_sane


def make_fingerprint(chosen: argparse.Namespace) -> int:
  left_out = LeftOut(chosen.stop)
  settings = Settings(wavelet=chosen.wavelet, sigma=chosen.sigma, noise=chosen.noise)
  require_sane(settings)
  device = chosen.device or inputs.resolved(chosen.places[0]).stem
  found = find(chosen.places)
  left_out.passed_over(found)
  with console.resumable():
    built = building.build(found.paths, chosen.out, device, settings, left_out, chosen.trusted)
  left_out.copies(built.copies)
  considered = len(found.paths) + len(found.passed_over)
  if chosen.json:
    console.say(console.to_json(_described(chosen.out, built, considered, left_out)))
    return left_out.code()
  made = built.fingerprint
  height, width = made.estimate.shape
  console.say(
    f"{shown(chosen.out)}: {shown(device)}, {width}x{height}, from {len(made.images)} of {considered} files; "
    f"{made.checked}; {len(left_out.entries)} left out"
  )
  return left_out.code()


def _described(out: Path, built: Built, considered: int, left_out: LeftOut) -> dict:
  made = built.fingerprint
  return {
    "out": str(out),
    "device": made.device,
    "considered": considered,
    "images": len(made.images),
    "size": list(made.estimate.shape),
    "checked": made.checked,
    "references": [
      {"file": str(r.path), "camera": str(r.camera), "pce_against_others": pce, "used": k in built.verdict.kept}
      for k, (r, pce) in enumerate(zip(built.references, built.verdict.pce, strict=True))
    ],
    "left_out": left_out.entries,
  }


def merge(chosen: argparse.Namespace) -> int:
  """Raises UserError if one of the files cannot be used, or two are not linked with each other."""
  place = outputs.file(chosen.out)
  loaded = [fingerprints.load(path) for path in chosen.fingerprints]
  merged = loaded[0]
  for path, other in zip(chosen.fingerprints[1:], loaded[1:], strict=True):
    try:
      both = fingerprints.merge(merged, other)
    except UserError as error:
      raise UserError(f"{shown(path)}: {error}") from error
    if not chosen.trusted:
      _require_linked(merged, other, path)
    merged = both
  if chosen.trusted:
    merged = merged._replace(checked="; ".join(x for x in (merged.checked, f"merged: {TRUSTED}") if x))
  place.write(chosen.out.name, fingerprints.to_bytes(merged))
  result = {"out": str(chosen.out), "device": merged.device, "images": len(merged.images), "checked": merged.checked}
  text = f"{shown(chosen.out)}: {shown(merged.device)}, from {len(merged.images)} images"
  console.say(console.to_json(result) if chosen.json else text)
  return console.ANSWERED


def _require_linked(a: fingerprints.Fingerprint, b: fingerprints.Fingerprint, path: Path) -> None:
  pce = matching.aligned_pce(a.pattern()[None], b.pattern()[None]).item()
  limit = matching.threshold(ALPHA, 1)
  if not pce >= limit:  # Not "<": it may be no number.
    raise UserError(
      f"{shown(path)}: not of the sensor of the files before it (PCE {pce:.1f}, at least {limit:.0f} wanted); {HINT}"
    )
