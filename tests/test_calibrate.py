"""`fsim calibrate`."""

import contextlib
import csv
import functools
import hashlib
import io
import json

import pytest
from scipy.optimize import minimize

from fsim import weights
from fsim.boundary import console
from fsim.boundary.errors import UserError
from fsim.commands import calibrate
from fsim.data.public import recipe
from fsim.evidence import fitting, learning, saved, unlearned
from fsim.evidence.learning import Learned
from fsim.metrics.scores import OTHER_MODEL, SAME_MODEL
from tests import predictors, sensors
from tests.test_saved_calibration import MADE

DEVICES = 8  # Of four models.


@pytest.fixture(scope="module")
def similarity(tmp_path_factory):
  """A stand-in for the weights that came with fsim; their SHA-256."""
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(
      weights, "FOLDER", predictors.weights(tmp_path_factory.mktemp("weights") / "all", "similarity").parent
    )
    yield weights.default("compare").description.sha256


@pytest.fixture(scope="module")
def made(tmp_path_factory, similarity):
  """Exit code, what was printed as JSON, and the file."""
  folder = tmp_path_factory.mktemp("calibrate")
  (folder / "cameras").mkdir()
  for camera in range(DEVICES):
    for scene in range(4):
      name = f"Make_M{camera // 2}_{camera % 2}_{scene}.JPG"
      sensors.save(folder / "cameras" / name, 20 * camera + scene, camera)
  (folder / "cameras" / "Make_M0_0_9.JPG").write_bytes(b"none")
  own = folder / "own.json"
  with contextlib.redirect_stdout(io.StringIO()) as printed, pytest.MonkeyPatch.context() as patch:
    patch.setattr(learning, "FOLDS", 2)  # Each is learned anew, which is most of what these tests would take, but for:
    patch.setattr(fitting, "minimize", functools.partial(minimize, options={"maxiter": 15}))
    code = calibrate.main([str(folder / "cameras"), f"--out={own}", "--json", f"--export={folder / 'own.csv'}"])
  return code, json.loads(printed.getvalue()), own


def test_a_calibration_is_made_of_cameras_and_read_again(made):
  found = saved.load(made[2])
  assert set(found.lines) == {SAME_MODEL, OTHER_MODEL}
  assert found.lines[OTHER_MODEL].devices == DEVICES
  assert found.lines[OTHER_MODEL].pairs == DEVICES * (DEVICES - 2) // 2
  assert found.lines[SAME_MODEL].pairs == DEVICES // 2
  assert found.card == made[1]


def test_a_photograph_that_cannot_be_used_ends_with_1(made):
  assert made[0] == console.INCOMPLETE


def test_the_card_says_what_devices_left_out_got(made):
  figures = made[1]["figures"]
  assert figures[f"Cllr, against {OTHER_MODEL}"] < 0.5
  assert figures[f"Cllr_min, against {OTHER_MODEL}"] <= figures[f"Cllr, against {OTHER_MODEL}"]
  assert set(made[1]["left_out"]) == {SAME_MODEL, OTHER_MODEL}


def test_the_similarity_that_came_with_fsim_is_learned_and_named(made, similarity):
  assert saved.load(made[2]).fused is not None
  assert made[1]["similarity"] == similarity
  assert f"Spearman of noise and similarity, {OTHER_MODEL}" in made[1]["figures"]
  assert 0 < made[1]["figures"][f"its p if independent, {OTHER_MODEL}"] <= 1


def test_without_weights_noise_alone_is_learned(tmp_path, monkeypatch):
  (tmp_path / "none").mkdir()
  monkeypatch.setattr(weights, "FOLDER", tmp_path / "none")
  (tmp_path / "cameras").mkdir()
  sensors.folder(tmp_path / "cameras" / "a", x=(1, range(2)))
  digests = []
  monkeypatch.setattr(learning, "learn", lambda *given: digests.append(given[-1]) or Learned(MADE, None, {}))
  calibrate.main([str(tmp_path / "cameras"), f"--out={tmp_path / 'own.json'}"])
  assert digests == [""]


