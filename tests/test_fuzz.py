"""A hundredth of what `python -m benchmarks.fuzz` tries, and whether it would see what it looks for."""

import numpy as np
import pytest
import simplejpeg

from benchmarks import fuzz, fuzz_commands, fuzz_loaders, fuzz_readers
from benchmarks.fuzz_commands import Called, Command
from benchmarks.fuzz_readers import Verdict, by_photographs
from fsim.boundary.errors import UserError
from fsim.commands import check
from fsim.data import photographs


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
  monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "home"))
  return tmp_path / "home"


def found(numbers, *readers):
  """The faults of these readers."""
  outcomes = fuzz.read(0, numbers, {reader.__name__: reader for reader in readers}, None)
  return {fault for outcome in outcomes for fault in outcome.faults}


def test_a_hundred_mutated_photographs():
  outcomes = fuzz.read(0, range(100), fuzz_readers.READERS, None)
  assert fuzz.faults(outcomes) == []
  counts = fuzz.table(outcomes)
  assert len(counts) == len(fuzz.MUTATIONS) + 1
  assert counts.loc["as made", "accepted"] == counts.loc["as made", "files"] == 4
  assert counts.loc["all", "refused"] > 30


def test_a_folder_of_them_is_checked_as_its_files_are_read(tmp_path):
  fuzz_commands.fill(tmp_path, 0, 0)
  causes = {path: photographs.read(path).problem for path in sorted(tmp_path.iterdir())}
  called = fuzz_commands.call(check.main, [tmp_path, "--json"])
  outcomes = list(fuzz_commands.compare(0, Command("check", check.main, []), called, causes))
  assert fuzz.faults(outcomes) == []
  assert len(outcomes) == fuzz_commands.WHOLE + fuzz_commands.MUTATED


def test_ten_of_every_other_kind_of_file(home):
  outcomes = list(fuzz_loaders.through(0, 10, home, None))
  assert fuzz.faults(outcomes) == []
  assert set(fuzz.table(outcomes).index) == {
    "fingerprint files",
    "unfinished fingerprints",
    "tables",
    "journals",
    "all",
  }


def swallows_damage(path):
  try:
    return Verdict("", simplejpeg.decode_jpeg(path.read_bytes(), "RGB", fastupsample=False, strict=False))
  except ValueError:
    return Verdict("no JPEG")


def refuses_all(path):
  return Verdict("no JPEG")


def raises(path):
  raise ZeroDivisionError(path)


def takes_memory(path):
  return by_photographs(path)._replace(cause=f"no JPEG{np.ones(10_000_000).sum()}")


def shifts_pixels(path):
  verdict = by_photographs(path)
  return verdict if verdict.cause else verdict._replace(pixels=np.roll(verdict.pixels, 1))


def test_readers_that_err_are_found(monkeypatch):
  monkeypatch.setattr(fuzz_readers, "BYTES", 50e6)
  kinds = range(len(fuzz.MUTATIONS))
  assert "wrongly accepted" in found(kinds, swallows_damage)
  assert "disagreement" in found(kinds, by_photographs, swallows_damage)
  assert found(kinds, refuses_all) == {"wrongly refused"}
  assert "exception" in found([0], raises)
  assert "heavy" in found([0], takes_memory)
  assert found([0], shifts_pixels) == {"other pixels"}
  monkeypatch.setattr(fuzz_readers, "SECONDS", 0.0)
  assert found([0], by_photographs) == {"slow"}


def test_faults_are_kept_with_their_input(tmp_path):
  fuzz.read(0, [0], {"all": refuses_all}, tmp_path)
  assert [path.read_bytes() for path in tmp_path.iterdir()] == [fuzz.mutated(0, 0)[1]]


def test_a_file_that_lacks_one_byte_is_whole_and_one_that_lacks_two_is_not(tmp_path):
  _, _, original = fuzz.mutated(0, 0)
  outcomes = []
  for lost in (1, 2):
    path = tmp_path / f"{lost}.jpg"
    path.write_bytes(original[: len(original) - original.endswith(b"\xd9") - lost + 1])
    outcomes.append(fuzz_readers.examine(0, "cut", path, original, {"reader": by_photographs}))
  assert [bool(outcome.cause) for outcome in outcomes] == [False, True]
  assert not any(outcome.faults for outcome in outcomes)


@pytest.mark.parametrize(
  ("said", "fault"),
  [
    (Called(0, '{"left_out": [{"file": "photos/a.jpg", "cause": "damaged JPEG: cut"}]}', ""), None),
    (Called(0, '{"left_out": []}', ""), "disagreement"),
    (Called(0, '{"left_out": [{"file": "b.jpg", "cause": "damaged JPEG: cut"}]}', ""), "disagreement"),
    (Called(0, '{"pce": NaN}', ""), "disagreement"),
    (Called(1, "", "Traceback\nKeyError: 1"), "exception"),
  ],
)
def test_commands_that_err_are_found(tmp_path, said, fault):
  causes = {tmp_path / "a.jpg": "damaged JPEG: cut", tmp_path / "b.jpg": ""}
  outcomes = fuzz_commands.compare(0, Command("check", check.main, []), said, causes)
  assert {fault for outcome in outcomes for fault in outcome.faults} == ({fault} if fault else set())


def test_what_users_cause_is_an_answer_and_what_we_cause_is_not():
  def fails_by(error):
    def main(arguments):
      raise error

    return fuzz_commands.call(main, [])

  assert fails_by(UserError("x.npz: damaged")) == Called(1, "fsim: x.npz: damaged", "")
  assert fails_by(SystemExit(2)).code == 2
  assert "KeyError" in fails_by(KeyError("format")).traceback


def test_it_judges_without_the_program_of_libjpeg_too_and_says_so(monkeypatch):
  monkeypatch.setattr(fuzz_readers, "which", lambda name: None)
  assert "no judge apart from fsim's own library" in fuzz_readers.judge()
  kinds = range(len(fuzz.MUTATIONS))
  assert found(kinds, by_photographs) == set()
  assert "wrongly accepted" in found(kinds, swallows_damage)
