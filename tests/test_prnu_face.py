"""Fingerprints as a notebook makes them: the same answers as the commands give, of arrays and of files."""

import json

import numpy as np
import pytest

from fsim import commands, prnu
from fsim.boundary.errors import UserError
from fsim.boundary.inputs import Unreadable
from fsim.data import jpeg, photographs
from fsim.prnu import fingerprints
from fsim.prnu.residuals import DEFAULT, residuals
from fsim.prnu.transforms import Transform
from tests import jpegs, sensors


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  return sensors.folder(tmp_path_factory.mktemp("face") / "photos", a=(1, range(10)), b=(2, range(2)))


@pytest.fixture(scope="module")
def paths(folder):
  """References of camera a."""
  return [folder / f"a_{scene}.jpg" for scene in range(8)]


@pytest.fixture(scope="module")
def made(paths):
  return prnu.fingerprint(paths, device="a")


def pixels(path):
  return jpeg.decode(path.read_bytes())


def test_the_names_of_the_room_are_there():
  assert set(prnu.__all__) <= set(dir(prnu))
  for name in prnu.__all__:
    assert getattr(prnu, name) is not None
  with pytest.raises(AttributeError, match="no attribute 'residue'"):
    _ = prnu.residue


def test_a_residual_is_that_of_the_command_of_files_and_arrays(paths):
  image = pixels(paths[0])
  expected = np.asarray(residuals(image[None], DEFAULT))[0]
  for given in (image, paths[0], str(paths[0])):
    np.testing.assert_array_equal(prnu.residual(given), expected)
  several = prnu.residual([paths[0], pixels(paths[1])[:80, :96]])
  np.testing.assert_array_equal(several[0], expected)
  assert several[1].shape == (80, 96)
  np.testing.assert_array_equal(prnu.residual(image[None])[0], expected)


def test_a_fingerprint_is_that_of_the_command(made, paths, tmp_path, capsys):
  out = tmp_path / "a.npz"
  assert commands.main(["fingerprint", *map(str, paths), "--out", str(out), "--device=a"]) == 0
  theirs = prnu.load(out)
  np.testing.assert_allclose(made.estimate, theirs.estimate, atol=2e-3 * np.abs(theirs.estimate).max())
  assert (made.images, made.contents, made.device) == (theirs.images, theirs.contents, "a")
  assert made.checked == theirs.checked == "8 of 8 photographs linked by sensor noise, each with the others"
  capsys.readouterr()


def test_arrays_make_the_same_fingerprint_as_their_files(made, paths):
  again = prnu.fingerprint(np.stack([pixels(path) for path in paths]))
  np.testing.assert_array_equal(again.estimate, made.estimate)
  assert again.contents == made.contents


def test_a_match_says_what_the_command_says(made, folder, tmp_path, capsys):
  file = tmp_path / "a.npz"
  prnu.save(file, made)
  asked = [folder / name for name in ("a_9.jpg", "b_0.jpg", "a_0.jpg")]
  assert commands.main(["match", *map(str, asked), "--against", str(file), "--json"]) == 0
  theirs = json.loads(capsys.readouterr().out)
  for one, said in zip(prnu.match(asked, str(file)), theirs, strict=True):
    assert json.loads(json.dumps(one._asdict())) == said
  ours = prnu.match([pixels(path) for path in asked], made)
  assert [one.answer for one in ours] == ["match", "no match found", "no statement"]
  assert "this very file is one of those" in prnu.match(asked[2], made).reason
  assert "this very picture is one of those" in ours[2].reason
  assert ours[0].pce > ours[0].threshold > ours[1].pce
  assert ours[0].false_alarm == 1e-6


def test_several_fingerprints_raise_the_threshold_together(made, folder):
  one, two = prnu.match(folder / "a_9.jpg", made), prnu.match(folder / "a_9.jpg", [made, made])
  assert [answer.n_hypotheses for answer in (one, *two)] == [1, 2, 2]
  assert [answer.candidate for answer in two] == ["a", "a"]
  assert two[0].threshold > one.threshold
  assert [len(own) for own in prnu.match([folder / "a_9.jpg", folder / "b_0.jpg"], [made])] == [1, 1]


def test_a_turned_image_is_found_if_it_is_looked_for(made, folder):
  turned = np.rot90(pixels(folder / "a_9.jpg"))
  assert prnu.match(turned, made).answer == "no match found"
  found = prnu.match(turned, made, prnu.Search(prnu.all_transforms(turned=True, mirrored=False)))
  assert (found.answer, found.n_hypotheses, found.turns) == ("match", 4, 3)


def test_what_tells_nothing_has_no_statement(made, tmp_path):
  white, small = np.full((160, 160, 3), 255, np.uint8), np.zeros((40, 40, 3), np.uint8)
  (tmp_path / "bad.jpg").write_bytes(jpegs.truncated())
  answers = prnu.match([white, small, white[:100], tmp_path / "bad.jpg", tmp_path / "none.jpg"], made)
  assert {answer.answer for answer in answers} == {"no statement"}
  assert [answer.usable for answer in answers] == [True, True, True, False, False]
  assert "over-exposed" in answers[0].reason
  assert "too small" in answers[1].reason
  assert all(answer.pce is None for answer in answers)


