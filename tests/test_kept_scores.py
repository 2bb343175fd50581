"""Tables of scores that are kept, so that an interrupted validation goes on."""

import pandas as pd
import pytest

from fsim.boundary import outputs
from fsim.boundary.errors import UserError
from fsim.evidence import collecting, kept_scores, selecting
from fsim.evidence.selecting import Labelled
from tests import sensors


@pytest.fixture(scope="module")
def files(tmp_path_factory):
  folder = sensors.folder(tmp_path_factory.mktemp("x") / "x", **{name: (k, range(3)) for k, name in enumerate("abcd")})
  (folder / "d_9.jpg").write_bytes(b"none")
  return [Labelled(path, path.name[0], path.name[0], "") for path in sorted(folder.glob("*"))]


@pytest.fixture
def two_at_a_time(monkeypatch):
  monkeypatch.setattr(selecting, "GROUP", 2)


class Asked:
  """Collects, and counts; fails once so many groups are done."""

  def __init__(self, at_most: int = 100):
    self.groups, self.at_most = [], at_most

  def __call__(self, files, copies):
    if len(self.groups) == self.at_most:
      raise KeyboardInterrupt
    self.groups.append({file.device for file in files})
    return collecting.collect(files, copies=copies)


def test_group_by_group_is_the_same_as_all_at_once(files, two_at_a_time):
  made = kept_scores.collect(files, None)
  scores, left_out = collecting.collect(files)
  assert made.left_out == left_out
  for own, other in zip(made.scores, scores, strict=True):
    pd.testing.assert_frame_equal(own, other)


def test_an_interrupted_one_goes_on_and_gives_the_same(files, two_at_a_time, tmp_path):
  folder = outputs.Folder(tmp_path)
  with pytest.raises(KeyboardInterrupt):
    kept_scores.collect(files, folder, Asked(at_most=1))
  again = Asked()
  made = kept_scores.collect(files, folder, again)
  assert again.groups == [{"c", "d"}]
  whole = kept_scores.collect(files, None)
  pd.testing.assert_frame_equal(made.scores.comparisons, whole.scores.comparisons)
  assert [list(row) for row in made.scores.candidates["references"]] == [
    list(row) for row in whole.scores.candidates["references"]
  ]
  assert (made.left_out, made.digest) == (whole.left_out, whole.digest)


def test_what_was_kept_of_other_photographs_or_another_question_is_not_believed(files, tmp_path):
  folder = outputs.Folder(tmp_path / "kept")
  kept_scores.collect(files, folder, Asked())
  for changed, asked in ((files, "weights"), ([files[0]._replace(model="z"), *files[1:]], ""), (files[1:], "")):
    again = Asked()
    kept_scores.collect(changed, folder, again, asked)
    assert again.groups
  copies = [file._replace(path=tmp_path / file.path.name) for file in files]
  for file, copy in zip(files, copies, strict=True):
    copy.path.write_bytes(file.path.read_bytes())
  first = kept_scores.collect(copies, folder)
  sensors.save(copies[0].path, 99, 0)
  assert kept_scores.collect(copies, folder).digest != first.digest


def test_a_kept_table_that_was_changed_is_not_believed_nor_replaced(files, tmp_path):
  folder = outputs.Folder(tmp_path)
  kept_scores.collect(files, folder)
  (table,) = tmp_path.glob("*.comparisons.parquet")
  table.write_bytes(b"mine")
  with pytest.raises(UserError, match="not as fsim wrote it"):
    kept_scores.collect(files, folder)


def test_no_devices_at_all_give_empty_tables():
  assert all(table.empty for table in kept_scores.collect([], None).scores)


def camera_of(path, device):
  return Labelled(path, device, device, "")


def test_a_picture_of_two_cameras_of_two_groups_is_refused_be_the_first_kept(files, two_at_a_time, tmp_path):
  """Under other metadata: the bytes differ."""
  picture = sensors.save(tmp_path / "d_7.jpg", 1, 0, comment=b"the picture a_1.jpg")
  both, cause = [*files, camera_of(picture, "d")], r"d_7\.jpg: the same picture as .*a_1\.jpg, .* are a and d"
  folder = outputs.Folder(tmp_path / "kept")
  for place in (None, folder, folder):
    with pytest.raises(UserError, match=cause):
      kept_scores.collect(both, place)
  again = Asked()
  with pytest.raises(UserError, match=cause):
    kept_scores.collect(both, folder, again)
  assert again.groups == [{"c", "d"}]


def test_a_file_that_is_replaced_after_it_was_hashed_is_left_out_and_its_group_not_kept(files, tmp_path, monkeypatch):
  copies = [camera_of(tmp_path / file.path.name, file.device) for file in files]
  for file, copy in zip(files, copies, strict=True):
    copy.path.write_bytes(file.path.read_bytes())
  data, size = copies[0].path.read_bytes(), collecting._size
  folder = outputs.Folder(tmp_path / "kept")
  monkeypatch.setattr(collecting, "_size", lambda device: copies[0].path.write_bytes(data[:99]) and size(device))
  made = kept_scores.collect(copies, folder)
  assert made.left_out[0] == (copies[0].path, "changed while it was read")
  assert [path.name for path, _ in made.left_out] == ["a_0.jpg", "d_9.jpg"]
  monkeypatch.undo()
  copies[0].path.write_bytes(data)
  again = Asked()
  assert len(kept_scores.collect(copies, folder, again).left_out) == 1
  assert again.groups
