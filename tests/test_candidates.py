"""What is named after --against: files, and fingerprints in folders."""

import os

import pytest

from fsim.boundary.inputs import Unreadable
from fsim.prnu.candidates import candidate, candidates


def test_fingerprints_are_found_through_links_and_whatever_the_case_of_their_suffix(tmp_path):
  store, elsewhere = tmp_path / "store", tmp_path / "elsewhere"
  for place in (store / "a", elsewhere):
    place.mkdir(parents=True)
  (store / "a" / "one.npz").write_bytes(b"")
  (store / "TWO.NPZ").write_bytes(b"")
  (store / ".hidden.npz").write_bytes(b"")
  (store / "three.npz.part").write_bytes(b"")
  (elsewhere / "four.npz").write_bytes(b"")
  (store / "linked").symlink_to(elsewhere)
  (store / "a" / "round").symlink_to(store)
  assert candidates([store]).paths == [store / "TWO.NPZ", store / "a" / "one.npz", store / "linked" / "four.npz"]


def test_every_other_file_of_a_folder_is_named_with_its_cause(tmp_path):
  for name in ("one.npz", ".hidden.npz", "kodak.jpg", "kodak", "README"):
    (tmp_path / name).write_bytes(b"")
  os.mkfifo(tmp_path / "pipe")
  paths, passed_over = candidates([tmp_path, tmp_path])
  end = "and of a folder only fingerprints (.npz) are taken"
  assert paths == [tmp_path / "one.npz"]
  assert {path.name: cause for path, cause in passed_over} == {
    ".hidden.npz": "hidden file",
    "README": f"its name does not end in .npz, {end}",
    "kodak": f"its name does not end in .npz, {end}",
    "kodak.jpg": f"a photograph, {end}",
    "pipe": "not a regular file",
  }
  assert len(passed_over) == 5
  paths, passed_over = candidates([tmp_path, tmp_path / "kodak.jpg"])
  assert paths == [tmp_path / "one.npz", tmp_path / "kodak.jpg"]
  assert len(passed_over) == 4


def test_an_index_in_the_store_is_no_candidate(tmp_path):
  (tmp_path / "index" / "signs").mkdir(parents=True)
  for name in ("one.npz", "index/signs/x.npz"):
    (tmp_path / name).write_bytes(b"")
  assert candidates([tmp_path], tmp_path / "index") == ([tmp_path / "one.npz"], [])


def test_a_folder_that_cannot_be_entered_is_a_candidate_that_cannot_be_used(tmp_path, monkeypatch):
  """And not passed over: the camera in question may be in it."""
  (tmp_path / "closed").mkdir()
  (tmp_path / "one.npz").write_bytes(b"")
  of = os.listdir

  def closed(path):
    if os.fspath(path).endswith("closed"):
      raise PermissionError(13, "Permission denied", os.fspath(path))
    return of(path)

  monkeypatch.setattr(os, "listdir", closed)
  assert candidates([tmp_path]).paths == [tmp_path / "one.npz", tmp_path / "closed"]
  with pytest.raises(Unreadable, match="closed: folder cannot be read: Permission denied"):
    candidate(tmp_path / "closed")


@pytest.mark.parametrize("name", ["x" * 5000, "no/such/file.npz", "loop/x.npz"])
def test_names_that_the_system_refuses_are_one_candidate_each(name, tmp_path):
  (tmp_path / "loop").symlink_to(tmp_path / "loop")
  path = tmp_path / name
  assert candidates([path, tmp_path / "none"]).paths == [path, tmp_path / "none"]
  with pytest.raises(Unreadable):
    candidate(path)
