"""The command `python -m fsim.prnu`, as a user types it, on JPEGs."""

import json
import signal
import subprocess
import sys
import time
import weakref

import numpy as np
import pytest
from PIL import Image

from fsim.boundary import console
from fsim.commands import main
from fsim.prnu import building, candidates, comparing, fingerprints
from fsim.prnu.residuals import DEFAULT
from tests import jpegs
from tests.commands import ROOT, variables
from tests.sensors import SIDE, save


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  """Ten photographs of each of two cameras, the fingerprints of six of them, and other files."""
  root = tmp_path_factory.mktemp("photographs")
  for camera in (0, 1):
    for part, seeds in (("known", range(6)), ("asked", range(6, 10))):
      (root / f"{part}{camera}").mkdir()
      for seed in seeds:
        save(root / f"{part}{camera}" / f"Make_M_{camera}_{seed}.JPG", 20 * camera + seed, camera)
    assert main(["fingerprint", str(root / f"known{camera}"), "--out", str(root / f"{camera}.npz")]) == 0
  return root


def asked(folder, camera):
  return str(folder / f"asked{camera}" / f"Make_M_{camera}_7.JPG")


def run(capsys, *arguments):
  capsys.readouterr()
  status = console.run(main, [str(a) for a in arguments])
  out, err = capsys.readouterr()
  return status, out, err


def test_photographs_match_their_camera_and_no_other(folder, capsys):
  images = [folder / "asked0", folder / "asked1"]
  against = ["--against", folder / "0.npz", folder / "1.npz"]
  status, out, _ = run(capsys, "match", *images, *against, "--json")
  answers = json.loads(out)
  assert status == 0
  assert len(answers) == 2 * 4 * 2
  for answer in answers:
    own = f"M_{answer['candidate'][-5]}_" in answer["image"]
    assert answer["answer"] == ("match" if own else "no match found")
    assert answer["n_hypotheses"] == 2
    assert (answer["pce"] >= answer["threshold"]) == (answer["false_alarm"] <= 1.001e-4) == own
    assert answer["false_alarm"] >= 1e-6


def test_crops_turns_and_mirrors_are_found_if_asked_for(folder, tmp_path, capsys):
  save(tmp_path / "crop.jpg", 8, 0, crop=(24, 8, 24 + 120, 8 + 112))
  with Image.open(asked(folder, 0)) as image:
    image.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.jpg", quality=95)
    image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / "mirrored.jpg", quality=95)
  against = ["--against", folder / "0.npz", "--json"]
  _, out, _ = run(capsys, "match", tmp_path / "crop.jpg", *against)
  (refused,) = json.loads(out)
  assert (refused["answer"], refused["pce"]) == ("no statement", None)
  assert "sizes differ: 120x112 here, 160x160 there" in refused["reason"]
  _, out, _ = run(capsys, "match", tmp_path / "crop.jpg", *against, "--reach", "all")
  (crop,) = json.loads(out)
  assert (crop["answer"], crop["shift"], crop["n_hypotheses"]) == ("match", [8, 24], 49 * 41)
  _, out, _ = run(
    capsys, "match", tmp_path / "turned.jpg", tmp_path / "mirrored.jpg", *against, "--turned", "--mirrored"
  )
  turned, mirrored = json.loads(out)
  assert (turned["answer"], turned["turns"], turned["mirrored"], turned["n_hypotheses"]) == ("match", 3, False, 8)
  assert (mirrored["answer"], mirrored["turns"], mirrored["mirrored"]) == ("match", 0, True)
  _, out, _ = run(capsys, "match", tmp_path / "turned.jpg", *against)
  assert json.loads(out)[0]["answer"] == "no match found"


def test_the_size_of_a_resized_photograph_is_found(folder, tmp_path, capsys):
  with Image.open(asked(folder, 0)) as image:
    image.resize((200, 200), Image.Resampling.BICUBIC).save(tmp_path / "large.jpg", quality=97)
  wanted = ["match", tmp_path / "large.jpg", "--against", folder / "0.npz", "--reach", "2"]
  _, out, _ = run(capsys, *wanted, "--scales", "0.7:0.9:0.05")
  assert "  match: PCE" in out
  assert "scale 0.8)" in out
  with pytest.raises(SystemExit):
    run(capsys, *wanted, "--scales", "2:1:0.1")
  with pytest.raises(SystemExit):
    run(capsys, *wanted[:-1], "far")


