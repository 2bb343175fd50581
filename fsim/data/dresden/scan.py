"""A folder -> the table of its usable images, and everything that is wrong with the rest."""

from collections import defaultdict
from pathlib import PurePosixPath
from typing import NamedTuple

import pandas as pd

from fsim.boundary.errors import UserError
from fsim.boundary.text import shown
from fsim.data.dresden import labels, manifest, pattern
from fsim.data.dresden.journal import Journal, Verdict
from fsim.data.dresden.listing import File, Listing
from fsim.data.dresden.manifest import Entry, Manifest
from fsim.data.dresden.names import BadName, Repairs
from fsim.data.dresden.pattern import Pattern
from fsim.data.dresden.subsets import NATURAL, subset_of_folders
from fsim.data.dresden.verify import verify_all

NO_ENTRY = Entry("", -1, -1, "")
MAX_EXAMPLES = 3  # Examples in a message about many files.


class Row(NamedTuple):
  """One usable image: a row of the table."""

  file: str
  sha256: str
  make: str
  model: str
  instance: str
  device: str
  shot: int
  subset: str
  platform: str  # By which the file was passed on; "" for an original.
  position: int
  motive: int
  scene: str
  width: int
  height: int


class Problem(NamedTuple):
  file: str
  cause: str
  left_out: bool  # An image that is not in the table; otherwise a remark.


class Scan(NamedTuple):
  table: pd.DataFrame  # Columns of Row, in the listing's order.
  problems: pd.DataFrame  # Columns of Problem.


class Unusable(UserError):
  """A file that stops the run, because the caller asked for that."""


def scan(listing: Listing, rules: Repairs | Pattern, strict: bool, journal: Journal) -> Scan:
  """Verifies every file and gathers the table.

  Unusable images are left out and listed; the first raises Unusable if `strict`. Remarks (a contradicting folder, gaps
  in the metadata) never raise, nor do files that are no images.
  """
  metadata = manifest.read(listing.folder, [f.file for f in listing.metadata])
  gathering = Gathering(metadata, rules)
  for file, cause in listing.left_out:
    gathering.leave_out(file, cause)
    _stop(listing, gathering, strict)
  for file, verdict in verify_all(listing, journal):
    gathering.take(file, verdict)
    _stop(listing, gathering, strict)
  return gathering.finish(listing)


def _stop(listing: Listing, gathering: "Gathering", strict: bool) -> None:
  if strict and gathering.left_out:
    file, cause, _ = gathering.left_out[0]
    raise Unusable(f"{shown(listing.folder / file)}: {shown(cause)}")


class Gathering:
  """Rows and problems while the files pass by."""

  def __init__(self, metadata: Manifest, rules: Repairs | Pattern):
    self.metadata = metadata
    self.rules = rules
    self.rows: list[Row] = []
    self.left_out: list[Problem] = []
    # By what may not occur twice, the file that was kept: SHA-256, pixels, (subset, platform, device, identity).
    self.by_hash: dict[str, str] = {}
    self.by_content: dict[str, str] = {}
    self.by_name: dict[tuple[str, str, str, int | str], str] = {}

  def leave_out(self, file: str, cause: str) -> None:
    self.left_out.append(Problem(file, cause, True))

  def take(self, file: File, verdict: Verdict) -> None:
    try:
      said = pattern.read(file.file, self.rules)
    except BadName as error:
      return self.leave_out(file.file, str(error))
    if verdict.cause:
      return self.leave_out(file.file, verdict.cause)
    entry = self.metadata.find(file.file) or NO_ENTRY
    subset = entry.subset or said.subset or subset_of_folders(PurePosixPath(file.file).parts[:-1])
    key = (subset, said.platform, said.name.device, said.identity)
    if verdict.sha256 in self.by_hash:
      return self.leave_out(file.file, f"duplicate: the same bytes as {self.by_hash[verdict.sha256]}")
    if verdict.content in self.by_content:
      return self.leave_out(file.file, f"duplicate: the same picture as {self.by_content[verdict.content]}")
    if key in self.by_name:
      kept = f"{self.by_name[key]} has this name too and other content, and is kept"
      return self.leave_out(file.file, f"{kept} (two devices with one name, or an edited copy?)")
    self.by_hash[verdict.sha256] = self.by_content[verdict.content] = self.by_name[key] = file.file
    place = (entry.position, entry.motive, entry.scene or said.scene)
    row = (file.file, verdict.sha256, *said.name, subset, said.platform, *place, verdict.width, verdict.height)
    return self.rows.append(Row(*row))

  def finish(self, listing: Listing) -> Scan:
    table = pd.DataFrame(self.rows, columns=Row._fields)
    remarks = [
      *listing.other_tables,
      *self.metadata.problems,
      *self._contradictions(listing),
      *self._spellings(),
      *self._gaps(listing),
    ]
    problems = self.left_out + [Problem(file, cause, False) for file, cause in remarks]
    return Scan(table, pd.DataFrame(problems, columns=Problem._fields))

  def _contradictions(self, listing: Listing) -> list[tuple[str, str]]:
    """Folders of other data sets are named as their makers liked: only beside Dresden's names do they say anything."""
    return labels.contradictions([f.file for f in listing.jpegs]) if isinstance(self.rules, Repairs) else []

  def _spellings(self) -> list[tuple[str, str]]:
    """Devices and models that differ in letter case only: one, or two of them? The user must know."""
    found = []
    for column in ("model", "device"):
      spellings = defaultdict(dict)
      for row in self.rows:
        label = getattr(row, column)
        spellings[label.casefold()].setdefault(label, row.file)
      for files in spellings.values():
        if len(files) > 1:
          said = f"the {column}s {', '.join(files)} differ in letter case only, and count as {len(files)}"
          found.append((list(files.values())[1], said))
    return found

  def _gaps(self, listing: Listing) -> list[tuple[str, str]]:
    """Where the metadata and the folder do not cover each other; one remark each, however many files."""
    if not self.metadata.entries:
      return []
    present = {manifest.identity(f.file) for f in listing.jpegs}
    absent = sorted(e.file for key, e in self.metadata.entries.items() if key not in present)
    unknown = [r.file for r in self.rows if r.subset == NATURAL and not r.scene]
    gaps = []
    if absent:
      gaps.append((listing.metadata[0].file, f"lists {_some(absent)} not in the folder"))
    if unknown:
      gaps.append((listing.metadata[0].file, f"gives no scene for {_some(unknown)}"))
    return gaps


def _some(files: list[str]) -> str:
  more = ", ..." if len(files) > MAX_EXAMPLES else ""
  return f"{len(files)} file{'s' * (len(files) > 1)} ({', '.join(files[:MAX_EXAMPLES])}{more})"
