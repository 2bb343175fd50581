"""A folder is verified and stored once, and its records can be read anywhere."""

import errno
import hashlib
import multiprocessing
import os
import pickle
import shutil
import types
from pathlib import Path

import grain
import pytest

from fsim.boundary.errors import UserError
from fsim.data import cache, source
from fsim.data.dresden import builder, verify
from fsim.data.source import open_folder
from tests import jpegs


@pytest.fixture
def folder(tmp_path):
  folder = tmp_path / "photos"
  folder.mkdir()
  for seed, name in enumerate([f"Nikon_{d}_{shot}.JPG" for d in ("D70_0", "D70s_0") for shot in range(5)]):
    (folder / name).write_bytes(jpegs.jpeg(seed))
  return folder


@pytest.fixture
def home(tmp_path):
  return tmp_path / "data"


def forbidden(*_):
  raise AssertionError("nothing should be prepared anew")


def test_records_are_the_bytes_of_the_tables_rows(folder, home):
  images = open_folder(folder, data_dir=home)
  assert len(images.records) == len(images.table) == 10
  for row, record in zip(images.table.itertuples(), images.records, strict=True):
    assert record == (folder / row.file).read_bytes()
    assert hashlib.sha256(record).hexdigest() == row.sha256
  for row in (-1, 10):
    with pytest.raises(IndexError, match=f"row {row} of 10"):
      images.records[row]


@pytest.mark.parametrize("variable", ["", None])
def test_without_another_place_data_are_kept_below_the_users_home(variable, tmp_path, monkeypatch):
  monkeypatch.setenv("HOME", str(tmp_path))
  monkeypatch.setenv("TFDS_DATA_DIR", variable) if variable is not None else monkeypatch.delenv("TFDS_DATA_DIR", False)
  assert cache.home(None) == tmp_path / "tensorflow_datasets"


def test_an_unchanged_folder_is_used_again_without_a_look_into_its_files(folder, home, monkeypatch):
  first = open_folder(folder, data_dir=home)
  monkeypatch.setattr(Path, "read_bytes", forbidden)
  monkeypatch.setattr(builder, "scan", forbidden)
  second = open_folder(folder, data_dir=home)
  assert second.table.equals(first.table)
  assert second.table.dtypes.equals(first.table.dtypes)
  assert second.problems.equals(first.problems)
  assert second.data_digest == first.data_digest
  assert second.records[3] == first.records[3]


def hashes_of_decoded(monkeypatch) -> list[str]:
  """A list that grows."""
  asked, real = [], verify.decoded
  monkeypatch.setattr(verify, "decoded", lambda data, sha256: asked.append(sha256) or real(data, sha256))
  return asked


def test_of_a_changed_folder_only_the_changes_are_decoded(folder, home, monkeypatch):
  before = open_folder(folder, data_dir=home)
  (folder / "Nikon_D70_0_77.JPG").write_bytes(jpegs.jpeg(77))
  (folder / "Nikon_D70_0_0.JPG").write_bytes(jpegs.jpeg(78, 80, 80))
  (folder / "Nikon_D70_0_1.JPG").unlink()
  asked = hashes_of_decoded(monkeypatch)
  after = open_folder(folder, data_dir=home)
  new = [(folder / f"Nikon_D70_0_{shot}.JPG").read_bytes() for shot in (0, 77)]
  assert sorted(asked) == sorted(hashlib.sha256(data).hexdigest() for data in new)
  assert sorted(set(after.table["file"]) ^ set(before.table["file"])) == ["Nikon_D70_0_1.JPG", "Nikon_D70_0_77.JPG"]
  assert after.data_digest != before.data_digest
  row = after.table.index[after.table["file"] == "Nikon_D70_0_0.JPG"][0]
  assert after.records[row] == (folder / "Nikon_D70_0_0.JPG").read_bytes()
  assert len(before.records[0]) > 0  # The former state stays readable for whoever has it open.


def test_a_file_that_changes_behind_its_size_and_time_is_stored_as_it_is(folder, home, monkeypatch):
  """Between a preparation that ended early and the next, or after `fsim check`."""
  path, words = folder / "Nikon_D70_0_1.JPG", [jpegs.jpeg(1, comment=word) for word in (b"a", b"b")]
  path.write_bytes(words[0])
  status = path.stat()
  with monkeypatch.context() as patch:
    patch.setattr(builder.Original, "read", forbidden)
    with pytest.raises(AssertionError):
      open_folder(folder, data_dir=home)
  path.write_bytes(words[1])
  os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
  images = open_folder(folder, data_dir=home)
  assert images.records[images.table.index[images.table["file"] == path.name][0]] == words[1]


def test_options_change_labels_and_data_digest_but_not_the_devices(folder, home):
  merged, apart = (open_folder(folder, data_dir=home, merge_d70=m) for m in (True, False))
  assert set(merged.table["model"]) == {"Nikon_D70"}
  assert set(apart.table["model"]) == {"Nikon_D70", "Nikon_D70s"}
  assert set(merged.table["device"]) == set(apart.table["device"]) == {"Nikon_D70_0", "Nikon_D70s_0"}
  assert merged.data_digest != apart.data_digest