def test_an_image_can_be_matched_against_an_image(folder, capsys):
  other = folder / "asked0" / "Make_M_0_9.JPG"
  _, out, _ = run(capsys, "match", asked(folder, 0), asked(folder, 1), "--against", other)
  first, second = out.splitlines()
  assert first.startswith(f"{asked(folder, 0)}  {other}  match: PCE")
  assert "no match found" in second


def test_what_cannot_be_used_is_named_and_the_rest_goes_on(folder, tmp_path, capsys):
  bad = {"empty.jpg": b"", "half.jpg": jpegs.truncated(), "grey.jpg": jpegs.greyscale(), "png.jpg": jpegs.png()}
  for name, content in bad.items():
    (tmp_path / name).write_bytes(content)
  save(tmp_path / "small.jpg", 3, 0, crop=(0, 0, 63, 160))
  save(tmp_path / "wide.jpg", 3, 0, crop=(0, 0, 160, 120))
  Image.new("RGB", (SIDE, SIDE), "white").save(tmp_path / "white.jpg")
  for seed in range(3):
    save(tmp_path / f"good{seed}.jpg", seed, 0)
  status, out, err = run(capsys, "fingerprint", tmp_path, "--out", tmp_path / "x.npz", "--json")
  result = json.loads(out)
  causes = {entry["file"].rsplit("/", 1)[1]: entry["cause"] for entry in result["left_out"]}
  assert (status, result["images"], result["considered"]) == (1, 3, 10)
  assert causes["empty.jpg"] == "empty file"
  assert causes["half.jpg"].startswith("damaged JPEG")
  assert causes["grey.jpg"].startswith("greyscale")
  assert causes["png.jpg"].startswith("a PNG file")
  assert causes["small.jpg"] == "63x160 pixels, but the fingerprint is of 160x160"
  assert causes["wide.jpg"] == "160x120 pixels, but the fingerprint is of 160x160"
  assert causes["white.jpg"].startswith("over-exposed: 100 %")
  assert f"fsim: left out {tmp_path / 'empty.jpg'}: empty file" in err
  status, out, _ = run(capsys, "match", tmp_path, "--against", folder / "0.npz")
  reasons = {line.split()[0].rsplit("/", 1)[1]: line for line in out.splitlines()}
  assert status == 1
  assert "no statement: empty file" in reasons["empty.jpg"]
  assert "no statement: too small: 63 pixels" in reasons["small.jpg"]
  assert "no statement: over-exposed" in reasons["white.jpg"]
  status, _, err = run(capsys, "fingerprint", tmp_path, "--out", tmp_path / "y.npz", "--stop")
  assert (status, "empty.jpg: empty file" in err) == (1, True)


def test_a_broken_candidate_does_not_keep_the_others_from_answering(folder, tmp_path, capsys):
  (tmp_path / "broken.npz").write_bytes(b"no")
  against = ["--against", tmp_path / "broken.npz", folder / "0.npz"]
  status, out, _ = run(capsys, "match", asked(folder, 0), *against)
  first, second = out.splitlines()
  assert status == 1
  assert "broken.npz  no statement" in first
  assert "not a fingerprint" in first
  assert "0.npz  match: PCE" in second


@pytest.mark.parametrize(
  ("arguments", "message"),
  [
    (["fingerprint", "EMPTY", "--out", "x.npz"], "no JPEG files in this folder"),
    (["fingerprint", "nowhere.jpg", "--out", "x.npz"], "none of 1 files can be read"),
    (["merge", "CAMERA", "CAMERA", "--out", "x.npz"], "6 images are in both fingerprints"),
    (["matrix", "ONE", "--out", "OUT"], "1 of 1 files are usable and no copies of others, and no two"),
  ],
)
def test_mistakes_end_with_one_message(folder, tmp_path, capsys, monkeypatch, arguments, message):
  monkeypatch.chdir(tmp_path)
  (tmp_path / "empty").mkdir()
  places = {"EMPTY": tmp_path / "empty", "CAMERA": folder / "0.npz", "ONE": asked(folder, 0), "OUT": tmp_path / "out"}
  status, out, err = run(capsys, *[places.get(a, a) for a in arguments])
  assert (status, out) == (1, "")
  assert [line for line in err.splitlines() if line.startswith("fsim:")][-1].count(message) == 1


