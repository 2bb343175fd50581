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

  def __call__(self, files):
    if len(self.groups) == self.at_most:
      raise KeyboardInterrupt
    self.groups.append({file.device for file in files})
    return collecting.collect(files)


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