def test_what_is_left_out_of_a_fingerprint_is_warned_of(paths, folder, tmp_path):
  (tmp_path / "bad.jpg").write_bytes(jpegs.truncated())
  other = pixels(paths[0])[:96, :96]
  mixed = [*paths, paths[0], folder / "b_0.jpg", tmp_path / "bad.jpg", other]
  with pytest.warns(UserWarning, match="left out") as caught:
    found = prnu.fingerprint(mixed, device="a")
  said = [str(warning.message) for warning in caught]
  assert len(said) == 4
  for file, cause in {"a_0.jpg": "a copy", "b_0.jpg": "not linked", "bad.jpg": "", "image 11": "96x96 pixels"}.items():
    assert any(file in line and cause in line for line in said), (file, said)
  assert len(found.images) == 8
  with pytest.warns(UserWarning, match="left out"):
    assert len(prnu.fingerprint(mixed, trusted=True).images) == 9


def test_images_of_two_cameras_make_no_fingerprint(folder):
  half = [folder / f"{name}_{scene}.jpg" for name in "ab" for scene in range(2)]
  with pytest.raises(UserError, match="no camera has more than half"):
    prnu.fingerprint(half)


def test_no_image_no_fingerprint(tmp_path):
  with pytest.raises(UserError, match="none of 0 images"):
    prnu.fingerprint([])
  (tmp_path / "a.jpg").write_bytes(jpegs.greyscale())
  with (
    pytest.raises(UserError, match="none of 1 images"),
    pytest.warns(UserWarning, match=r"a\.jpg: left out, greyscale"),
  ):
    prnu.fingerprint([tmp_path / "a.jpg"])
  with pytest.raises(UserError, match="no image is left"), pytest.warns(UserWarning, match="over-exposed"):
    prnu.fingerprint([np.full((160, 160, 3), 255, np.uint8)])


@pytest.mark.parametrize(
  ("search", "cause"),
  [
    (prnu.Search(alpha=0.7), "false-alarm probability"),
    (prnu.Search(reach=-1), "a reach from 0"),
    (prnu.Search(reach=2.5), "in whole pixels"),
    (prnu.Search(transforms=()), "at least one transform"),
    (prnu.Search([Transform(scale=0.0)]), "a scale above 0"),
    (prnu.Search([Transform(), Transform(scale=float("nan"))], None), "a scale above 0"),
    (prnu.Search([Transform(scale=float("inf"))], None), "a scale above 0"),
    (prnu.Search(settings=prnu.Settings(levels=0)), "levels must be from 1"),
  ],
)
def test_an_impossible_search_is_refused(search, cause, made, folder):
  with pytest.raises(UserError, match=cause):
    prnu.match(folder / "a_9.jpg", made, search)


@pytest.mark.parametrize(
  ("settings", "cause"),
  [
    ({"sigma": float("nan")}, "the setting sigma is of another kind"),
    ({"sigma": -1.0}, "sigma must be above 0"),
    ({"levels": 99}, "levels must be from 1 to"),
    ({"levels": 2.5}, "the setting levels is of another kind"),
    ({"noise": "other"}, "noise must be one of"),
    ({"noise": "learned", "sigma": 3.0}, "learned noise has no other settings"),
  ],
)
def test_settings_that_no_file_may_have_make_no_residual_and_no_fingerprint(settings, cause, paths):
  wrong = prnu.Settings(**settings)
  with pytest.raises(UserError, match=cause):
    prnu.residual(paths[0], wrong)
  with pytest.raises(UserError, match=cause):
    prnu.fingerprint(paths, settings=wrong)


def test_a_photograph_that_was_read_makes_the_fingerprint_of_its_file(paths):
  found = prnu.fingerprint([photographs.read(paths[0]), *paths[1:3]], trusted=True)
  assert found.images == prnu.fingerprint(paths[:3], trusted=True).images


def test_files_that_are_none_are_named(made, folder, tmp_path):
  (tmp_path / "photo.jpg").write_bytes(b"")
  with pytest.raises(Unreadable, match=r"photo\.jpg: empty file"):
    prnu.residual(tmp_path / "photo.jpg")
  with pytest.raises(Unreadable, match=r"photo\.jpg: not a fingerprint"):
    prnu.load(tmp_path / "photo.jpg")
  with pytest.raises(Unreadable, match=r"none\.npz"):
    prnu.match(folder / "a_9.jpg", tmp_path / "none.npz")
  with pytest.raises(UserError, match=r"float32 of shape \(160, 160, 3\)"):
    prnu.match(np.zeros((160, 160, 3), np.float32), made)
  with pytest.raises(UserError, match="exists and is not as fsim wrote it"):
    prnu.save(tmp_path / "photo.jpg", made)


def test_a_saved_fingerprint_is_loaded_again(made, tmp_path):
  prnu.save(tmp_path / "a.npz", made)
  again = prnu.load(str(tmp_path / "a.npz"))
  assert isinstance(again, fingerprints.Fingerprint)
  assert again._replace(estimate=0, weight=0) == made._replace(estimate=0, weight=0)