def test_where_no_reference_can_be_read_each_has_its_cause(tmp_path, capsys):
  (tmp_path / "grey.jpg").write_bytes(jpegs.greyscale())
  status, _, err = run(capsys, "fingerprint", tmp_path / "grey.jpg", tmp_path / "gone.jpg", "--out", tmp_path / "x.npz")
  assert status == 1
  assert f"left out {tmp_path / 'grey.jpg'}: greyscale, but a colour JPEG is needed" in err
  assert f"left out {tmp_path / 'gone.jpg'}: No such file or directory" in err


def test_halves_are_merged(folder, tmp_path, capsys):
  halves = sorted((folder / "known0").iterdir())
  for name, part in (("a", halves[:3]), ("b", halves[3:])):
    assert run(capsys, "fingerprint", *part, "--device", "cam", "--out", tmp_path / f"{name}.npz")[0] == 0
  _, out, _ = run(capsys, "merge", tmp_path / "a.npz", tmp_path / "b.npz", "--out", tmp_path / "whole.npz")
  assert out == f"{tmp_path / 'whole.npz'}: cam, from 6 images\n"
  merged, whole = (fingerprints.load(p).pattern() for p in (tmp_path / "whole.npz", folder / "0.npz"))
  assert np.corrcoef(merged.ravel(), whole.ravel())[0, 1] > 0.999


def test_a_fingerprint_that_was_interrupted_goes_on(folder, tmp_path):
  """SIGTERM in the middle of a long folder; the same command then reads on and ends with the same fingerprint."""
  (tmp_path / "many").mkdir()
  for k in range(150):
    save(tmp_path / "many" / f"{k}.jpg", k, 0)
  command = [sys.executable, "-m", "fsim.prnu", "fingerprint", "many", "--out", "many.npz"]
  options = {"cwd": tmp_path, "env": variables(tmp_path, PYTHONPATH=str(ROOT)), "stderr": subprocess.PIPE, "text": True}
  process = subprocess.Popen(command, **options)
  part = tmp_path / "many.npz.part"
  while not part.exists() and process.poll() is None:
    time.sleep(0.02)
  process.send_signal(signal.SIGTERM)
  _, err = process.communicate(timeout=60)
  assert (process.returncode, "stopped; the same command goes on" in err) == (75, True)
  begun = len(fingerprints.load(part).images)
  assert 0 < begun < 150
  assert not (tmp_path / "many.npz").exists()
  assert subprocess.run(command, check=False, **options).returncode == 0
  whole = fingerprints.load(tmp_path / "many.npz")
  assert len(whole.images) == 150
  assert not part.exists()
  assert main(["fingerprint", str(tmp_path / "many"), "--out", str(tmp_path / "again.npz")]) == 0
  there = fingerprints.load(tmp_path / "again.npz")
  np.testing.assert_allclose(whole.pattern(), there.pattern(), atol=2e-3 * there.pattern().std())


def test_an_interruption_while_an_image_is_added_loses_that_image_alone(folder, tmp_path, monkeypatch):
  add, calls = fingerprints.add_filtered, []

  def interrupted(*arguments):
    calls.append(add(*arguments))
    if len(calls) == 3:
      raise KeyboardInterrupt
    return calls[-1]

  photographs, out = sorted((folder / "known0").iterdir()), tmp_path / "0.npz"
  monkeypatch.setattr(fingerprints, "add_filtered", interrupted)
  with pytest.raises(KeyboardInterrupt):
    building.build(photographs, out, "cam", DEFAULT, lambda path, cause: None)
  assert len(fingerprints.load(tmp_path / "0.npz.part").images) == 2
  whole = building.build(photographs, out, "cam", DEFAULT, lambda path, cause: None)
  assert len(whole.fingerprint.images) == len(photographs) == len(calls) - 1
  there = fingerprints.load(folder / "0.npz").pattern()
  assert np.corrcoef(whole.fingerprint.pattern().ravel(), there.ravel())[0, 1] > 0.999