def test_the_data_digest_is_that_of_the_images_not_of_their_place(folder, home, tmp_path):
  first = open_folder(folder, data_dir=home)
  folder.rename(tmp_path / "moved")
  assert open_folder(tmp_path / "moved", data_dir=home / "other").data_digest == first.data_digest


def test_unusable_files_are_skipped_or_stop_even_when_prepared_already(folder, home):
  (folder / "Nikon_D70_0_9.JPG").write_bytes(jpegs.truncated())
  for _ in range(2):
    with pytest.raises(ValueError, match=r"Nikon_D70_0_9\.JPG: damaged JPEG"):
      open_folder(folder, data_dir=home, on_error="raise")
    images = open_folder(folder, data_dir=home)
    assert len(images.table) == 10
    assert images.problems[["file", "cause"]].to_numpy().tolist()[0][0] == "Nikon_D70_0_9.JPG"
    assert images.problems["left_out"].tolist() == [True]


def test_a_word_that_on_error_does_not_know_is_refused(folder, home):
  with pytest.raises(ValueError, match='on_error must be "skip" or "raise", got \'ignore\''):
    open_folder(folder, data_dir=home, on_error="ignore")
  open_folder(folder, data_dir=home)
  with pytest.raises(ValueError, match="on_error must be"):
    open_folder(folder, data_dir=home, on_error="ignore")


def test_missing_and_empty_folders_have_one_clear_message(tmp_path, home):
  (tmp_path / "empty").mkdir()
  (tmp_path / "file").write_bytes(b"")
  for name, cause in (("gone", "no such folder"), ("file", "not a folder"), ("empty", "holds no usable JPEG")):
    with pytest.raises(ValueError, match=f"{tmp_path / name}: {cause}"):
      open_folder(tmp_path / name, data_dir=home)


def test_a_folder_of_bad_files_says_what_they_are(tmp_path, home):
  bad = tmp_path / "bad"
  bad.mkdir()
  (bad / "Nikon_D70_0_1.JPG").write_bytes(jpegs.png())
  with pytest.raises(ValueError, match=r"(?s)bad: holds no usable JPEG.*Nikon_D70_0_1\.JPG: a PNG file"):
    open_folder(bad, data_dir=home)


def test_data_live_where_tfds_keeps_its_own(folder, tmp_path, monkeypatch):
  monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "elsewhere"))
  open_folder(folder)
  assert list((tmp_path / "elsewhere" / "dresden").glob("photos-*/1.0.0/table.parquet"))


def test_records_are_pickled_without_their_readers(folder, home):
  records = open_folder(folder, data_dir=home).records
  record = records[4]
  assert pickle.loads(pickle.dumps(records))[4] == record
  assert len(pickle.dumps(records)) < 10_000


class Hash(grain.transforms.Map):
  def __init__(self, records: source.Records):
    self.records = records

  def map(self, element: int) -> str:
    return f"{os.getpid()} {hashlib.sha256(self.records[element]).hexdigest()}"


def test_worker_processes_of_grain_read_records(folder, home):
  images = open_folder(folder, data_dir=home)
  stream = grain.MapDataset.range(10).map(Hash(images.records)).to_iter_dataset()
  found = list(stream.mp_prefetch(grain.MultiprocessingOptions(num_workers=1)))
  assert [f.split()[1] for f in found] == images.table["sha256"].tolist()
  assert {f.split()[0] for f in found}.isdisjoint({str(os.getpid())})


def prepare(folder: Path, home: Path, results: multiprocessing.Queue) -> None:
  results.put(open_folder(folder, data_dir=home).data_digest)


def test_processes_that_open_a_folder_at_once_share_one_preparation(folder, home):
  context = multiprocessing.get_context("spawn")
  results = context.Queue()
  processes = [context.Process(target=prepare, args=(folder, home, results)) for _ in range(2)]
  for process in processes:
    process.start()
  assert results.get(timeout=60) == results.get(timeout=60)
  for process in processes:
    process.join()
    assert process.exitcode == 0
  assert len(list(home.rglob("table.parquet"))) == 1


def test_what_a_killed_preparation_left_is_cleared_away(folder, home):
  data = Path(builder_of(folder, home).data_dir)
  leftover = data.parent / "incomplete.ABC123_1.0.0"
  leftover.mkdir(parents=True)
  (leftover / "dresden-train.array_record-00000-of-00001").write_bytes(b"half")
  assert len(open_folder(folder, data_dir=home).records) == 10
  assert not leftover.exists()


def test_prepared_data_are_only_read_whoever_made_them(folder, home, monkeypatch):
  first = open_folder(folder, data_dir=home)
  before = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
  monkeypatch.setattr(source, "alone", forbidden)
  monkeypatch.setattr(source, "cache", types.SimpleNamespace(home=Path))
  assert open_folder(folder, data_dir=home).records[3] == first.records[3]
  assert {path: path.stat().st_mtime_ns for path in home.rglob("*")} == before


