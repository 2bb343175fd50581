"""A folder of Dresden-named JPEGs as a TensorFlow data set, written and read without TensorFlow.

Every image is stored once, as the file's original bytes. The stored splits are those of the default protocol; all other
protocols are index sets over the same records (fsim/data/splits.py).
"""

import csv
import dataclasses
import functools
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tensorflow_datasets as tfds
from jaxtyping import Int
from tqdm import tqdm

from fsim.boundary import console, inputs, progress
from fsim.boundary.errors import UserError
from fsim.boundary.inputs import Unreadable, read_bytes
from fsim.boundary.text import shown
from fsim.data import photographs, splits
from fsim.data.dresden import journal
from fsim.data.dresden.journal import Journal
from fsim.data.dresden.listing import Listing, listing, path_of
from fsim.data.dresden.names import REPAIRED, Repairs
from fsim.data.dresden.pattern import Pattern
from fsim.data.dresden.scan import Row, Scan, Unusable, scan

TABLE = "table.parquet"  # Beside the records, in their order: the labels and the SHA-256 of every image.
PROBLEMS = "problems.csv"
STORED = ("train", "validation", "test", "rest")  # In the records' order; "rest" is what the default protocol leaves.
DEFAULT_PROTOCOL = functools.partial(splits.stratified, seed=0, validation=0.1, test=0.3)
SHARD_BYTES = 256 << 20
SLUG = 60  # Letters of a folder's name in the names that are made of it.
MAX_CAUSES = 5  # Causes in the message about a folder without any usable image.


@dataclasses.dataclass(eq=False, kw_only=True)
class FolderConfig(tfds.core.BuilderConfig):
  """One state of one folder: the name changes with the files, and with the options, that the records depend on."""

  listing: Listing = dataclasses.field(repr=False)
  rules: Repairs | Pattern
  on_error: str

  @classmethod
  def of(cls, folder: str | Path, rules: Repairs | Pattern = REPAIRED, on_error: str = "skip") -> "FolderConfig":
    """rules: how labels are made from names. on_error: "skip" or "raise" at the first unusable file.

    Raises UserError for a folder that cannot be read.
    """
    if on_error not in ("skip", "raise"):
      raise UserError(f'on_error must be "skip" or "raise", got {on_error!r}')
    found = listing(inputs.expanded(folder))
    said = (journal.VERSION, found.key(), rules, DEFAULT_PROTOCOL.keywords)
    state = hashlib.sha256(repr(said).encode()).hexdigest()
    return cls(name=f"{_slug(found.folder)}-{state[:16]}", listing=found, rules=rules, on_error=on_error)


class Original:
  """A file that is read at the moment when it is stored, and must still hold the bytes that were verified."""

  def __init__(self, path: Path, sha256: str):
    self.path = path
    self.sha256 = sha256

  def read(self) -> bytes:
    try:
      data = read_bytes(self.path, photographs.MAX_BYTES)
    except Unreadable as error:
      raise Unusable(str(error)) from error
    if hashlib.sha256(data).hexdigest() != self.sha256:
      raise Unusable(f"{shown(self.path)}: changed while its folder was being prepared; start again")
    return data


class Dresden(tfds.core.ShardBasedBuilder):
  """Features: "image", whose undecoded form is the original file, and the columns of the table.

  A ShardBasedBuilder writes examples as they come. A GeneratorBasedBuilder shuffles them first and, above 1 GB a split,
  does so through TensorFlow; since records are read in any order, there is no need to.
  """

  VERSION = tfds.core.Version("1.0.0")
  code_path = None  # There are no checksums or citations beside this file, for which TFDS needs importlib_resources.

  def __init__(self, *, file_format: str = "array_record", **settings: Any):
    """Arguments as those of every TFDS builder, of which only `config` is needed.

    TFDS's own default format cannot be written without TensorFlow.
    """
    super().__init__(file_format=file_format, **settings)

  def _info(self) -> tfds.core.DatasetInfo:
    kinds = {str: tfds.features.Text, int: lambda: tfds.features.Scalar(np.int64)}
    columns = {column: kinds[kind]() for column, kind in Row.__annotations__.items()}
    features = tfds.features.FeaturesDict({"image": tfds.features.Image(), **columns})
    return tfds.core.DatasetInfo(builder=self, description="Photographs of known cameras.", features=features)

  def _shard_iterators_per_split(self, dl_manager: tfds.download.DownloadManager) -> dict[str, list]:
    del dl_manager  # Users bring their own copy of the database.
    scanned = verified(self.builder_config, Path(self.data_dir_root) / self.name)
    if scanned.table.empty:
      causes = "".join(f"; {shown(p.file)}: {shown(p.cause)}" for p in scanned.problems.head(MAX_CAUSES).itertuples())
      raise Unusable(f"{shown(self.builder_config.listing.folder)}: holds no usable JPEG{causes}")
    parts = default_splits(scanned.table)
    table = scanned.table.iloc[np.concatenate(list(parts.values()))].reset_index(drop=True)
    table.to_parquet(Path(self.data_dir) / TABLE)
    scanned.problems.to_csv(Path(self.data_dir) / PROBLEMS, index=False, quoting=csv.QUOTE_NONNUMERIC)
    bar = progress.bar(total=len(table), desc="storing", unit="image")
    return {
      name: [functools.partial(self._examples, shard, bar) for shard in self._shards(scanned.table.iloc[rows])]
      for name, rows in parts.items()
    }

  def _shards(self, table: pd.DataFrame) -> list[pd.DataFrame]:
    sizes = {file.file: file.bytes for file in self.builder_config.listing.jpegs}
    number = table["file"].map(sizes).cumsum() // SHARD_BYTES
    return [shard for _, shard in table.groupby(number)]

  def _examples(self, table: pd.DataFrame, bar: tqdm) -> Iterator[tuple[str, dict]]:
    for row in table.to_dict("records"):
      yield (
        row["file"],
        row | {"image": Original(path_of(self.builder_config.listing.folder, row["file"]), row["sha256"])},
      )
      bar.update()


def verified(config: FolderConfig, home: Path | None) -> Scan:
  """Table and problems of the folder; `home` keeps a journal, so that no file is decoded twice."""
  folder = config.listing.folder.resolve()
  name = f"{_slug(folder)}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}.verified-{journal.VERSION}.jsonl"
  memory = Journal(home and home / name)
  try:
    with console.resumable() if memory.is_kept else nullcontext():
      return scan(config.listing, config.rules, config.on_error == "raise", memory)
  finally:
    memory.close()


def default_splits(table: pd.DataFrame) -> dict[str, Int[np.ndarray, " n"]]:
  """The default protocol, and "rest"; without empty parts. A table that cannot serve it is all "rest"."""
  try:
    parts = DEFAULT_PROTOCOL(table)
  except splits.CannotServe:
    parts = {}
  used = np.concatenate([np.zeros(0, int), *parts.values()])
  parts = parts | {"rest": np.setdiff1d(np.arange(len(table)), used)}
  return {name: parts[name] for name in STORED if len(parts.get(name, ()))}


def _slug(folder: Path) -> str:
  """The folder's name in letters that every file system has."""
  return re.sub("[^A-Za-z0-9]+", "_", folder.resolve().name)[:SLUG].strip("_") or "folder"