def test_the_matrix_groups_photographs_by_camera(folder, tmp_path, capsys):
  (tmp_path / "broken.jpg").write_bytes(b"x")
  places = [folder / "asked0", folder / "asked1", tmp_path / "broken.jpg"]
  status, out, err = run(capsys, "matrix", *places, "--out", tmp_path / "out", "--json")
  assert status == 1, err
  result = json.loads(out)
  assert (result["images"], result["pairs"], result["matches"]) == (8, 28, 12)
  assert [{name.rsplit("/", 1)[1][:8] for name in group} for group in result["groups"]] == [{"Make_M_0"}, {"Make_M_1"}]
  assert result["left_out"][0]["cause"] == "no image that can be read"
  with Image.open(tmp_path / "out" / "matrix.png") as picture:
    assert min(picture.size) > 400
  assert len((tmp_path / "out" / "pairs.csv").read_text().splitlines()) == 29
  kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "cache").glob("*/*")}
  assert run(capsys, "matrix", *places[:2], "--out", tmp_path / "out")[0] == 0
  assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "cache").glob("*/*")} == kept


def test_caches_of_another_matrix_are_one_line(tmp_path, capsys):
  for scene in range(2):
    save(tmp_path / f"{scene}.jpg", scene, scene)
  run(capsys, "matrix", tmp_path, "--out", tmp_path / "first")
  status, out, _ = run(capsys, "matrix", tmp_path, "--out", tmp_path / "second", "--json")
  (cache,) = (path for path in (tmp_path / "first" / "cache").iterdir() if path.is_dir())
  results = [tmp_path / "first" / name for name in ("images.csv", "lock", "matrix.png", "pairs.csv")]
  assert status == 0
  assert json.loads(out)["left_out"] == [{"file": str(path), "cause": "written by fsim"} for path in (*results, cache)]


def test_one_camera_at_two_places(realcams, tmp_path, capsys):
  """IXUS125HS flew over two places: photographs 1 to 11 against the fingerprint of 12 to 40."""
  files = {k: realcams / "natural" / f"Canon_IXUS125HS_0_{k}.JPG" for k in range(1, 41)}
  reference = [files[k] for k in range(12, 41)]
  status, _, err = run(capsys, "fingerprint", *reference, "--out", tmp_path / "ixus.npz")
  assert status == 0, err
  others = sorted((realcams / "natural").glob("Canon_S100_0_*.JPG"))[:5]
  asked = [*(files[k] for k in range(1, 12)), *others]
  _, out, _ = run(capsys, "match", *asked, "--against", tmp_path / "ixus.npz", "--json")
  answers = [answer["answer"] for answer in json.loads(out)]
  assert answers == ["match"] * 11 + ["no match found"] * 5


@pytest.fixture
def store(folder, tmp_path):
  """Twelve fingerprints of other cameras, each of one flat photograph, around those of the two cameras."""
  (tmp_path / "store" / "inner").mkdir(parents=True)
  for camera in range(2, 14):
    save(tmp_path / "flat.jpg", 900 + camera, camera)
    out = tmp_path / "store" / "inner" / f"{camera:02}.npz"
    assert main(["fingerprint", str(tmp_path / "flat.jpg"), "--device", "x", "--out", str(out)]) == 0
  for name in ("0.npz", "1.npz"):
    (tmp_path / "store" / name).write_bytes((folder / name).read_bytes())
  return tmp_path / "store"


def test_the_best_of_a_store_are_listed_and_all_are_paid_for(folder, store, capsys):
  against = ["--against", store, "--best", "3", "--json"]
  status, out, _ = run(capsys, "match", folder / "asked0", *against)
  answers = json.loads(out)
  assert status == 0
  assert len(answers) == 4 * 3
  assert {answer["n_hypotheses"] for answer in answers} == {14}
  for first in answers[::3]:
    assert (first["candidate"], first["answer"]) == (str(store / "0.npz"), "match")
  for of_one in (answers[k : k + 3] for k in range(0, 12, 3)):
    pce = [answer["pce"] for answer in of_one]
    assert pce == sorted(pce, reverse=True)
  _, out, _ = run(capsys, "match", folder / "asked0", "--against", store, "--json")
  every = json.loads(out)
  assert len(every) == 4 * 14
  assert [answer for answer in every if answer["pce"] >= answers[2]["pce"] and answer["image"] == answers[0]["image"]]


