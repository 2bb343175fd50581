import numpy as np
import pytest

from fsim.boundary.errors import UserError
from fsim.systems import duels, enrolment, nearness
from fsim.systems.duels import Known
from fsim.systems.enrolment import NONE, SILENT

D = 6


def patches(camera, photographs, seed=0, each=8, apart=6.0):
  """Clouds of which each photograph lies a little elsewhere, as content has it."""
  rng = np.random.default_rng((seed, camera))
  centre = apart * np.eye(D)[camera]
  own = centre + rng.normal(size=(photographs, 1, D)) / 2
  return (own + rng.normal(size=(photographs, each, D))).reshape(-1, D).astype(np.float32)


def known(cameras, photographs=8, scenes=None, each=8):
  """`cameras` are numbers of clouds: two of one number are two cameras that nothing tells apart."""
  features = np.concatenate([patches(own, photographs, seed, each) for seed, own in enumerate(cameras)])
  camera = np.repeat(np.arange(len(cameras)), photographs)
  unit = duels.units(camera, scenes or [""] * len(camera))
  image = np.repeat(np.arange(len(camera)), each)
  return Known(features, image, camera, unit, [f"Cam_{k}" for k in range(len(cameras))])


@pytest.fixture(scope="module")
def three():
  return enrolment.enrol(known([0, 1, 2], photographs=24))


@pytest.mark.parametrize("camera", [0, 1, 2])
def test_a_photograph_is_named_by_its_patches(three, camera):
  verdict = enrolment.name(three, patches(camera, 1, seed=99))
  assert (verdict.answer, verdict.nearest, verdict.patches) == (f"Cam_{camera}", f"Cam_{camera}", 8)
  assert verdict.votes[f"Cam_{camera}"] >= 7
  assert verdict.score >= verdict.threshold


def test_a_camera_that_is_not_enrolled_is_none_of_these(three):
  verdict = enrolment.name(three, patches(3, 1, seed=99))
  assert verdict.answer == NONE
  assert verdict.nearest in ("Cam_0", "Cam_1", "Cam_2")
  assert verdict.score < verdict.threshold


def test_too_few_patches_are_no_ground_for_a_statement(three):
  verdict = enrolment.name(three, patches(0, 1, each=3))
  assert (verdict.answer, verdict.nearest, verdict.votes, verdict.score) == (SILENT, "", {}, None)


def test_none_of_these_costs_no_more_of_the_own_photographs_than_is_allowed(three):
  tried = three.left_out
  assert (tried.camera < 0).sum() == int(enrolment.REJECTED * 72) == 3
  said = tried.camera >= 0
  assert (tried.camera[said] == np.repeat([0, 1, 2], 24)[said]).all()


def test_cameras_left_out_in_turn_are_not_accepted_where_all_are_far_apart(three):
  assert three.left_out.accepted.tolist() == [0, 0, 0]


def test_with_two_cameras_no_rate_of_strangers_can_be_given():
  assert enrolment.enrol(known([0, 1])).left_out.accepted.tolist() == [-1, -1]


def test_a_camera_is_left_out_with_what_it_cannot_be_told_from():
  made = enrolment.enrol(known([0, 0, 1, 2], photographs=12))
  assert made.alike[0, 1]
  assert made.left_out.accepted.tolist() == [0, 0, 0, 0]
  assert enrolment.enrol(known([0, 0, 1], photographs=12)).left_out.accepted.tolist() == [-1, -1, 0]


def test_what_cannot_be_told_apart_is_one_answer():
  made = enrolment.enrol(known([0, 0, 1], photographs=12))
  assert made.alike.tolist() == [[True, True, False], [True, True, False], [False, False, True]]
  verdict = enrolment.name(made, patches(0, 1, seed=99))
  assert verdict.answer in ("Cam_0 or Cam_1", "Cam_1 or Cam_0")
  assert enrolment.name(made, patches(1, 1, seed=99)).answer == "Cam_2"


def test_what_cannot_be_told_apart_at_all_is_refused_by_name():
  with pytest.raises(UserError, match="cannot be told apart: Cam_0, Cam_1; left out in turn, their photographs go"):
    enrolment.enrol(known([0, 0]))


