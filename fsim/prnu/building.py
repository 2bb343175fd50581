"""A folder of photographs -> a fingerprint file; interrupted, it goes on where it was."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from fsim.boundary import inputs, outputs, progress
from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.data import exif, jpeg
from fsim.data.photographs import MAX_BYTES, Photograph, read_all
from fsim.prnu import fingerprints, membership, probe
from fsim.prnu.fingerprints import Fingerprint, Sums
from fsim.prnu.leaving import Report
from fsim.prnu.membership import Reference, Verdict
from fsim.prnu.pictures import Gallery
from fsim.prnu.probe import Filtered
from fsim.prnu.residuals import Settings

SAVE_EVERY = 25  # Images between two saves of what is summed up so far.
ANEW = "delete it to begin anew"


class Seen(NamedTuple):
  """What a first look at a file gives; `size` (height, width) is None if it is no JPEG that can be read."""

  sha256: str
  size: tuple[int, int] | None


class Order(NamedTuple):
  """What is to be made: a fingerprint of this name and size (height, width), of these files; `part` keeps its sums."""

  seen: dict[Path, Seen]
  size: tuple[int, int]
  device: str
  settings: Settings
  part: Path


class Gathered(NamedTuple):
  """The sum over images, and the hashes of their files and of their pixels."""

  sums: Sums
  images: tuple[str, ...] = ()
  contents: tuple[str, ...] = ()

  def add(self, photograph: Photograph, found: Filtered) -> "Gathered":
    sums = fingerprints.add_filtered(self.sums, found)
    return Gathered(sums, (*self.images, photograph.sha256), (*self.contents, photograph.content))

  def fingerprint(self, order: Order, checked: str = "") -> Fingerprint:
    made = fingerprints.estimate(self.sums, order.device, self.images, order.settings)
    return made._replace(contents=self.contents, checked=checked)

  def keep(self, order: Order) -> None:
    if self.images:
      fingerprints.save(order.part, self.fingerprint(order), bits=32)


class Built(NamedTuple):
  """A fingerprint, the references it was to be made of, and who of them belongs together; copy -> original."""

  fingerprint: Fingerprint
  references: list[Reference]
  verdict: Verdict
  copies: dict[Path, Path]


def survey(paths: Sequence[Path]) -> dict[Path, Seen]:
  found = {}
  for path in paths:
    try:
      data = inputs.read_bytes(path, MAX_BYTES)
    except inputs.Unreadable:
      found[path] = Seen("", None)  # Named when its turn comes to be read.
      continue
    try:
      width, height = jpeg.size(data)
      size = (height, width)
    except jpeg.BadImage:
      size = None
    found[path] = Seen(hashlib.sha256(data).hexdigest(), size)
  return found


def commonest_size(sizes: Iterable[tuple[int, int] | None]) -> tuple[int, int] | None:
  """(height, width) of most images, of the larger where two are as frequent; None if none has one."""
  count = Counter(size for size in sizes if size)
  return max(count, key=lambda size: (count[size], size), default=None)


def build(
  paths: Sequence[Path], out: Path, device: str, settings: Settings, report: Report, trusted: bool = False
) -> Built:
  """Adds every usable image of the commonest size, and saves to `out`; what is left out is reported and not fatal.

  Sums up to here are kept in `out`.part, from which the same call goes on after an interruption. Copies are added once.
  Unless `trusted`, references that are not linked with most others by sensor noise, or whose EXIF names another camera,
  are left out. Raises UserError if no image is left or they are of several cameras, and, before anything is read, if
  `out` cannot be written.
  """
  place, part = outputs.file(out), out.with_name(out.name + ".part")
  begun = part.exists()  # Asked now, because a name that is too long must not cost the work.
  seen = survey(paths)
  size = commonest_size(file.size for file in seen.values())
  if size is None:
    for photograph in read_all(paths):
      report(photograph.path, photograph.problem)
    raise UserError(f"{shown(next(iter(seen)).parent)}: none of {len(seen)} files can be read as a JPEG")
  order = Order(seen, size, device, settings, part)
  former = _begun(order) if begun else Gathered(fingerprints.nothing(order.size))
  gallery = None if trusted else Gallery()
  gathered, references, copies = _gather(order, former, report, gallery)
  try:
    if gallery is not None:
      gallery.require_most(len(references))
    verdict = membership.taken_as_given(references) if trusted else membership.check(references)
  except UserError:
    part.unlink(missing_ok=True)  # It holds several cameras: nothing may go on from there.
    raise
  for k, why in verdict.left_out.items():
    report(references[k].path, why)
  if verdict.left_out:
    gathered.keep(order)
    gathered = _without_others([references[k].path for k in verdict.kept], order)
  made = gathered.fingerprint(order, verdict.said)
  place.write(out.name, fingerprints.to_bytes(made))
  part.unlink(missing_ok=True)
  return Built(made, references, verdict, copies)


def _gather(
  order: Order, gathered: Gathered, report: Report, gallery: Gallery | None
) -> tuple[Gathered, list[Reference], dict[Path, Path]]:
  """The sum over all usable images, what is known of each, and the copies among them.

  gallery: None where all are taken as given.
  """
  references: list[Reference] = []
  first: dict[str, Path] = {}
  copies: dict[Path, Path] = {}
  side = membership.side_for(len(order.seen))
  said = f"fingerprint of {shown(order.device)}"
  try:
    for photograph in progress.bar(read_all(list(order.seen)), total=len(order.seen), desc=said, unit="image"):
      if photograph.content in first:
        copies[photograph.path] = first[photograph.content]
        continue
      found, objection = _examined(photograph, order, gallery)
      if found is None:
        report(photograph.path, objection)
        continue
      first[photograph.content] = photograph.path
      pattern = membership.pattern_of(found, side)
      references.append(Reference(photograph.path, exif.camera(photograph.exif), pattern))
      if photograph.content not in gathered.contents:
        # In one go, and the former sums stay whole until then: an interruption may come at any time.
        gathered = gathered.add(photograph, found)
        if len(gathered.images) % SAVE_EVERY == 0:
          gathered.keep(order)
  except KeyboardInterrupt:
    gathered.keep(order)
    raise
  if not references:
    raise UserError(f"no image is left for the fingerprint of {shown(order.device)}")
  if set(gathered.contents) - first.keys():  # Of a call that took another one of two that show the same.
    gathered = _without_others([reference.path for reference in references], order)
  return gathered, references, copies


def _examined(photograph: Photograph, order: Order, gallery: Gallery | None) -> tuple[Filtered | None, str]:
  """The photograph, filtered, or None and why it cannot be a reference."""
  objection = _objection(photograph, order)
  if objection:
    return None, objection
  found, objection = probe.examined(photograph.pixels, order.settings)
  if found is not None and gallery is not None:
    objection = gallery.objection(str(photograph.path), photograph.pixels)
  return (None if objection else found), objection


def _without_others(paths: list[Path], order: Order) -> Gathered:
  """The sum once more: to take images off it would leave rounding errors where few images say anything."""
  gathered = Gathered(fingerprints.nothing(order.size))
  said = f"{shown(order.device)} without the others"
  for photograph in progress.bar(read_all(paths), total=len(paths), desc=said, unit="image"):
    if photograph.sha256 != order.seen[photograph.path].sha256:
      raise inputs.Changed(photograph.path)
    gathered = gathered.add(photograph, probe.filtered(photograph.pixels[None], order.settings))
  return gathered


def _begun(order: Order) -> Gathered:
  """What an interrupted call left. Raises UserError unless it was this one, on photographs that are still given."""
  try:
    former = fingerprints.load(order.part)
  except inputs.Unreadable as error:
    raise UserError(f"{error}; {ANEW}") from error
  if not set(former.images) <= {file.sha256 for file in order.seen.values()}:
    raise UserError(f"{shown(order.part)}: begun with other photographs; {ANEW}")
  if (former.estimate.shape, former.device, former.settings) != (order.size, order.device, order.settings):
    raise UserError(f"{shown(order.part)}: begun with another size, another name or other settings; {ANEW}")
  if not former.contents:
    raise UserError(f"{shown(order.part)}: begun by an older version; {ANEW}")
  return Gathered(fingerprints.sums_of(former), former.images, former.contents)


def _objection(photograph: Photograph, order: Order) -> str:
  """Why its file or its size cannot be of a reference, or nothing."""
  if photograph.problem:
    return photograph.problem
  if photograph.sha256 != order.seen[photograph.path].sha256:
    return inputs.CHANGED
  height, width = photograph.pixels.shape[:2]
  if (height, width) != order.size:
    return f"{width}x{height} pixels, but the fingerprint is of {order.size[1]}x{order.size[0]}"
  return ""