@pytest.fixture
def known(tmp_path, monkeypatch, similarity):
  """Photographs, of which the stand-in learned the last two; a command; and of what similarity calibrations were."""
  (tmp_path / "cameras").mkdir()
  files = sorted(sensors.folder(tmp_path / "cameras" / "a", x=(1, range(4))).iterdir())
  crop = recipe.crops("opencams/train")[0]
  crops = [crop._replace(sha256=hashlib.sha256(file.read_bytes()).hexdigest()) for file in files[2:]]
  monkeypatch.setattr(recipe, "crops", {crop.set: crops}.__getitem__)
  digests = []
  monkeypatch.setattr(learning, "learn", lambda *given: digests.append(given[-1]) or Learned(MADE, None, {}))
  return files, [str(tmp_path / "cameras"), f"--out={tmp_path / 'own.json'}"], digests


def test_photographs_that_the_weights_learned_from_are_refused(known, tmp_path):
  files, command, digests = known
  cause = "the weights similarity, version 7 .* learned from these photographs, .* leave out those of opencams/train"
  with pytest.raises(UserError, match=f"{files[2].name} and 1 more: {cause}"):
    calibrate.main(command)
  files[2].unlink()
  with pytest.raises(UserError, match=f"{files[3].name}: {cause}"):
    calibrate.main(command)
  with pytest.raises(UserError, match=f"{files[3].name}: {cause}"):
    unlearned.require(files, unlearned.learners(weights.default("compare")))  # One of them is gone.
  assert digests == []


def test_noise_alone_is_learned_of_them(known):
  calibrate.main([*known[1], "--noise-alone"])
  assert known[2] == [""]


def test_of_the_others_the_similarity_is_learned(known, similarity):
  for file in known[0][2:]:
    file.unlink()
  calibrate.main(known[1])
  assert known[2] == [similarity]


def test_all_pairs_of_left_out_cameras_are_exported_for_lir(made):
  with (made[2].parent / "own.csv").open() as file:
    rows = list(csv.DictReader(file))
  ratios = made[1]["left_out"][OTHER_MODEL]
  for hypothesis, side in (("1", "same"), ("0", "different")):
    own = [row for row in rows if row["hypothesis"] == hypothesis]
    assert {row["source_a"] == row["source_b"] for row in own} == {hypothesis == "1"}
    assert sorted(round(float(row["llr"]), 4) for row in own) == ratios[side]
  assert len({row["instance"] for row in rows}) == len(rows)


def test_people_are_told_bounds_and_figures():
  lines = calibrate.told(Learned(MADE, None, {}))
  assert "against another model: ratios from 0.135 to 1.1e+03, by 40 devices and 700 pairs" in lines
  assert "Cllr (cameras left out): 0.200" in lines


def test_a_camera_of_which_nothing_is_used_is_named(tmp_path, capsys):
  for camera, folder in enumerate(("Alpha/JPEG", "Beta/flat-field")):
    (tmp_path / "s" / folder).parent.mkdir(parents=True)
    sensors.folder(tmp_path / "s" / folder, x=(camera, range(2)))
  with pytest.raises(UserError):  # Few as they are, nothing is learned.
    calibrate.main([str(tmp_path / "s"), f"--out={tmp_path / 'own.json'}", "--noise-alone"])
  told = capsys.readouterr().err
  assert told.count("a flat-field photograph by its folder") == 2
  assert f"left out {tmp_path / 's'}: no photograph of Beta_0 is used" in told


def test_too_few_cameras_are_refused(tmp_path):
  (tmp_path / "few").mkdir()
  for camera in range(2):
    sensors.folder(tmp_path / "few" / f"camera{camera}", x=(camera, range(4)))
  with pytest.raises(UserError, match="at least 6 devices"):
    calibrate.main([str(tmp_path / "few"), f"--out={tmp_path / 'own.json'}"])
  assert not (tmp_path / "own.json").exists()


def test_another_file_is_not_replaced(tmp_path):
  sensors.folder(tmp_path / "cameras", x=(1, range(2)))
  (tmp_path / "own.json").write_text("mine")
  with pytest.raises(UserError, match="not as fsim wrote it"):
    calibrate.main([str(tmp_path / "cameras"), f"--out={tmp_path / 'own.json'}"])


@pytest.mark.parametrize("wrong", [["--out=own.npz"], ["--out=own.json", "--export=own.json"]])
def test_out_is_a_json_file_and_export_a_table(tmp_path, wrong):
  with pytest.raises(SystemExit):
    calibrate.parsed([str(tmp_path), *wrong])