def test_cameras_that_nothing_tells_apart_are_hardly_ever_taken_for_two():
  """With as few photographs as are allowed."""
  wrongly = 0
  for seed in range(12):
    rng = np.random.default_rng(seed)
    mixed = known([0, 0, 1], photographs=enrolment.MIN_PHOTOGRAPHS)
    order = np.concatenate([rng.permutation(10), np.arange(10, 15)])
    features = mixed.features.reshape(15, 8, D)[order].reshape(-1, D)
    wrongly += not enrolment.enrol(mixed._replace(features=features)).alike[0, 1]
  assert wrongly <= 1


def test_a_scene_that_gives_a_camera_away_is_left_out_whole():
  """Two cameras that are one, each of whose scenes lies elsewhere: by photograph they would be told apart."""
  rng = np.random.default_rng(0)
  scene = np.repeat(np.arange(8), 4)  # Four of each camera, four photographs of each.
  spots = 4 * rng.normal(size=(8, D))
  spots[:, 0] = 0
  features = (spots[scene][:, None] + rng.normal(size=(32, 8, D))).reshape(-1, D).astype(np.float32)
  third = patches(0, 8, apart=60.0)
  camera = np.concatenate([np.repeat([0, 1], 16), np.full(8, 2)])
  names = ["Cam_0", "Cam_1", "Cam_2"]

  def alike(scenes):
    whole = np.concatenate([features, third])
    given = Known(whole, np.repeat(np.arange(40), 8), camera, duels.units(camera, scenes), names)
    return enrolment.enrol(given).alike[0, 1]

  assert not alike([""] * 40)
  assert alike([f"s{s}" for s in scene] + [""] * 8)


def test_units_are_scenes_where_a_camera_has_two():
  camera = np.array([0, 0, 0, 1, 1, 2, 2])
  units = duels.units(camera, ["x", "x", "y", "x", "x", "x", ""])
  assert units[0] == units[1] != units[2]
  assert len(set(units[3:].tolist())) == 4  # One scene, or none that is known: each photograph alone.
  assert units[3] != units[0]
  shared = duels.units(np.array([0, 0, 1, 1]), ["x", "y", "y", "z"])
  assert shared[1] == shared[2]  # A scene of two cameras is left out of both.


def test_no_machine_has_learned_from_what_it_judges():
  """Photographs whose labels are drawn by lot are given to the right camera no more often than by chance."""
  rng = np.random.default_rng(0)
  features = rng.normal(size=(40, 8, 60)).astype(np.float32)
  camera = np.repeat([0, 1], 20)
  own = features + 2 * rng.normal(size=(40, 1, 60)).astype(np.float32)
  given = Known(own.reshape(-1, 60), np.repeat(np.arange(40), 8), camera, np.arange(40), ["A", "B"])
  whole = duels.fit(given)
  learned = duels.given(given, whole, duels.svm.decisions(whole, given.features))
  honest = duels.given(given, whole, duels.left_out(given, whole))
  assert learned.min() >= 18
  assert honest.mean() < 13


def test_a_camera_that_is_left_out_leaves_nothing_in_the_others_ballots(three):
  decided = np.ones((5, 3))
  ballots = duels.among(three.svms, np.array([0, 2]), decided)
  assert np.isneginf(ballots[:, 1]).all()
  assert (ballots.argmax(1) == 0).all()


def test_features_that_never_vary_do_no_harm():
  given = known([0, 1, 2])
  features = given.features.copy()
  features[:, 4] = 3
  made = enrolment.enrol(given._replace(features=features))
  assert np.isfinite(made.threshold)


def test_nearness_does_not_depend_on_the_number_of_patches_or_the_units_of_features():
  rng = np.random.default_rng(0)
  mixed = rng.normal(size=(D, D))
  x = rng.normal(size=(900, D)) @ mixed
  label = np.repeat([0, 1, 2], 300)
  shape = nearness.shape(nearness.sums(x.astype(np.float32), label, 3), np.arange(3))
  away = (x - shape.means[label]) @ shape.root
  assert np.abs(np.cov(away.T) - np.eye(D)).max() < 1  # Round, but for what the shrinkage leaves.
  few = np.mean([nearness.score(shape, x[k : k + 4], 0) for k in range(0, 300, 4)])
  many = np.mean([nearness.score(shape, x[k : k + 50], 0) for k in range(0, 300, 50)])
  np.testing.assert_allclose(few, many, atol=0.02)
