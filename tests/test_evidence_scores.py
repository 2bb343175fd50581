"""One photograph against references of imaginary cameras whose sensors have a strong pattern."""

import math

import numpy as np
import pytest

from fsim.boundary.errors import UserError
from fsim.data import given
from fsim.evidence import looks, scores
from fsim.prnu.residuals import SMALLEST
from tests import sensors

CUT = np.s_[sensors.CUT[1] : sensors.CUT[3], sensors.CUT[0] : sensors.CUT[2]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  return sensors.folder(tmp_path_factory.mktemp("scores") / "all", own=(1, range(6)), other=(2, range(3)))


@pytest.fixture(scope="module")
def camera(folder):
  return scores.known([folder / f"own_{k}.jpg" for k in range(4)])


def pixels(path):
  return given.pixels(path)


def test_the_same_camera_is_found_and_another_is_not(folder, camera):
  own, other = (scores.score(folder / name, camera, search=False) for name in ("own_5.jpg", "other_0.jpg"))
  assert own.aligned > 8 > 4 > other.aligned
  assert own.false_alarm < other.false_alarm
  assert own.pixels == sensors.SIDE**2


def test_an_aligned_photograph_pays_for_no_search_that_it_did_not_need(folder, camera):
  alone, searched = (scores.score(folder / "own_5.jpg", camera, search=search) for search in (False, True))
  assert (alone.tried, alone.n_looks) == (("aligned",), 1)
  assert (searched.tried, searched.n_looks) == (("aligned",), 2)
  assert searched.z == alone.z
  assert searched.aligned < alone.aligned


def test_every_look_counts(folder, camera):
  found = scores.score(folder / "other_0.jpg", camera)
  assert found.tried == ("aligned", "turned", "cut", "cut and resized")
  assert found.n_looks >= 2
  assert found.aligned == pytest.approx(looks.aligned(found.z, found.n_looks))
  assert found.aligned < 4


@pytest.mark.parametrize(
  ("change", "stage", "turns"),
  [(lambda x: np.rot90(x), "turned", 3), (lambda x: x[:, ::-1], "turned", 0), (lambda x: x[CUT], "cut", 0)],
)
def test_what_was_done_to_a_photograph_is_found(folder, camera, change, stage, turns):
  found = scores.score(np.ascontiguousarray(change(pixels(folder / "own_5.jpg"))), camera)
  assert found.stage == stage
  assert found.found.transform.turns == turns
  assert found.aligned > 5
  if stage == "cut":
    assert found.found.shift == (16, 8)
    assert found.n_looks > 1000
    assert found.pixels == 112 * 120


def test_references_in_any_order_give_the_same(folder, camera):
  turned = scores.known([folder / f"own_{k}.jpg" for k in (2, 0, 3, 1)])
  first, second = (scores.score(folder / "own_5.jpg", known, search=False).z for known in (camera, turned))
  assert second == pytest.approx(first, rel=1e-3)
  assert turned.agreement == pytest.approx(camera.agreement, rel=1e-3)


def test_a_single_reference_is_compared_as_an_image(folder):
  single = scores.known([folder / "own_0.jpg"])
  assert single.fingerprint is None
  assert single.agreement is None
  assert single.candidate.single
  assert scores.score(folder / "own_5.jpg", single, search=False).aligned > 4


def test_references_of_one_camera_agree(camera):
  assert camera.agreement > 6
  assert len(camera.qualities) == 4
  assert camera.square == sensors.SIDE**2


def test_a_foreign_reference_is_left_out_and_named(folder):
  known = scores.known([*(folder / f"own_{k}.jpg" for k in range(4)), folder / "other_0.jpg"])
  assert [path.name for path, _ in known.left_out] == ["other_0.jpg"]
  assert len(known.qualities) == 4


def test_references_of_two_cameras_are_refused(folder):
  with pytest.raises(UserError, match="camera"):
    scores.known([folder / name for name in ("own_0.jpg", "own_1.jpg", "other_0.jpg", "other_1.jpg")])


def test_no_reference_that_can_be_used_is_refused(folder, tmp_path):
  (tmp_path / "no.jpg").write_bytes(b"none")
  with pytest.raises(UserError):
    scores.known([tmp_path / "no.jpg"])
  with pytest.raises(UserError, match="image 0: under-exposed"):
    scores.known([dark(sensors.SIDE)])


def dark(side):
  return np.zeros((side, side, 3), np.uint8)


@pytest.mark.parametrize(
  ("make", "reason"),
  [
    (lambda folder: folder / "own_1.jpg", "one of those the fingerprint was made of"),
    (lambda folder: pixels(folder / "own_1.jpg"), "one of those the fingerprint was made of"),
    (lambda folder: folder / "missing.jpg", "No such file"),
    (lambda folder: dark(sensors.SIDE), "under-exposed"),
    (lambda folder: dark(sensors.SIDE) + 255, "over-exposed"),
    (lambda folder: dark(sensors.SIDE) + 128, "no noise left"),
    (lambda folder: dark(SMALLEST - 1), "too small"),
  ],
)
def test_no_statement_has_its_reason_and_no_numbers(folder, camera, make, reason):
  found = scores.score(make(folder), camera)
  assert reason in found.reason
  assert found[2:6] == (None,) * 4


def test_another_size_without_a_search_is_no_statement(folder, camera):
  found = scores.score(pixels(folder / "own_5.jpg")[CUT], camera, search=False)
  assert "sizes differ: 120x112 here, 160x160 there" in found.reason


def test_the_surface_has_the_peak_in_its_middle(folder, camera):
  found = scores.score(pixels(folder / "own_5.jpg")[CUT], camera)
  row, column = np.unravel_index(found.surface.z.argmax(), found.surface.z.shape)
  assert (found.surface.row + row, found.surface.column + column) == found.found.shift
  assert found.surface.z.max() == pytest.approx(math.sqrt(found.found.pce), rel=1e-3)


class Colours:
  """In place of a network: the mean colour is the feature."""

  def embeddings(self, image):
    if image.mean() < 1:
      raise UserError("no statement: 0 patches have texture enough")
    return image.mean((0, 1))[None].astype(np.float32)

  def image_log_odds(self, a, b):
    return -np.abs(np.stack(a) - np.stack(b)[:, 0]).sum(-1)


def test_the_similarity_is_the_mean_over_references(folder):
  known = scores.known([folder / "own_0.jpg", folder / "own_1.jpg"], Colours())
  found = scores.score(folder / "own_5.jpg", known, Colours(), search=False)
  means = [Colours().embeddings(pixels(folder / f"own_{k}.jpg")) for k in (5, 0, 1)]
  assert found.similarity == pytest.approx(-np.mean([np.abs(means[0] - means[k]).sum() for k in (1, 2)]), rel=1e-5)


def test_without_a_network_there_is_no_similarity(folder, camera):
  assert scores.score(folder / "own_5.jpg", camera, search=False).similarity is None


def test_too_few_patches_leave_the_noise_alone_to_say_something(folder, camera):
  found = scores.score(folder / "own_5.jpg", camera, Colours(), search=False)
  assert found.similarity is None
  assert "no reference" in found.no_similarity
  assert found.aligned > 8
