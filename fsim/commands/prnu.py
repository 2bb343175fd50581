"""What `fsim fingerprint`, `merge`, `match` and `matrix` do, and how their answers read. Each returns its exit code."""

import argparse
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from fsim.boundary import console, outputs
from fsim.boundary.errors import UserError
from fsim.boundary.spreadsheet import csv
from fsim.boundary.text import shown
from fsim.data.photographs import Found, find
from fsim.prnu import allpairs, building, comparing, figures, fingerprints, matching
from fsim.prnu.allpairs import Matrix
from fsim.prnu.building import Built
from fsim.prnu.comparing import FALSE_ALARM_FLOOR, NO_STATEMENT, Answer, Search
from fsim.prnu.leaving import LeftOut
from fsim.prnu.membership import ALPHA, HINT, TRUSTED
from fsim.prnu.residuals import Settings
from fsim.prnu.transforms import all_transforms


def make_fingerprint(chosen: argparse.Namespace) -> int:
  left_out = LeftOut(chosen.stop)
  settings = Settings(wavelet=chosen.wavelet, sigma=chosen.sigma)
  device = chosen.device or chosen.places[0].resolve().stem
  found = find(chosen.places)
  left_out.passed_over(found)
  with console.resumable():
    built = building.build(found.paths, chosen.out, device, settings, left_out, chosen.trusted)
  left_out.copies(built.copies)
  considered = len(found.paths) + len(found.passed_over)
  if chosen.json:
    console.say(console.to_json(_described(chosen.out, built, considered, left_out)))
    return _code(left_out)
  made = built.fingerprint
  height, width = made.estimate.shape
  console.say(
    f"{shown(chosen.out)}: {shown(device)}, {width}x{height}, from {len(made.images)} of {considered} files; "
    f"{made.checked}; {len(left_out.entries)} left out"
  )
  return _code(left_out)


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
    both = fingerprints.merge(merged, other)
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


def match(chosen: argparse.Namespace) -> int:
  """Answers are given as they are found, so that an interruption loses only those that are not."""
  search = Search(all_transforms(chosen.turned, chosen.mirrored, chosen.scales), chosen.reach, chosen.alpha)
  against = comparing.candidates(chosen.against)
  found = find(chosen.places)
  LeftOut(stop=False).passed_over(found)
  considered = len(found.paths) + len(found.passed_over)
  console.note(f"{considered} files considered, {len(found.passed_over)} of them passed over")
  answers: list[Answer] = []
  each_of = len(against) if chosen.best is None else min(chosen.best, len(against))
  wanted = (len(found.paths) + len(found.lost)) * each_of
  compared = comparing.compare(found.paths, against, search, chosen.best)
  try:
    for each in chain(compared, _unread(found, against[:each_of])):
      answers += each
      if not chosen.json:
        console.say("\n".join(line(answer) for answer in each))
  except KeyboardInterrupt as error:
    error.add_note(f"{len(answers)} of {wanted} answers were found and printed; the same command begins anew")
    raise
  finally:
    if chosen.json:
      console.say(console.to_json([answer._asdict() for answer in answers]))
  return console.ANSWERED if all(answer.usable for answer in answers) else console.INCOMPLETE


def _unread(found: Found, candidates: list[Path]) -> Iterator[list[Answer]]:
  """Of pictures in a folder that are no JPEGs, or that cannot be had."""
  for path, cause in found.passed_over:
    if path in found.lost:
      yield [Answer(str(path), str(c), NO_STATEMENT, cause, usable=False) for c in dict.fromkeys(candidates)]


def line(answer: Answer) -> str:
  head = f"{shown(answer.image)}  {shown(answer.candidate)}  {answer.answer}"
  if answer.pce is None:
    return f"{head}: {shown(answer.reason)}"
  seen = [f"shift {answer.shift[0]},{answer.shift[1]}"] if answer.shift != (0, 0) else []
  seen += [f"{90 * answer.turns} degrees"] if answer.turns else []
  seen += ["mirrored"] if answer.mirrored else []
  seen += [f"scale {answer.scale:g}"] if answer.scale != 1 else []
  below = answer.false_alarm <= FALSE_ALARM_FLOOR
  chance = f"below {FALSE_ALARM_FLOOR:g}" if below else f"{answer.false_alarm:.1g}"
  hypotheses = "1 hypothesis" if answer.n_hypotheses == 1 else f"{answer.n_hypotheses:,} hypotheses"
  numbers = f"PCE {answer.pce:.1f}, threshold {answer.threshold:.1f} at {hypotheses}"
  return f"{head}: {numbers}, false alarm {chance}" + (f" ({', '.join(seen)})" if seen else "")


def matrix(chosen: argparse.Namespace) -> int:
  left_out = LeftOut(chosen.stop)
  folder = outputs.Folder(chosen.out)
  folder.claim("matrix.png", "pairs.csv", "images.csv")
  files = find(chosen.places)
  left_out.passed_over(files, own=chosen.out)
  with console.resumable():
    found = allpairs.matrix(files.paths, outputs.Folder(chosen.out / "cache").path, chosen.alpha, left_out)
  left_out.copies(found.copies)
  pairs = allpairs.pair_table(found)
  folder.write("pairs.csv", csv(pairs))
  folder.write("images.csv", csv(found.table.drop(columns="size")))
  folder.write("matrix.png", figures.matrix(found))
  considered = len(files.paths) + len(files.passed_over)
  matches = int(pairs["match"].sum())
  if chosen.json:
    console.say(console.to_json(_matrix_described(chosen.out, found, considered, matches, left_out)))
    return _code(left_out)
  sizes = ", ".join(str(len(group)) for group in _groups(found)) or "none"
  console.say(
    f"{len(found.table)} photographs of {considered} files, {found.pairs:,} pairs, {matches:,} above the threshold of "
    f"{found.threshold:.1f}; {len(left_out.entries)} left out\n"
    f"groups of linked photographs (of two or more): {sizes}\n"
    f"{shown(chosen.out)}: matrix.png, pairs.csv, images.csv"
  )
  return _code(left_out)


def _matrix_described(out: Path, found: Matrix, considered: int, matches: int, left_out: LeftOut) -> dict:
  return {
    "considered": considered,
    "images": len(found.table),
    "pairs": found.pairs,
    "threshold": found.threshold,
    "matches": matches,
    "groups": _groups(found),
    "left_out": left_out.entries,
    "picture": str(out / "matrix.png"),
  }


def _groups(found: Matrix) -> list[list[str]]:
  return [group["file"].tolist() for _, group in found.table.groupby("group") if len(group) > 1]


def _code(left_out: LeftOut) -> int:
  return console.INCOMPLETE if left_out.lost else console.ANSWERED
