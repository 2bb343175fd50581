"""fsim identify --cameras, of two cameras that differ in their grain (tests/fitted_similarity.py)."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from fsim import weights
from fsim.boundary import console
from fsim.boundary.errors import UserError
from fsim.commands import gathering, identify
from fsim.systems.model import fitted
from tests import jpegs, predictors
from tests.fitted_similarity import SIZE, texture

KINDS = {"Ardent": "fine", "Calyx": "coarse"}
NETWORK = fitted.features


def photo(path, kind, seed, blocks=(2, 3)):
  path.parent.mkdir(parents=True, exist_ok=True)
  pixels = texture(kind, SIZE * blocks[0], SIZE * blocks[1], seed)
  path.write_bytes(jpegs.encode(Image.fromarray(pixels), quality=95))
  return str(path)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
  return predictors.model_run(tmp_path_factory.mktemp("runs") / "model")


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
  """Two cameras of five photographs each."""
  folder = tmp_path_factory.mktemp("shelf")
  for name, kind in KINDS.items():
    for k in range(5):
      photo(folder / name / f"IMG_{k}.jpg", kind, seed=10 * len(name) + k)
  return folder


@pytest.fixture
def cameras(shelf, tmp_path):
  return shutil.copytree(shelf, tmp_path / "cameras")


@pytest.fixture(autouse=True)
def grain(monkeypatch):
  """In the place of the network: how far neighbours differ, across and down."""

  def measured(_, pixels):
    grey = pixels[..., 1].astype(np.float32)
    steps = [np.abs(np.diff(grey, n=order, axis=axis)).mean((1, 2)) for axis in (1, 2) for order in (1, 2)]
    return np.stack([*steps, grey.mean((1, 2)), grey.std((1, 2))], 1)

  monkeypatch.setattr(fitted, "features", measured)


def asked(*arguments, capsys):
  code = identify.main([*map(str, arguments), "--json"])
  return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_a_photograph_gets_the_name_of_its_subfolder(run, cameras, tmp_path, capsys, monkeypatch, name, kind):
  if name == "Calyx":
    monkeypatch.setattr(fitted, "features", NETWORK)
  image = photo(tmp_path / "asked.jpg", kind, seed=99)
  code, found = asked(image, f"--run={run}", f"--cameras={cameras}", capsys=capsys)
  (row,) = found["photographs"]
  assert (code, row["file"], row["answer"], row["patches"]) == (0, image, name, 6)
  assert row["votes"] == {name: 6}
  about = found["enrolment"]
  assert [(row["camera"], row["photographs"]) for row in about["cameras"]] == [("Ardent", 5), ("Calyx", 5)]
  assert about["left_out_in_turn"]["named_rightly"] == 10
  none = about["none_of_these"]
  assert (none["own"], none["own_rejected"], none["not_enrolled"], none["not_enrolled_accepted"]) == (10, 0, None, None)
  assert "two others" in none["no_rate"]
  assert all(len(one["sha256"]) == 64 and one["left_out_answer"] == one["camera"] for one in about["photographs"])


def test_people_are_told_the_rates_with_their_counts(run, cameras, tmp_path, capsys):
  image = photo(tmp_path / "asked.jpg", "coarse", seed=99)
  assert identify.main([image, f"--run={run}", f"--cameras={cameras}"]) == 0
  cameras_line, tried, none, meaning, answer = capsys.readouterr().out.splitlines()
  assert cameras_line == "2 cameras, by a subfolder a camera; photographs: Ardent 5, Calyx 5"
  assert tried.startswith("left out in turn, by photograph: 10 of 10 photographs named rightly, 0 as another camera")
  assert none.startswith(
    '"none of these": 0 of 10 (0.0%) of their own photographs rejected; of cameras not enrolled no'
  )
  assert meaning == "so an answer says which of these cameras is nearest, and not that it is one of them"
  assert answer.startswith(f"{image}: Calyx (Calyx 6 of 6 votes; margin 1.00; score ")


def test_a_third_camera_gives_a_rate_of_strangers(run, cameras, tmp_path, capsys):
  for k in range(5):  # As the coarse one, turned: nothing tells the two apart.
    photo(cameras / "Corvin" / f"{k}.jpg", "coarse", seed=500 + k)
    photo(cameras / "Delos" / f"{k}.jpg", "fine", seed=600 + k)
  image = photo(tmp_path / "asked.jpg", "coarse", seed=99)
  code, found = asked(image, f"--run={run}", f"--cameras={cameras}", capsys=capsys)
  about = found["enrolment"]
  assert code == 0
  assert {tuple(row["cameras"]) for row in about["not_told_apart"]} == {("Calyx", "Corvin"), ("Ardent", "Delos")}
  assert found["photographs"][0]["answer"] in ("Calyx or Corvin", "Corvin or Calyx")
  assert about["none_of_these"]["not_enrolled"] == 20
  assert about["none_of_these"]["not_enrolled_accepted"] is not None
  assert identify.main([image, f"--run={run}", f"--cameras={cameras}"]) == 0
  said = capsys.readouterr().out
  assert "cannot be told apart: Calyx and Corvin (left out in turn, " in said
  assert " accepted as one of the others" in said


def test_cameras_that_cannot_be_told_apart_are_refused_by_name(run, tmp_path):
  for name, seed in (("Ardent", 0), ("Corvin", 50)):
    for k in range(6):
      photo(tmp_path / "same" / name / f"{k}.jpg", "fine", seed=seed + k)
  with pytest.raises(UserError, match="these cameras cannot be told apart: Ardent, Corvin"):
    identify.main([str(tmp_path), f"--run={run}", f"--cameras={tmp_path / 'same'}"])


def test_a_camera_with_too_few_photographs_is_named_and_the_others_are_enrolled(run, cameras, tmp_path, capsys):
  for k in range(4):
    photo(cameras / "Corvin" / f"{k}.jpg", "coarse", seed=500 + k)
  image = photo(tmp_path / "asked.jpg", "fine", seed=99)
  assert identify.main([image, f"--run={run}", f"--cameras={cameras}"]) == console.INCOMPLETE
  assert "Corvin is not enrolled: 4 usable photographs, and at least 5 are needed" in capsys.readouterr().out
  shutil.rmtree(cameras / "Calyx")
  with pytest.raises(UserError, match=r"two cameras are needed, and 1 can be enrolled .*Corvin has 4 usable photo"):
    identify.main([image, f"--run={run}", f"--cameras={cameras}"])


def test_photographs_without_patches_enough_do_not_count(run, cameras, tmp_path, capsys):
  flat = np.full((2 * SIZE, 3 * SIZE, 3), 90, np.uint8)
  flat[0] = np.arange(3 * SIZE)[:, None] % 200
  (cameras / "Calyx" / "sky.jpg").write_bytes(jpegs.encode(Image.fromarray(flat), quality=95))
  image = photo(tmp_path / "asked.jpg", "coarse", seed=99)
  code, found = asked(image, f"--run={run}", f"--cameras={cameras}", capsys=capsys)
  (left_out,) = found["enrolment"]["left_out"]
  assert (code, left_out["file"]) == (0, str(cameras / "Calyx" / "sky.jpg"))
  assert left_out["cause"].endswith("usable patches, and at least 4 are needed")


def test_what_cannot_be_read_is_named_and_the_rest_is_enrolled(run, cameras, tmp_path, capsys):
  (cameras / "Calyx" / "bad.jpg").write_bytes(jpegs.truncated())
  (cameras / "Calyx" / "shot.png").write_bytes(jpegs.png())
  (cameras / "notes.txt").write_text("mine")
  photo(cameras / "stray.jpg", "fine", seed=700)
  image = photo(tmp_path / "asked.jpg", "coarse", seed=99)
  code, found = asked(image, f"--run={run}", f"--cameras={cameras}", capsys=capsys)
  causes = {row["file"].rsplit("/", 1)[1]: row["cause"] for row in found["enrolment"]["left_out"]}
  assert code == console.INCOMPLETE
  assert causes.keys() == {"bad.jpg", "shot.png", "notes.txt", "stray.jpg"}
  assert causes["stray.jpg"] == "lies in no camera's subfolder"
  assert found["photographs"][0]["answer"] == "Calyx"


def test_a_copy_counts_once_and_one_picture_of_two_cameras_is_refused(run, cameras, tmp_path, capsys):
  first = cameras / "Calyx" / "IMG_0.jpg"
  shutil.copy(first, cameras / "Calyx" / "copy.jpg")
  image = photo(tmp_path / "asked.jpg", "coarse", seed=99)
  code, found = asked(image, f"--run={run}", f"--cameras={cameras}", capsys=capsys)
  assert code == 0
  assert [row["cause"] for row in found["enrolment"]["left_out"]] == [f"a copy of {first}"]
  shutil.copy(first, cameras / "Ardent" / "mixed_up.jpg")
  with pytest.raises(UserError, match=r"the same picture as .*, and their cameras are Calyx and Ardent"):
    identify.main([image, f"--run={run}", f"--cameras={cameras}"])


def test_an_enrolled_photograph_is_no_question(run, cameras, tmp_path, capsys):
  """Under whatever name: it would be judged by what it taught."""
  shutil.copy(cameras / "Calyx" / "IMG_0.jpg", tmp_path / "asked.jpg")
  arguments = (tmp_path / "asked.jpg", f"--run={run}", f"--cameras={cameras}", f"--map={tmp_path / 'map.png'}")
  code, found = asked(*arguments, capsys=capsys)
  assert code == 0
  assert found["photographs"][0] == {
    "file": str(tmp_path / "asked.jpg"),
    "answer": "no statement",
    "enrolled_as": "Calyx",
  }
  assert not (tmp_path / "map.png").exists()


def test_a_map_names_the_camera_of_every_block(run, cameras, tmp_path, capsys):
  pixels = np.concatenate([texture("fine", SIZE * 2, SIZE * 2, 5), texture("coarse", SIZE * 2, SIZE, 6)], axis=1)
  pixels[:SIZE, :SIZE] = 255
  (tmp_path / "spliced.jpg").write_bytes(jpegs.encode(Image.fromarray(pixels), quality=95))
  target = tmp_path / "map.png"
  asked(tmp_path / "spliced.jpg", f"--run={run}", f"--cameras={cameras}", f"--map={target}", capsys=capsys)
  facts = json.loads(target.with_suffix(".json").read_text())
  assert (facts["size"], facts["stride"]) == (SIZE, SIZE)
  assert facts["blocks"] == [[None, "Ardent", "Calyx"], ["Ardent", "Ardent", "Calyx"]]
  assert target.read_bytes().startswith(b"\x89PNG")


def test_scenes_are_subfolders_of_a_camera(run, tmp_path, capsys):
  for name, kind in KINDS.items():
    for k in range(6):
      photo(tmp_path / "cameras" / name / f"day{k // 2}" / f"{k}.jpg", kind, seed=10 * len(name) + k)
  image = photo(tmp_path / "asked.jpg", "coarse", seed=99)
  _, found = asked(image, f"--run={run}", f"--cameras={tmp_path / 'cameras'}", capsys=capsys)
  assert [(row["scenes"], row["left_out_by"]) for row in found["enrolment"]["cameras"]] == [(3, "scene")] * 2


@pytest.mark.parametrize("scene", ["JPEG", "Dark sky", "natural light/jpegs"])
def test_a_scene_may_have_any_name(run, tmp_path, capsys, scene):
  for name, kind in KINDS.items():
    for k in range(5):
      photo(tmp_path / "cameras" / name / scene / f"{k}.jpg", kind, seed=10 * len(name) + k)
  image = photo(tmp_path / "asked.jpg", "coarse", seed=99)
  code, found = asked(image, f"--run={run}", f"--cameras={tmp_path / 'cameras'}", capsys=capsys)
  assert (code, found["photographs"][0]["answer"]) == (0, "Calyx")
  assert not found["enrolment"]["left_out"]


@pytest.mark.parametrize(("name", "data"), [("Flat-Fields/1.jpg", jpegs.jpeg(0)), ("1.png", jpegs.png())])
def test_a_camera_without_photographs_of_scenes_is_named(run, cameras, tmp_path, capsys, name, data):
  (cameras / "Corvin" / name).parent.mkdir(parents=True)
  (cameras / "Corvin" / name).write_bytes(data)
  image = photo(tmp_path / "asked.jpg", "coarse", seed=99)
  code, found = asked(image, f"--run={run}", f"--cameras={cameras}", capsys=capsys)
  about = found["enrolment"]
  assert code == console.INCOMPLETE
  assert about["not_enrolled"] == [{"camera": "Corvin", "cause": "0 usable photographs, and at least 5 are needed"}]
  (left_out,) = about["left_out"]
  assert left_out["cause"] in (
    "a flat-field photograph by its folder, and natural ones are wanted",
    "a PNG file, not a JPEG",
  )


def test_dresden_names_say_the_model_whatever_the_folder(run, tmp_path, capsys):
  for name, kind in KINDS.items():
    for k in range(6):  # Of two devices.
      photo(tmp_path / "cameras" / "natural" / f"{name}_X1_{k % 2}_{k}.JPG", kind, seed=10 * len(name) + k)
  photo(tmp_path / "cameras" / "flat-field" / "Calyx_X1_0_77.JPG", "fine", seed=3)
  rows = [f"Ardent_X1_{k % 2}_{k}.JPG,{k // 3},1" for k in range(6)]
  (tmp_path / "cameras" / "dresden.csv").write_text("\n".join(["filename,position_num,motive_num", *rows]))
  image = photo(tmp_path / "asked.jpg", "fine", seed=99)
  code, found = asked(image, f"--run={run}", f"--cameras={tmp_path / 'cameras'}", capsys=capsys)
  assert (code, found["photographs"][0]["answer"]) == (0, "Ardent_X1")
  about = found["enrolment"]
  assert about["cameras_by"] == "file names (Brand_Model_Instance_Shot)"
  assert [(row["photographs"], row["left_out_by"]) for row in about["cameras"]] == [(6, "scene"), (6, "photograph")]
  (left_out,) = about["left_out"]
  assert left_out["cause"] == "a flat-field photograph by its folder, and natural ones are wanted"


def test_a_pattern_reads_other_names(run, tmp_path, capsys):
  for name, kind in KINDS.items():
    for k in range(5):
      photo(tmp_path / "cameras" / f"{name}-{k}.jpg", kind, seed=10 * len(name) + k)
  image = photo(tmp_path / "asked.jpg", "fine", seed=99)
  arguments = (image, f"--run={run}", f"--cameras={tmp_path / 'cameras'}")
  _, found = asked(*arguments, r"--pattern=(?P<model>[a-z]+)-(?P<shot>\d+)\.jpg", capsys=capsys)
  assert found["photographs"][0]["answer"] == "Ardent"
  with pytest.raises(UserError, match="two cameras are needed, and 0 can be enrolled"):
    identify.main([*arguments])
  with pytest.raises(UserError, match="lacks the group model"):
    identify.main([*arguments, "--pattern=x"])


def test_exif_does_not_enter_the_decision(run, cameras, tmp_path, capsys):
  exif = Image.Exif()
  exif[272] = "Ardent"
  pixels = Image.fromarray(texture("coarse", SIZE * 2, SIZE * 3, 99))
  (tmp_path / "asked.jpg").write_bytes(jpegs.encode(pixels, quality=95, exif=exif))
  _, found = asked(tmp_path / "asked.jpg", f"--run={run}", f"--cameras={cameras}", capsys=capsys)
  assert found["photographs"][0]["answer"] == "Calyx"


def test_the_same_question_gets_the_same_answer(run, cameras, tmp_path, capsys):
  arguments = (photo(tmp_path / "asked.jpg", "fine", seed=99), f"--run={run}", f"--cameras={cameras}")
  assert asked(*arguments, capsys=capsys) == asked(*arguments, capsys=capsys)


def test_a_run_of_the_patch_system_has_features_too(cameras, tmp_path, capsys):
  patch_run = predictors.patch_run(tmp_path / "patch")
  seen = gathering.source(patch_run)
  assert (seen.choice.size, seen.choice.count) == (64, gathering.PATCHES)
  assert seen.embed(np.zeros((2, 64, 64, 3), np.uint8)).shape == (2, 128)
  image = photo(tmp_path / "asked.jpg", "fine", seed=99)
  (tmp_path / "small.jpg").write_bytes(jpegs.jpeg(0, 40, 40))
  code, found = asked(image, tmp_path / "small.jpg", f"--run={patch_run}", f"--cameras={cameras}", capsys=capsys)
  assert code == 0
  assert [row["answer"] for row in found["photographs"]] == ["Ardent", "no statement"]


def test_the_weights_that_came_with_fsim_answer_without_a_run(cameras, tmp_path, capsys, monkeypatch):
  with monkeypatch.context() as patch:
    patch.setattr(fitted, "features", NETWORK)
    made = predictors.weights(tmp_path / "shipped")
  monkeypatch.setattr(weights, "FOLDER", made.parent)
  assert identify.main([photo(tmp_path / "asked.jpg", "fine", seed=99), f"--cameras={cameras}", "--json"]) == 0
  said, told = capsys.readouterr()
  assert json.loads(said)["enrolment"]["weights"]["name"] == made.name
  assert "the weights that came with fsim answer" in told


def test_what_cannot_be_meant_is_refused(run, cameras, tmp_path, monkeypatch):
  with pytest.raises(UserError, match="no such folder"):
    identify.main(["a.jpg", f"--run={run}", f"--cameras={tmp_path / 'nothing'}"])
  (tmp_path / "empty").mkdir()
  with pytest.raises(UserError, match="no JPEG files in this folder"):
    identify.main(["a.jpg", f"--run={run}", f"--cameras={tmp_path / 'empty'}"])
  with pytest.raises(UserError, match="it is one of 'device'"):
    identify.main(["a.jpg", f"--run={predictors.begun(tmp_path / 'device', 'device')}", f"--cameras={cameras}"])
  monkeypatch.setattr(weights, "FOLDER", tmp_path / "empty")
  for arguments in (["a.jpg"], ["a.jpg", f"--cameras={cameras}"], ["a.jpg", f"--run={run}", "--pattern=(?P<model>.*)"]):
    with pytest.raises(SystemExit) as ended:
      identify.main(arguments)
    assert ended.value.code == console.USAGE
