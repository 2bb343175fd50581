"""The one door to image data for the rest of the program: a folder -> its table and its records.

A folder is verified and stored on first use; later uses read the stored records and never look into the files again.
"""

import contextlib
import hashlib
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, SupportsIndex

import pandas as pd
from absl import logging
from array_record.python.array_record_data_source import ArrayRecordDataSource
from tensorflow_datasets.core.constants import get_default_data_dir
from tensorflow_datasets.proto import tf_example_pb2

from fsim.boundary.lock import alone
from fsim.data.dresden import pattern as patterns
from fsim.data.dresden.builder import PROBLEMS, STORED, TABLE, Dresden, FolderConfig
from fsim.data.dresden.names import Repairs
from fsim.data.dresden.scan import Unusable


class Records(Sequence[bytes]):
  """Row of the table -> the original bytes of its file. Readers open on first use, in each process its own."""

  def __init__(self, builder: Dresden):
    stored = [builder.info.splits[name] for name in STORED if name in builder.info.splits]
    self.source = ArrayRecordDataSource([part for split in stored for part in split.file_instructions])

  def __len__(self) -> int:
    return len(self.source)

  def __getitem__(self, row: SupportsIndex) -> bytes:
    row = row.__index__()
    if not 0 <= row < len(self):
      raise IndexError(f"row {row} of {len(self)} records")
    example = tf_example_pb2.Example.FromString(self.source[row])
    return example.features.feature["image"].bytes_list.value[0]


class Images(NamedTuple):
  table: pd.DataFrame  # One row a stored image: see fsim/data/dresden/scan.py, Row.
  problems: pd.DataFrame  # file, cause, left_out (False: a remark about images that are in the table).
  records: Records
  fingerprint: str  # Of all stored bytes and the options that made the labels.


def open_folder(
  folder: str | Path,
  *,
  data_dir: str | Path | None = None,
  on_error: str = "skip",
  merge_d70: bool = True,
  repair_mju: bool = True,
  pattern: str | None = None,
) -> Images:
  """Images of a folder in any layout. See fsim/data/dresden for what is read from names, folders and metadata.

  data_dir: where prepared data sets are kept; None is $TFDS_DATA_DIR or ~/tensorflow_datasets.
  pattern: a regular expression for names of another form (see fsim/data/dresden/pattern.py); None: Dresden's.
  on_error: "skip" leaves unusable files out and lists them in `problems`, "raise" raises ValueError at the first.
  Raises ValueError if the folder is missing or holds no usable JPEG, and for a wrong pattern.
  """
  rules = Repairs(merge_d70, repair_mju) if pattern is None else patterns.of_expression(pattern)
  config = FolderConfig.of(Path(folder), rules, on_error)
  home = Path(data_dir or get_default_data_dir()).expanduser()
  builder = _builder(config, home)
  if not _is_prepared(builder):
    with alone(Path(builder.data_dir).parent):
      builder = _builder(config, home)
      if not _is_prepared(builder):  # By another process, while this one waited.
        _prepare(builder)
  return _opened(builder, config)


def _builder(config: FolderConfig, home: Path) -> Dresden:
  with _quiet():
    return Dresden(config=config, data_dir=home, file_format="array_record")


def _is_prepared(builder: Dresden) -> bool:
  return (Path(builder.data_dir) / "dataset_info.json").exists()


def _prepare(builder: Dresden) -> None:
  """Stores under another name and renames at the end: what an interrupted run leaves is never taken for whole."""
  for leftover in Path(builder.data_dir).parent.glob("*incomplete*"):
    shutil.rmtree(leftover)
  with _quiet():
    builder.download_and_prepare()


def _opened(builder: Dresden, config: FolderConfig) -> Images:
  table = pd.read_parquet(Path(builder.data_dir) / TABLE)
  problems = pd.read_csv(Path(builder.data_dir) / PROBLEMS, keep_default_na=False)
  left_out = problems[problems["left_out"].astype(bool)]
  if config.on_error == "raise" and len(left_out):
    raise Unusable(f"{config.listing.folder / left_out['file'].iloc[0]}: {left_out['cause'].iloc[0]}")
  said = repr((table["sha256"].tolist(), tuple(config.rules)))
  return Images(table, problems, Records(builder), hashlib.sha256(said.encode()).hexdigest())


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
  """TFDS announces a download, and warns that a folder is none of its own data sets; neither helps the reader."""
  verbosity = logging.get_verbosity()
  logging.set_verbosity(logging.ERROR)
  try:
    with contextlib.redirect_stdout(None):
      yield
  finally:
    logging.set_verbosity(verbosity)