def test_the_best_of_a_store_name_what_is_broken_and_what_holds_the_photograph(folder, store, capsys):
  (store / "broken.npz").write_bytes(b"no")
  known = folder / "known1" / "Make_M_1_2.JPG"
  status, out, _ = run(capsys, "match", known, "--against", store, "--best", "1", "--json")
  found = {answer["candidate"].rsplit("/", 1)[1]: answer for answer in json.loads(out)}
  assert status == 1
  assert len(found) == 3
  assert "one of those the fingerprint was made of" in found["1.npz"]["reason"]
  assert "not a fingerprint" in found["broken.npz"]["reason"]


def test_a_store_of_another_size_leaves_one_reason(store, tmp_path, capsys):
  save(tmp_path / "crop.jpg", 8, 0, crop=(24, 8, 24 + 120, 8 + 112))
  status, out, _ = run(capsys, "match", tmp_path / "crop.jpg", "--against", store, "--best", "2", "--json")
  (answer,) = json.loads(out)
  assert status == 0
  assert "sizes differ" in answer["reason"]


def assert_alike(a, b):
  """But for rounding, which depends on how many fingerprints are multiplied at a time."""
  a, b = json.loads(a), json.loads(b)
  for one, other in zip(a, b, strict=True):
    np.testing.assert_allclose(one.pop("pce"), other.pop("pce"), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(one.pop("false_alarm"), other.pop("false_alarm"), rtol=1e-2)
  assert a == b


def test_a_store_is_matched_in_bounded_memory_and_photographs_are_read_once(folder, store, capsys, monkeypatch):
  """With room for two fingerprints; the answers are the same."""
  _, whole, _ = run(capsys, "match", folder / "asked0", "--against", store, "--json")
  alive, most, read = [0], [0], []
  made, read_all = candidates.candidate, comparing.read_all

  def counted(path, settings):
    one = made(path, settings)
    alive[0] += 1
    most[0] = max(most[0], alive[0])
    weakref.finalize(one.pattern, lambda: alive.__setitem__(0, alive[0] - 1))
    return one

  monkeypatch.setattr(candidates, "candidate", counted)
  monkeypatch.setattr(candidates, "MEMORY", 2 * 160 * 160 * 4)
  monkeypatch.setattr(comparing, "read_all", lambda paths: read.extend(paths) or read_all(paths))
  _, few, _ = run(capsys, "match", folder / "asked0", "--against", store, "--json")
  assert_alike(few, whole)
  assert most[0] <= 5  # Of the batch before, of the next one, and the one that is read.
  assert len(read) == 4
  read.clear()
  monkeypatch.setattr(comparing, "MEMORY", 0)
  _, again, _ = run(capsys, "match", folder / "asked0", "--against", store, "--json")
  assert_alike(again, whole)
  assert len(read) == 4 * 7


def test_what_is_no_fingerprint_in_a_store_is_named(folder, tmp_path, capsys):
  (tmp_path / "store").mkdir()
  for name in ("0.npz", "no_suffix"):
    (tmp_path / "store" / name).write_bytes((folder / "0.npz").read_bytes())
  save(tmp_path / "store" / "kodak.jpg", 1, 1)
  status, out, told = run(capsys, "match", asked(folder, 0), "--against", tmp_path / "store", "--json")
  (good,) = json.loads(out)
  assert (status, good["answer"]) == (0, "match")
  store = tmp_path / "store"
  assert f"left out {store / 'kodak.jpg'}: a photograph, and of a folder only fingerprints (.npz) are taken" in told
  assert f"left out {store / 'no_suffix'}: its name does not end in .npz, and of a folder only" in told


def test_a_folder_without_fingerprints_answers_for_itself_alone(folder, capsys, tmp_path):
  against = ["--against", tmp_path, folder / "0.npz"]
  status, out, _ = run(capsys, "match", asked(folder, 0), *against, "--json")
  none, good = json.loads(out)
  assert (status, none["answer"], good["answer"]) == (1, "no statement", "match")
  assert none["reason"] == f"{tmp_path}: no fingerprint (.npz) in this folder"
  with pytest.raises(SystemExit):
    run(capsys, "match", asked(folder, 0), *against, "--best", "0")
