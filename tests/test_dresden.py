"""The TFDS builder: original bytes, the default protocol as stored splits, and splits above 1 GB."""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tensorflow_datasets as tfds

from fsim.data import jpeg, splits
from fsim.data.dresden import builder as building
from fsim.data.dresden.builder import Dresden, FolderConfig
from fsim.data.dresden.names import Repairs
from fsim.data.dresden.scan import Row, Unusable
from tests import jpegs

REPAIRS = Repairs(merge_d70=True, repair_mju=True)
RAW = {"image": tfds.decode.SkipDecoding()}
COLUMNS = list(Row._fields)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  """Three devices with ten natural images each, a flat field, and a lone image of a fourth device."""
  folder = tmp_path_factory.mktemp("photos")
  names = [f"natural/Nikon_{d}_{shot}.JPG" for d in ("D70_0", "D70s_0", "D200_1") for shot in range(10)]
  for seed, name in enumerate(
    [*names, "flat/flatfield/Nikon_D70_0_90.JPG", "natural/Agfa_DC-504_0_1.JPG", "Agfa_A_0_1.JPG"]
  ):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"" if name.startswith("Agfa_A") else jpegs.jpeg(seed))
  return folder


def prepared(folder: Path, data_dir: Path) -> Dresden:
  config = FolderConfig.of(folder, REPAIRS, "skip")
  builder = Dresden(config=config, data_dir=data_dir, file_format="array_record")
  builder.download_and_prepare()
  return builder


@pytest.fixture(scope="module")
def builder(folder, tmp_path_factory):
  return prepared(folder, tmp_path_factory.mktemp("data"))


def stored(builder: Dresden) -> list[dict]:
  sources = builder.as_data_source(decoders=RAW)
  return [record for split in building.STORED for record in sources[split]]


def test_records_are_the_original_files(builder, folder):
  records = stored(builder)
  assert len(records) == 32
  for record in records:
    data = (folder / record["file"].decode()).read_bytes()
    assert record["image"] == data
    assert record["sha256"].decode() == hashlib.sha256(data).hexdigest()


def test_the_table_is_the_records_without_their_images(builder):
  table = pd.read_parquet(Path(builder.data_dir) / building.TABLE)
  plain = [{k: r[k].decode() if isinstance(r[k], bytes) else r[k] for k in COLUMNS} for r in stored(builder)]
  assert table.columns.tolist() == COLUMNS
  assert table.to_dict("records") == plain


def test_stored_splits_are_those_of_the_default_protocol(builder):
  table = pd.read_parquet(Path(builder.data_dir) / building.TABLE)
  sizes = {name: builder.info.splits[name].num_examples for name in building.STORED}
  assert sizes == {"train": 18, "validation": 3, "test": 9, "rest": 2}
  ends = np.cumsum([sizes[name] for name in building.STORED])
  for name, rows in splits.stratified(table, seed=0, validation=0.1, test=0.3).items():
    end = ends[building.STORED.index(name)]
    np.testing.assert_array_equal(rows, np.arange(end - sizes[name], end))


def test_splits_can_be_sliced_and_decoded(builder):
  half, rest = (builder.as_data_source(split=s) for s in ("train[:50%]", "rest"))
  assert len(half) == 9
  assert {r["subset"].decode() for r in rest} == {"flat-field", "natural"}
  raw = builder.as_data_source(split="train", decoders=RAW)
  np.testing.assert_array_equal(jpeg.decode(raw[0]["image"]), half[0]["image"])


def test_problems_stand_beside_the_records(builder):
  problems = pd.read_csv(Path(builder.data_dir) / building.PROBLEMS)
  assert problems.to_dict("records") == [{"file": "Agfa_A_0_1.JPG", "cause": "empty file", "left_out": True}]


def test_an_interrupted_preparation_is_no_data_set(folder, tmp_path, monkeypatch):
  read, reads = building.Original.read, []

  def failing(original):
    reads.append(original)
    if len(reads) == 20:
      raise KeyboardInterrupt
    return read(original)

  monkeypatch.setattr(building.Original, "read", failing)
  with pytest.raises(KeyboardInterrupt):
    prepared(folder, tmp_path)
  assert not list(tmp_path.rglob("*array_record*"))
  assert len(stored(prepared(folder, tmp_path))) == 32


def test_a_file_that_changes_meanwhile_is_not_stored(folder, tmp_path):
  copy = tmp_path / "photos" / "Nikon_D70_0_1.JPG"
  copy.parent.mkdir()
  copy.write_bytes(jpegs.jpeg(1))
  original = building.Original(copy, hashlib.sha256(copy.read_bytes()).hexdigest())
  copy.write_bytes(jpegs.jpeg(2))
  with pytest.raises(Unusable, match=r"Nikon_D70_0_1\.JPG: changed while"):
    original.read()


def test_the_config_is_named_by_content_and_options(folder):
  names = {FolderConfig.of(folder, Repairs(d70, mju), "skip").name for d70 in (True, False) for mju in (True, False)}
  assert len(names) == 4
  assert FolderConfig.of(folder, REPAIRS, "raise").name == FolderConfig.of(folder, REPAIRS, "skip").name


LARGE = """
import hashlib, sys
from pathlib import Path
import tensorflow_datasets as tfds
from tests.test_dresden import prepared
folder, data_dir = map(Path, sys.argv[1:])
builder = prepared(folder, data_dir)
assert "tensorflow" not in sys.modules
# Not ru_maxrss, which a process inherits from the one that started it.
(peak,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
print(int(peak.split()[1]) >> 10)
"""


@pytest.fixture
def room(tmp_path):
  """A folder that is gone after the test: pytest would keep gigabytes."""
  with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
    yield Path(folder)


@pytest.mark.parametrize("padding", [0, pytest.param(1, marks=pytest.mark.slow)], ids=["zeros", "noise"])
def test_a_split_above_1_gb(room, padding):
  """Bytes after a JPEG's end make large files of small images; noise is stored as it is, zeros save the disk."""
  folder = room / "flatfield"
  folder.mkdir()
  size, count = 24 << 20, 48
  end = np.random.default_rng(0).bytes(size) if padding else None
  for shot in range(count):
    with (folder / f"Nikon_D70_0_{shot}.JPG").open("wb") as file:
      file.write(jpegs.jpeg(shot))
      file.write(end) if end else file.truncate(size)
  command = [sys.executable, "-c", LARGE, room, room / "data"]
  root = Path(__file__).parent.parent
  megabytes = int(subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout.split()[-1])
  config = FolderConfig.of(room, REPAIRS, "skip")
  built = Dresden(config=config, data_dir=room / "data", file_format="array_record")
  rest = built.as_data_source(split="rest", decoders=RAW)
  assert len(rest) == count
  assert len(built.info.splits["rest"].shard_lengths) == 5
  for row in (0, 17, count - 1):
    assert len(rest[row]["image"]) * count > 1 << 30
    assert hashlib.sha256(rest[row]["image"]).hexdigest() == rest[row]["sha256"].decode()
  assert megabytes < 800  # 420 MB measured, half of which is the interpreter with its libraries.
