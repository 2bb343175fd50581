"""The tables of `collecting`, group of devices by group, kept in a folder so that an interrupted validation goes on.

A group's tables are taken again only if its photographs, what is known of them and this fsim are the same, by SHA-256.
What is kept is whole groups: a comparison needs the patterns of both devices.
"""

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

import fsim
from fsim.boundary import inputs, outputs
from fsim.boundary.errors import UserError
from fsim.boundary.inputs import Unreadable
from fsim.boundary.text import shown
from fsim.data.photographs import MAX_BYTES
from fsim.evidence import collecting, selecting
from fsim.evidence.collecting import CHANGED, SIDE, Scores
from fsim.evidence.copies import Copies
from fsim.evidence.selecting import COUNTS, QUERIES, Labelled

LeftOut = list[tuple[Path, str]]
Collect = Callable[..., tuple[Scores, LeftOut]]  # As `collecting.collect`: takes files, and `copies` by name.
TABLE_BYTES = 1 << 30


class Collected(NamedTuple):
  """left_out: (file, cause). digest: of all that the tables were made of."""

  scores: Scores
  left_out: LeftOut
  digest: str


def collect(
  files: Sequence[Labelled],
  folder: outputs.Folder | None,
  by: Collect = collecting.collect,
  asked: str = "",
) -> Collected:
  """What `by` finds in all the files, from `folder` where it is kept there.

  asked: what `by` depends on beside the files, for example the SHA-256 of weights. Raises UserError for a picture of
  two devices, be they of two groups.
  """
  if folder is not None:
    _require_utf8(files)
  parts, left_out, digests, copies = [], [], [], Copies()
  for group in map(_hashed, _groups(files)):
    digest = _digest(group, asked)
    found = folder and _kept(folder, digest, group, copies)
    if not found:
      if folder is not None:
        folder.claim(*_names(digest))  # Before what takes long.
      found = by(group, copies=copies)
      if folder is not None and all(cause != inputs.CHANGED for _, cause in found[1]):
        own = {file.device for file in group}
        _keep(folder, digest, *found, {c: label for c, label in copies.first.items() if label.device in own})
    parts.append(found[0])
    left_out += found[1]
    digests.append(digest)
  return Collected(_joined(parts), left_out, hashlib.sha256(" ".join(digests).encode()).hexdigest())


def _require_utf8(files: Sequence[Labelled]) -> None:
  """Raises UserError for a path that a table cannot hold."""
  for file in files:
    try:
      str(file.path).encode()
    except UnicodeEncodeError as error:
      raise UserError(
        f"{shown(file.path)}: a name that is not UTF-8, or not of this locale, cannot be kept in a table"
      ) from error


def _groups(files: Sequence[Labelled]) -> Iterator[list[Labelled]]:
  """As `collecting` makes them, so that one by one they give the same as all at once."""
  devices = {name: device.references[0].model for name, device in selecting.divided(files).items()}
  for names in selecting.groups(devices):
    yield [file for file in files if file.device in set(names)]


def _hashed(group: Sequence[Labelled]) -> list[Labelled]:
  """With the SHA-256 of those that are used."""
  used = {file.path for device in selecting.divided(group).values() for part in device for file in part}
  return [file._replace(sha256=_sha256(file.path)) if file.path in used else file for file in group]


def _digest(group: Sequence[Labelled], asked: str) -> str:
  told = [(str(file.path), *file[1:]) for file in group]
  said = [fsim.__version__, SIDE, COUNTS, QUERIES, CHANGED, asked, told]
  return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def _sha256(path: Path) -> str:
  try:
    return inputs.sha256(path, MAX_BYTES)[0]
  except Unreadable as error:  # It is left out, and named with its cause, when it is to be scored.
    return error.cause


def _names(digest: str) -> list[str]:
  return [f"{digest[:16]}.{part}" for part in (*(f"{name}.parquet" for name in Scores._fields), "files.json")]


def _kept(
  folder: outputs.Folder, digest: str, group: Sequence[Labelled], copies: Copies
) -> tuple[Scores, LeftOut] | None:
  """None unless all files are there as fsim wrote them. copies: takes what was read."""
  own = outputs.written(folder.path)
  try:
    data = [inputs.read_bytes(folder.path / name, TABLE_BYTES) for name in _names(digest)]
  except Unreadable:
    return None
  if any((name, hashlib.sha256(x).hexdigest()) not in own for name, x in zip(_names(digest), data, strict=True)):
    return None
  *tables, files = data
  left_out, contents = json.loads(files)
  labels = {str(file.path): file for file in group}
  for content, path in contents.items():
    copies.known(content, labels[path])
  named = [(Path(path), cause) for path, cause in left_out]
  return Scores(*(pd.read_parquet(io.BytesIO(table)) for table in tables)), named


def _keep(
  folder: outputs.Folder, digest: str, scores: Scores, left_out: LeftOut, contents: dict[str, Labelled]
) -> None:
  """contents: of all photographs that were read, by what holds their pixels."""
  *tables, last = _names(digest)
  for name, table in zip(tables, scores, strict=True):
    folder.write(name, table.to_parquet())
  named = [(str(path), cause) for path, cause in left_out]
  read = {content: str(label.path) for content, label in contents.items()}
  folder.write(last, json.dumps([named, read]).encode())


def _joined(parts: Sequence[Scores]) -> Scores:
  """One after the other; rows that name rows are counted on."""
  photographs, candidates, comparisons = [], [], []
  n_photographs = n_candidates = 0
  for own in parts:
    photographs.append(own.photographs)
    if len(own.candidates):
      moved = [tuple(int(row) + n_photographs for row in rows) for rows in own.candidates["references"]]
      candidates.append(own.candidates.assign(references=moved))
    if len(own.comparisons):
      places = {"questioned": n_photographs, "candidate": n_candidates}
      comparisons.append(own.comparisons.assign(**{name: own.comparisons[name] + n for name, n in places.items()}))
    n_photographs, n_candidates = n_photographs + len(own.photographs), n_candidates + len(own.candidates)
  return Scores(
    *(pd.concat(some, ignore_index=True) if some else pd.DataFrame() for some in (photographs, candidates, comparisons))
  )