def test_a_home_that_cannot_be_written_to_is_named_before_the_work(folder, tmp_path, monkeypatch):
  (tmp_path / "file").write_bytes(b"")
  monkeypatch.setattr(builder, "scan", forbidden)
  with pytest.raises(UserError, match=r"file/data: cannot be written to \(Not a dir.*TFDS_DATA_DIR or data.folder"):
    open_folder(folder, data_dir=tmp_path / "file" / "data")


def test_a_part_of_the_home_that_is_another_users_is_named(folder, home, monkeypatch):
  def denied(place):
    raise PermissionError(errno.EACCES, "Permission denied", str(place / "lock"))

  monkeypatch.setattr(source, "alone", denied)
  with pytest.raises(UserError, match=f"{home}/dresden/.*/lock: cannot be written to .*TFDS_DATA_DIR"):
    open_folder(folder, data_dir=home)


FULL = os.strerror(errno.ENOSPC)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, FULL), RuntimeError(f"write() failed: {FULL}")], ids=str)
def test_a_full_disk_is_named_and_nothing_half_made_stays(folder, home, monkeypatch, error):
  def full(original):
    raise error

  monkeypatch.setattr(builder.Original, "read", full)
  with pytest.raises(UserError, match=f"{home} is full.*: make room, or name .* by TFDS_DATA_DIR or data.folder"):
    open_folder(folder, data_dir=home)
  assert not list(home.rglob("*array_record*"))
  assert not list(home.rglob("table.parquet"))


def test_no_home_at_all_is_said(folder, monkeypatch):
  def homeless(path):
    raise RuntimeError("Could not determine home directory.")

  monkeypatch.setattr(Path, "expanduser", homeless)
  with pytest.raises(UserError, match="no home folder"):
    cache.home(None)


def cut(path):
  path.write_bytes(path.read_bytes()[:-100])


def garble(path):
  data = bytearray(path.read_bytes())
  data[len(data) // 2 :: 7] = b"x" * len(data[len(data) // 2 :: 7])
  path.write_bytes(data)


@pytest.mark.parametrize(
  ("file", "harm"),
  [
    ("table.parquet", cut),
    ("table.parquet", garble),
    ("table.parquet", Path.unlink),
    ("problems.csv", garble),
    ("dataset_info.json", cut),
    ("features.json", Path.unlink),
    ("seal.json", cut),
    ("*array_record*", cut),
    ("*array_record*", garble),
  ],
)
def test_damaged_data_name_the_folder_to_be_removed(folder, home, file, harm):
  open_folder(folder, data_dir=home)
  (place,) = home.glob("dresden/*/1.0.0")
  for path in place.glob(file):
    harm(path)
  with pytest.raises(UserError, match=f"{place}: the prepared data are damaged .*; remove this folder") as error:
    list(open_folder(folder, data_dir=home).records)
  assert "\n" not in str(error.value)
  shutil.rmtree(place)
  assert len(open_folder(folder, data_dir=home).records) == 10


def test_data_without_a_seal_are_made_anew(folder, home):
  open_folder(folder, data_dir=home)
  (seal,) = home.glob("dresden/*/1.0.0/seal.json")
  seal.unlink()
  (seal.parent / "table.parquet").write_bytes(b"")
  assert len(open_folder(folder, data_dir=home).table) == 10


def test_verdicts_and_stores_of_other_rules_are_not_believed(folder, home, monkeypatch):
  before = open_folder(folder, data_dir=home)
  monkeypatch.setattr("fsim.data.dresden.journal.VERSION", 0)
  asked = hashes_of_decoded(monkeypatch)
  after = open_folder(folder, data_dir=home)
  assert len(asked) == 10
  assert after.records.folder != before.records.folder


def test_names_of_any_legal_length_and_letters_are_prepared(folder, home):
  long = folder.rename(folder.with_name("ä" * 120))
  (long / f"Nikon_{'D' * 230}_0_1.JPG").write_bytes(jpegs.jpeg(20))
  (long / 'holiday \r\n =1,"x".JPG').write_bytes(jpegs.jpeg(21))
  images = open_folder(long, data_dir=home)
  assert len(images.table) == 11
  assert images.problems["file"].tolist() == ['holiday \r\n =1,"x".JPG']


def builder_of(folder: Path, home: Path) -> builder.Dresden:
  config = builder.FolderConfig.of(folder, builder.Repairs(merge_d70=True, repair_mju=True), "skip")
  return builder.Dresden(config=config, data_dir=home, file_format="array_record")


def test_real_photographs(realcams, data):
  images = open_folder(realcams, data_dir=data)
  assert len(images.records) == 294
  row = images.table.index[images.table["device"] == "Kodak_Z612_0"][0]
  assert hashlib.sha256(images.records[row]).hexdigest() == images.table["sha256"][row]


def test_a_file_that_goes_away_meanwhile_is_named_in_one_line(folder, home, monkeypatch):
  read = builder.Original.read
  monkeypatch.setattr(builder.Original, "read", lambda original: original.path.unlink() or read(original))
  with pytest.raises(UserError, match=r"Nikon_D70_0_0\.JPG: No such file or directory") as error:
    open_folder(folder, data_dir=home)
  assert "\n" not in str(error.value)
