"""Several sources as one: A,B is the union of both, A:0.7,B:0.3 also says how much of training is drawn from each.

Tables of mixtures have one column more, `source`, and where weights are given another, `weight`; a single source has
neither, and nothing here concerns it. Only what training draws is weighted.
"""

import hashlib
import math
import os
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import NamedTuple, SupportsIndex

import numpy as np
import pandas as pd
from jaxtyping import Int

from fsim.boundary import inputs
from fsim.boundary.errors import UserError
from fsim.boundary.text import name_and_number, shown
from fsim.data.loader import Sources
from fsim.data.source import Images
from fsim.data.splits import CannotServe, Split

VIRTUAL = "virtual/"  # How the names of presets begin.


class Source(NamedTuple):
  """A preset or a folder, and its weight in a mixture, if it has one."""

  name: str
  weight: float | None = None


def listed(text: str) -> list[Source]:
  """The sources that a setting names. What is a folder as it stands is that folder, whatever letters it has.

  Raises UserError for an empty or a repeated name, and for weights that are not all there, or not all above 0.
  """
  if _is_folder(text):
    return [Source(text)]
  sources = [_source(part.strip()) for part in text.split(",")]
  names, weights = [source.name for source in sources], [source.weight for source in sources]
  if "" in names or len(set(names)) < len(names):
    raise UserError(f"{shown(text)}: sources are different names with commas between")
  given = [weight for weight in weights if weight is not None]
  if given and (len(given) < len(weights) or len(given) < 2 or not all(0 < weight < math.inf for weight in given)):
    raise UserError(f"{shown(text)}: in a mixture each source has a weight above 0, or none has one")
  return sources


def expanded(text: str) -> str:
  """The same with ~ in the names of folders written out."""
  return ",".join(
    (name if name.startswith(VIRTUAL) else str(os.path.expanduser(name))) + (f":{weight:g}" if weight else "")
    for name, weight in listed(text)
  )


def _source(part: str) -> Source:
  return Source(part) if _is_folder(part) else Source(*name_and_number(part))


def _is_folder(name: str) -> bool:
  return name != "" and os.path.isdir(inputs.expanded(name))  # Without a name it would be the current one.


class Joined(Sequence[bytes]):
  """The records of several sources, one behind the other."""

  def __init__(self, parts: Sequence[Sequence[bytes]]):
    self.parts = parts
    self.first = [0, *accumulate(map(len, parts))]

  def __len__(self) -> int:
    return self.first[-1]

  def __getitem__(self, row: SupportsIndex) -> bytes:
    row = row.__index__()
    if not 0 <= row < len(self):
      raise IndexError(f"row {row} of {len(self)} records")
    part = bisect_right(self.first, row) - 1
    return self.parts[part][row - self.first[part]]


def joined(sources: Sequence[Source], opened: Sequence[Images]) -> Images:
  """One set of images, source by source; the names of its files begin with that of their source.

  Raises UserError for a photograph or a device that two sources have: is it one camera, or are two of one name?
  """
  tables = [_of(source, images.table) for source, images in zip(sources, opened, strict=True)]
  table = pd.concat(tables, ignore_index=True)
  _require_apart(table)
  table["source"] = pd.Categorical(table["source"], [source.name for source in sources])
  problems = [
    images.problems.assign(file=[f"{place(source)}{file}" for file in images.problems["file"]])
    for source, images in zip(sources, opened, strict=True)
  ]
  said = repr([images.data_digest for images in opened])
  data_digest = hashlib.sha256(said.encode()).hexdigest()
  records = Joined([images.records for images in opened])
  return Images(table, pd.concat(problems, ignore_index=True), records, data_digest)


def place(source: Source) -> str:
  """What the names of a source's files begin with."""
  return f"{source.name.rstrip('/')}/"


def _of(source: Source, table: pd.DataFrame) -> pd.DataFrame:
  """Presets number their scenes as folders may, and never show the same ones."""
  table = table.assign(file=place(source) + table["file"], source=source.name)
  if source.name.startswith(VIRTUAL):
    table["scene"] = np.where(table["scene"] == "", "", VIRTUAL + table["scene"])
  return table if source.weight is None else table.assign(weight=source.weight)


def _require_apart(table: pd.DataFrame) -> None:
  for column, what in (("sha256", "the same photograph"), ("device", "images of one device")):
    several = table.groupby(column)["source"].nunique() > 1
    if several.any():
      shared = several.index[several][0]
      one, other = table[table[column] == shared].drop_duplicates("source")["file"].iloc[:2]
      named = f" ({shared})" if column == "device" else ""
      raise UserError(
        f"{shown(one)} and {shown(other)} are {what}{shown(named)}, in two sources of a mixture: "
        "a camera and a photograph belong to one"
      )


def divide(
  table: pd.DataFrame,
  split: Callable[[pd.DataFrame], Split | list[Split]],
  check: Callable[[Split], Split],
  photographs: Callable[[pd.DataFrame], Split | list[Split]] | None = None,
) -> Split | list[Split]:
  """What a protocol makes of a table: of a mixture, of its virtual cameras and of its photographs each by themselves.

  So both kinds stand on every side in the same shares, and the presets are divided as they are without photographs.
  Folders are divided as one, since they may show the same models and scenes. check: `splits.kept` for the whole table.
  photographs: how those are divided, if otherwise.
  """
  if "source" not in table:
    return split(table)
  virtual = table["source"].astype(str).str.startswith(VIRTUAL).to_numpy()
  kinds = (("virtual cameras", virtual, split), ("photographs", ~virtual, photographs or split))
  found = [_divided(table, np.flatnonzero(own), how, kind) for kind, own, how in kinds if own.any()]
  together = [
    check({side: np.sort(np.concatenate([one[side] for one in parts])) for side in parts[0]})
    for parts in zip(*(one if isinstance(one, list) else [one] for one in found), strict=True)
  ]
  return together if isinstance(found[0], list) else together[0]


def _divided(
  table: pd.DataFrame, rows: Int[np.ndarray, " r"], split: Callable[[pd.DataFrame], Split | list[Split]], kind: str
) -> Split | list[Split]:
  try:
    found = split(table.iloc[rows].reset_index(drop=True))
  except CannotServe as error:
    raise CannotServe(f"the {kind} of the mixture: {error}") from error
  if isinstance(found, list):
    return [{side: rows[own] for side, own in one.items()} for one in found]
  return {side: rows[own] for side, own in found.items()}


def drawn_from(table: pd.DataFrame) -> Sources | None:
  """The source of every row of a table, and how much is drawn from each if the rows train; None without weights."""
  if "weight" not in table:
    return None
  names = table["source"].cat.categories.tolist()
  weights = [table.loc[table["source"] == name, "weight"].max() for name in names]
  return Sources(table["source"].cat.codes.to_numpy(np.int64), tuple(names), tuple(weights))
