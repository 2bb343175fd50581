"""The one door to image data for the rest of the program: a folder -> its table and its records.

A folder is verified and stored on first use; later uses read the stored records and never look into the files again.
"""

import contextlib
import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, SupportsIndex

import pandas as pd
from absl import logging
from array_record.python.array_record_data_source import ArrayRecordDataSource
from google.protobuf.message import DecodeError
from tensorflow_datasets.proto import tf_example_pb2

from fsim.boundary import inputs, outputs
from fsim.boundary.errors import UserError
from fsim.boundary.lock import alone
from fsim.boundary.text import shown
from fsim.data import cache
from fsim.data.dresden import pattern as patterns
from fsim.data.dresden.builder import PROBLEMS, STORED, TABLE, Dresden, FolderConfig
from fsim.data.dresden.names import Repairs
from fsim.data.dresden.pattern import Pattern
from fsim.data.dresden.scan import Unusable

SEAL = "seal.json"  # Names the files of a whole data set with their sizes, and digests of all but the records.
HEAVY = ".array_record-"  # In the names of records, which have check sums of their own.


class Records(Sequence[bytes]):
  """Row of the table -> the original bytes of its file. Readers open on first use, in each process its own."""

  def __init__(self, builder: Dresden):
    self.folder = builder.data_dir
    stored = [builder.info.splits[name] for name in STORED if name in builder.info.splits]
    self.source = ArrayRecordDataSource([part for split in stored for part in split.file_instructions])

  def __len__(self) -> int:
    return len(self.source)

  def __getitem__(self, row: SupportsIndex) -> bytes:
    row = row.__index__()
    if not 0 <= row < len(self):
      raise IndexError(f"row {row} of {len(self)} records")
    try:
      example = tf_example_pb2.Example.FromString(self.source[row])
      return example.features.feature["image"].bytes_list.value[0]
    except (RuntimeError, ValueError, IndexError, DecodeError) as error:  # What the libraries say of damage.
      raise UserError(_damaged(Path(self.folder), f"record {row}")) from error


class Images(NamedTuple):
  table: pd.DataFrame  # One row a stored image: see fsim/data/dresden/scan.py, Row.
  problems: pd.DataFrame  # file, cause, left_out (False: a remark about images that are in the table).
  records: Records
  data_digest: str  # Of all stored bytes and the options that made the labels.


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
  on_error: "skip" leaves unusable files out and lists them in `problems`, "raise" raises UserError at the first.
  Raises UserError if the folder is missing or holds no usable JPEG, and for a wrong pattern.
  """
  rules = rules_of(pattern, merge_d70, repair_mju)
  config = FolderConfig.of(inputs.expanded(folder), rules, on_error)
  home = cache.home(data_dir)
  place = home / Dresden.name / config.name / str(Dresden.VERSION)
  if not (place / SEAL).exists():
    with cache.writing(home), alone(place.parent):
      if not (place / SEAL).exists():  # Made by another process, while this one waited.
        _prepare(place, config, home)
  return _opened(place, config, home)


def rules_of(pattern: str | None, merge_d70: bool, repair_mju: bool) -> Repairs | Pattern:
  """How labels are made from names. Raises UserError for a wrong pattern."""
  return Repairs(merge_d70, repair_mju) if pattern is None else patterns.of_expression(pattern)


def _builder(config: FolderConfig, home: Path) -> Dresden:
  with _quiet():
    return Dresden(config=config, data_dir=home, file_format="array_record")


def _prepare(place: Path, config: FolderConfig, home: Path) -> None:
  """What an interrupted run leaves has no seal, and is never taken for whole."""
  for leftover in (*place.parent.glob(place.name), *place.parent.glob("*incomplete*")):
    shutil.rmtree(leftover)
  try:
    with _quiet():
      _builder(config, home).download_and_prepare()
    outputs.replace(place / SEAL, json.dumps(_contents(place), indent=1).encode())
  except BaseException as error:
    shutil.rmtree(place, ignore_errors=True)
    if isinstance(error, UserError):  # TFDS puts lines of its own before the one that counts.
      raise UserError(str(error).splitlines()[-1]) from error
    raise


def _contents(place: Path) -> dict[str, list]:
  files = [path for path in place.iterdir() if path.name != SEAL and path.is_file()]
  return {path.name: [path.stat().st_size, "" if HEAVY in path.name else _digest(path)] for path in files}


def _digest(path: Path) -> str:
  with path.open("rb") as data:
    return hashlib.file_digest(data, "sha256").hexdigest()


def _require_whole(place: Path) -> None:
  """Raises UserError if a file of a prepared data set is missing, cut or changed."""
  try:
    sealed = inputs.read_json(place / SEAL)
  except inputs.Unreadable as error:
    raise UserError(_damaged(place, f"{SEAL}: {error.cause}")) from error
  present = _contents(place)
  changed = [name for name, said in sealed.items() if present.get(name) != said]
  if changed or not sealed:
    raise UserError(_damaged(place, changed[0] if changed else SEAL))


def _damaged(place: Path, part: str) -> str:
  return f"{shown(place)}: the prepared data are damaged ({part}); remove this folder, and it is made anew"


def _opened(place: Path, config: FolderConfig, home: Path) -> Images:
  _require_whole(place)
  table = pd.read_parquet(place / TABLE)
  problems = pd.read_csv(place / PROBLEMS, keep_default_na=False)
  left_out = problems[problems["left_out"].astype(bool)]
  if config.on_error == "raise" and len(left_out):
    file, cause = left_out["file"].iloc[0], left_out["cause"].iloc[0]
    raise Unusable(f"{shown(config.listing.folder / file)}: {shown(cause)}")
  said = repr((table["sha256"].tolist(), tuple(config.rules)))
  return Images(table, problems, Records(_builder(config, home)), hashlib.sha256(said.encode()).hexdigest())


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
