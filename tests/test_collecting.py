"""Photographs of imaginary cameras -> tables of scores -> trials."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import calibrated_scores
from fsim.boundary.errors import UserError
from fsim.data import photographs
from fsim.evidence import collecting, copies, learning, scores, selecting
from fsim.evidence.collecting import Variant
from fsim.evidence.selecting import Labelled
from fsim.metrics.scores import OTHER_MODEL, SAME_DEVICE, SAME_MODEL
from tests import sensors
from tests.test_pictures import files as files_of
from tests.test_pictures import photograph, saved

CAMERAS = {"a": "A", "b": "A", "c": "C"}  # Device -> model.


@pytest.fixture(scope="module")
def made(tmp_path_factory):
  folder = sensors.folder(tmp_path_factory.mktemp("x") / "x", a=(1, range(7)), b=(2, range(7)), c=(3, range(3)))
  (folder / "c_9.jpg").write_bytes(b"none")
  files = [Labelled(path, path.name[0], CAMERAS[path.name[0]], "") for path in sorted(folder.glob("*"))]
  return collecting.collect(files, [Variant(side=96, quality=80)])


def labels(scenes: str) -> list[Labelled]:
  return [Labelled(Path(f"{k}.jpg"), "a", "A", scene) for k, scene in enumerate(scenes)]


def test_references_and_questioned_photographs_share_no_scene():
  device = selecting.divided(labels("xxxyyyzzzw"))["a"]
  assert {file.scene for file in device.references} == {"x", "y"}
  assert {file.scene for file in device.queries} == {"z", "w"}


def test_photographs_of_one_scene_or_of_none_are_halved():
  for scenes in ("xxxxxx", ""):
    device = selecting.divided(labels(scenes) if scenes else [f._replace(scene="") for f in labels("xxxxxx")])["a"]
    assert [len(part) for part in device] == [3, 3]
    assert not {f.path for f in device.references} & {f.path for f in device.queries}


def test_no_device_gives_more_than_is_needed():
  device = selecting.divided(labels("x" * 100))["a"]
  assert [len(part) for part in device] == [max(selecting.COUNTS), selecting.QUERIES]


def test_devices_of_one_model_are_compared_with_each_other():
  models = {f"{k:03}": f"M{k % 50}" for k in range(100)}
  groups = list(selecting.groups(models))
  assert sorted(name for group in groups for name in group) == sorted(models)
  assert max(map(len, groups)) <= selecting.GROUP
  assert sum(len({models[name] for name in group}) < len(group) for group in groups) == len(groups)


def test_a_file_that_cannot_be_used_is_named_and_costs_no_other(made):
  (left_out,) = made[1]
  assert left_out[0].name == "c_9.jpg"


def test_own_devices_score_above_others(made):
  data = learning.data_of(made[0])
  same = data.truths.hypothesis == SAME_DEVICE
  assert set(data.truths.hypothesis) == {SAME_DEVICE, SAME_MODEL, OTHER_MODEL}
  assert np.median(data.trials.z[same]) > 4 > np.abs(data.trials.z[~same]).max()


def test_no_photograph_is_held_against_itself(made):
  photographs, candidates, comparisons = made[0]
  for row in comparisons.itertuples():
    own = photographs["file"][row.questioned]
    assert own not in photographs["file"][list(candidates["references"][row.candidate])].tolist()


def test_more_references_show_more(made):
  data = learning.data_of(made[0])
  same = data.truths.hypothesis == SAME_DEVICE
  count = np.array([len(one.features) for one in data.trials.references])[data.trials.which]
  assert set(count) == {1, 2}
  assert data.trials.z[same & (count == 2)].mean() > data.trials.z[same & (count == 1)].mean()


def test_changed_photographs_are_described_as_they_are(made):
  photographs = made[0].photographs
  cut, whole = photographs[photographs["side"] == 96], photographs[photographs["side"] == 0]
  assert set(cut["pixels"]) == {96**2}
  assert set(whole["pixels"]) == {sensors.SIDE**2}
  assert cut["step"].min() > whole["step"].max()


def test_the_agreement_of_references_is_known_where_there_are_several(made):
  for row in made[0].candidates.itertuples():
    assert np.isnan(row.agreement) == (len(row.references) == 1)
    assert np.isnan(row.agreement) or row.agreement > 3


class Colours:
  """In place of a network: the mean colour is the feature; of what is dark nothing can be said."""

  def embeddings(self, image):
    if image.mean() < 125:
      raise UserError("no statement: 0 patches have texture enough")
    return np.stack([image.mean((0, 1)), image[:20].mean((0, 1))]).astype(np.float32)

  def image_log_odds(self, a, b):
    return -np.abs(np.stack(a).mean(1)[:, None] - np.stack(b).mean(1)).sum(-1)


def test_tables_without_comparisons_or_photographs_are_left_as_they_are(tmp_path):
  folder = sensors.folder(tmp_path / "x", a=(1, range(1)), b=(2, range(1)))
  one_each = [Labelled(path, path.name[0], path.name[0], "") for path in sorted(folder.glob("*"))]
  for files in (one_each, []):
    found, _ = collecting.collect(files, similarity=Colours())
    assert found.comparisons.empty


def test_the_similarity_is_what_a_question_would_get(tmp_path):
  folder = sensors.folder(tmp_path / "x", a=(1, range(7)), b=(2, range(7)))
  files = [Labelled(path, path.name[0], path.name[0], "") for path in sorted(folder.glob("*"))]
  found, _ = collecting.collect(files, [Variant(side=96, quality=80)], Colours())
  photographs, candidates, comparisons = found
  checked = 0
  for row in comparisons[~(photographs["side"][comparisons["questioned"]] > 0).to_numpy()].itertuples():
    references = [folder / photographs["file"][k] for k in candidates["references"][row.candidate]]
    camera = scores.known(references, Colours(), trusted=True)
    asked = scores.score(folder / photographs["file"][row.questioned], camera, Colours(), search=False)
    if asked.similarity is None:
      assert np.isnan(row.similarity)
    else:
      assert row.similarity == pytest.approx(asked.similarity, rel=1e-6)
      checked += 1
  assert 0 < checked < len(comparisons) / 2
  changed = comparisons[(photographs["side"][comparisons["questioned"]] > 0).to_numpy()]
  assert changed["similarity"].notna().any()
  from_files = calibrated_scores.with_similarity(found, Colours()).comparisons["similarity"]
  np.testing.assert_array_equal(from_files, comparisons["similarity"])
  learned = calibrated_scores.with_similarity(found, Colours(), without={"a"}).comparisons["similarity"]
  of_b = (photographs["device"][comparisons["questioned"]] == "b").to_numpy().copy()
  of_b &= (candidates["device"][comparisons["candidate"]] == "b").to_numpy()
  assert learned[~of_b].isna().all()
  assert learned[of_b].equals(comparisons["similarity"][of_b])


def test_a_copy_of_a_reference_is_not_asked_about(tmp_path):
  """Byte for byte, under other metadata, or saved again: its correlation would pass for that of one device."""
  folder = sensors.folder(tmp_path / "x", a=(1, range(4)), b=(2, range(4)))
  (folder / "a_5.jpg").write_bytes((folder / "a_0.jpg").read_bytes())
  (folder / "a_6.jpg").write_bytes(sensors.data(20, 1, comment=b"another file"))
  files = [Labelled(path, path.name[0], path.name[0], "") for path in sorted(folder.glob("*"))]
  found, left_out = collecting.collect(files, [])
  first = folder / "a_0.jpg"
  assert left_out == [(folder / f"a_{k}.jpg", f"a copy of {first}") for k in (5, 6)]
  assert not copies.lost(left_out)
  assert sorted(found.photographs["file"]) == sorted([f"{name}_{k}.jpg" for name in "ab" for k in range(4)])
  assert copies.lost([*left_out, (first, "damaged")])


def test_a_reference_that_was_saved_again_is_not_asked_about(tmp_path):
  several = [photograph(seed, 1) for seed in range(4)]
  paths = files_of(tmp_path / "x", *several, saved(several[0], 60))
  _, left_out = collecting.collect([Labelled(path, "a", "A", "") for path in paths], [])
  (path, cause) = left_out[0]
  assert (path, len(left_out)) == (paths[4], 1)
  assert cause.startswith(f"{copies.COPY} a reference: it shows the same as {paths[0]}")


def test_a_picture_of_two_cameras_is_refused(tmp_path):
  folder = sensors.folder(tmp_path / "x", a=(1, range(3)), b=(2, range(3)))
  (folder / "b_9.jpg").write_bytes((folder / "a_0.jpg").read_bytes())
  files = [Labelled(path, path.name[0], path.name[0], "") for path in sorted(folder.glob("*"))]
  with pytest.raises(UserError, match=r"b_9\.jpg: the same picture as .*a_0\.jpg, and their cameras are a and b"):
    collecting.collect(files, [])


def test_a_photograph_of_another_size_costs_its_device_no_other(tmp_path):
  """Be it the first or asked about; where the middle alone is looked at, it is another part of the sensor."""
  folder = sensors.folder(tmp_path / "x", a=(1, range(6)), b=(2, range(6)))
  for camera, name in enumerate(("a_0", "b_5"), 1):
    sensors.save(folder / f"{name}.jpg", 60 + camera, camera, sensors.CUT)
  files = [Labelled(path, path.name[0], path.name[0], "") for path in sorted(folder.glob("*"))]
  for side in (collecting.SIDE, 96):
    with pytest.MonkeyPatch.context() as patch:
      patch.setattr(collecting, "SIDE", side)
      found, left_out = collecting.collect(files, [])
    cause = "120x112 pixels, and most of its device 160x160"
    assert left_out == [(folder / f"{name}.jpg", cause) for name in ("a_0", "b_5")]
    asked = set(found.photographs["file"][found.comparisons["questioned"]])
    assert asked == {"a_3.jpg", "a_4.jpg", "a_5.jpg", "b_3.jpg", "b_4.jpg"}
    assert found.candidates["references"].map(len).tolist() == [1, 2, 1, 2]


def test_nothing_is_read_again_so_that_a_file_which_is_replaced_costs_nothing(tmp_path, monkeypatch):
  """With the similarity too: all is of the bytes that were decoded."""
  folder = sensors.folder(tmp_path / "x", a=(1, range(4)), b=(2, range(4)))
  files = [Labelled(path, path.name[0], path.name[0], "") for path in sorted(folder.glob("*"))]
  whole, _ = collecting.collect(files, [], Colours())

  def replaced(paths):
    for one in photographs.read_all(paths):
      one.path.write_bytes(b"")
      yield one

  monkeypatch.setattr(collecting, "read_all", replaced)
  found, left_out = collecting.collect(files, [], Colours())
  assert left_out == []
  for own, other in zip(found, whole, strict=True):
    pd.testing.assert_frame_equal(own, other)
