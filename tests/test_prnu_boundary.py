"""Odd input and odd places for `python -m fsim.prnu`: mixes, copies, names, outputs, interruptions."""

import csv
import io
import json
import os
import signal
import time

import numpy as np
import pytest

from fsim.boundary import console
from fsim.commands import main
from fsim.data import exif
from fsim.prnu import allpairs, building, comparing, fingerprints, tiles, transforms
from fsim.prnu.transforms import Found, Transform
from tests import jpegs, sensors
from tests.test_exif import block
from tests.test_prnu_files import BAD, write


@pytest.fixture(scope="module")
def cameras(tmp_path_factory):
  """Four photographs of camera 0, the same of camera 1, a fingerprint of the first ones, and one more of camera 0."""
  root = tmp_path_factory.mktemp("cameras")
  sensors.folder(root / "a", a=(0, range(4)))
  sensors.folder(root / "b", b=(1, range(4)))
  sensors.save(root / "asked.jpg", 9, 0)
  assert console.run(main, ["fingerprint", str(root / "a"), "--out", str(root / "a.npz")]) == 0
  return root


def run(capsys, *arguments):
  capsys.readouterr()
  status = console.run(main, [str(a) for a in arguments])
  out, err = capsys.readouterr()
  return status, out, err


def lines(err):
  return [line for line in err.splitlines() if line.startswith("fsim: ")]


def test_a_mix_of_two_cameras_is_refused_and_leaves_nothing(cameras, tmp_path, capsys):
  out = tmp_path / "x.npz"
  status, said, err = run(capsys, "fingerprint", cameras / "a", cameras / "b", "--out", out)
  assert (status, said) == (1, "")
  (line,) = lines(err)
  assert "no camera has more than half of 8 photographs; groups linked by sensor noise: 4 (" in line
  assert not list(tmp_path.glob("x*"))
  status, said, _ = run(capsys, "fingerprint", cameras / "a", cameras / "b", "--out", out, "--trusted", "--json")
  assert (status, json.loads(said)["checked"]) == (0, "taken as given, not checked")
  assert fingerprints.load(out).checked == "taken as given, not checked"


def test_one_foreign_photograph_is_named_left_out_and_not_in_the_sum(cameras, tmp_path, capsys):
  foreign = cameras / "b" / "b_2.jpg"
  status, out, err = run(capsys, "fingerprint", cameras / "a", foreign, "--out", tmp_path / "x.npz", "--json")
  result = json.loads(out)
  assert (status, result["images"], result["considered"]) == (1, 4, 5)
  assert [entry["file"] for entry in result["left_out"]] == [str(foreign)]
  assert [r["used"] for r in result["references"]] == [True] * 4 + [False]
  assert (
    min(r["pce_against_others"] for r in result["references"][:4]) > 60 > result["references"][4]["pce_against_others"]
  )
  assert f"fsim: left out {foreign}: not linked by sensor noise" in err
  mended, whole = (fingerprints.load(path) for path in (tmp_path / "x.npz", cameras / "a.npz"))
  assert mended.images == whole.images
  np.testing.assert_array_equal(mended.estimate, whole.estimate)
  assert not (tmp_path / "x.npz.part").exists()


def test_exif_of_another_camera_is_left_out(cameras, tmp_path, capsys):
  for k, serial in enumerate(("1", "1", "1", "2")):
    sensors.save(tmp_path / f"{k}.jpg", k, 0, exif=block(serial=serial))
  status, out, _ = run(capsys, "fingerprint", tmp_path, "--out", tmp_path / "x.npz", "--json")
  (entry,) = json.loads(out)["left_out"]
  assert (status, entry["file"]) == (1, str(tmp_path / "3.jpg"))
  assert entry["cause"] == "EXIF: Acme A1 no. 2, where most are by Acme A1 no. 1"


def test_a_copy_is_added_once_and_named(cameras, tmp_path, capsys):
  folder = sensors.folder(tmp_path / "a", a=(0, range(4)))
  (folder / "z_same.jpg").write_bytes((folder / "a_1.jpg").read_bytes())
  sensors.save(folder / "z_exif.jpg", 2, 0, exif=block())
  status, out, _ = run(capsys, "fingerprint", folder, "--out", tmp_path / "x.npz", "--json")
  result = json.loads(out)
  assert (status, result["images"]) == (0, 4)
  assert {entry["file"]: entry["cause"] for entry in result["left_out"]} == {
    str(folder / f"z_{name}.jpg"): f"a duplicate of {folder / f'a_{k}.jpg'}: the same picture"
    for name, k in (("same", 1), ("exif", 2))
  }
  np.testing.assert_array_equal(
    fingerprints.load(tmp_path / "x.npz").estimate, fingerprints.load(cameras / "a.npz").estimate
  )


def test_an_image_is_no_evidence_about_itself(cameras, tmp_path, capsys):
  own = cameras / "a" / "a_1.jpg"
  copy = sensors.save(tmp_path / "copy.jpg", 1, 0, exif=block())
  status, out, _ = run(capsys, "match", own, copy, "--against", own, cameras / "a.npz", "--json")
  answers = json.loads(out)
  assert (status, {answer["answer"] for answer in answers}) == (0, {"no statement"})
  assert [answer["reason"] for answer in answers] == [
    "the same file",
    "this very file is one of those the fingerprint was made of",
    "the same picture, in a file with other metadata",
    "this very picture is one of those the fingerprint was made of",
  ]
  _, out, _ = run(capsys, "match", cameras / "asked.jpg", "--against", own, cameras / "a.npz", "--json")
  assert [answer["answer"] for answer in json.loads(out)] == ["match"] * 2


def test_copies_are_no_pairs_of_a_matrix(cameras, tmp_path, capsys):
  copy = sensors.save(tmp_path / "copy.jpg", 1, 0, exif=block())
  status, out, _ = run(capsys, "matrix", cameras / "a", copy, "--out", tmp_path / "m", "--json")
  result = json.loads(out)
  assert (status, result["images"], result["pairs"], result["considered"]) == (0, 4, 6, 5)
  assert result["left_out"] == [
    {"file": str(copy), "cause": f"a duplicate of {cameras / 'a' / 'a_1.jpg'}: the same picture"}
  ]


def test_a_bad_candidate_answers_for_itself_alone(cameras, tmp_path, capsys):
  bad = [write(tmp_path / f"{k}.npz", **BAD[name]) for k, name in enumerate(("nan", "huge scale", "unknown setting"))]
  (tmp_path / "text.jpg").write_text("no")
  (tmp_path / "empty").mkdir()
  bad += [tmp_path / "text.jpg", tmp_path / "nowhere.npz", tmp_path / "empty"]
  renamed = tmp_path / "fingerprint.jpg"
  renamed.write_bytes((cameras / "a.npz").read_bytes())
  status, out, _ = run(capsys, "match", cameras / "asked.jpg", "--against", *bad, renamed, "--json")
  *refused, good = json.loads(out)
  assert status == 1
  assert [(a["candidate"], a["answer"], a["usable"]) for a in refused] == [
    (str(path), "no statement", False) for path in bad
  ]
  assert all(answer["reason"].startswith(answer["candidate"]) for answer in refused)
  assert (good["answer"], good["n_hypotheses"], good["false_alarm"]) == ("match", 1, 1e-6)
  status, out, _ = run(capsys, "match", cameras / "asked.jpg", tmp_path / "none.jpg", "--against", *bad)
  assert (status, out.count("no statement: "), out.count("No such file")) == (1, 12, 7)


def test_a_pce_that_is_no_number_is_no_statement(cameras, monkeypatch, capsys):
  for value in (np.nan, np.inf, -np.inf):
    monkeypatch.setattr(transforms, "find", lambda *args, value=value, **more: [Found(value, Transform(), (0, 0), 1)])
    _, out, _ = run(capsys, "match", cameras / "asked.jpg", "--against", cameras / "a.npz", "--json")
    (answer,) = json.loads(out)
    assert (answer["answer"], answer["reason"]) == ("no statement", "the correlation is no finite number")


def test_a_look_without_a_number_does_not_hide_the_others(monkeypatch):
  pces = iter([np.nan, 5.0, np.nan, 3.0])
  monkeypatch.setattr(transforms, "_peaks", lambda *args: (np.array([next(pces)]), np.zeros((1, 2), int), 1))
  (found,) = transforms.find(np.zeros((8, 8)), np.zeros((1, 8, 8)), transforms.all_transforms(True, False), 0)
  assert found.pce == 5


@pytest.mark.parametrize(
  "option",
  [
    *("--alpha=nan", "--alpha=0", "--alpha=.5", "--alpha=x", "--reach=-1", "--reach=²", "--reach=1e3"),
    *("--scales=nan:1:1", "--scales=1:inf:1", "--scales=1:2", "--scales=1:2:1e-9", "--scales=0.001:1:1"),
  ],
)
def test_nonsense_is_a_usage_error(option, capsys):
  with pytest.raises(SystemExit) as ended:
    main(["match", "x.jpg", "--against", "y.npz", option])
  assert ended.value.code == 2
  assert option.partition("=")[0] in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--sigma=nan", "--sigma=inf", "--sigma=0", "--wavelet=x", "--wavelet=bior2.2"])
def test_nonsense_about_the_residual_is_a_usage_error(option):
  with pytest.raises(SystemExit) as ended:
    main(["fingerprint", "x", "--out", "y.npz", option])
  assert ended.value.code == 2


def test_every_file_of_a_folder_is_used_or_named(cameras, tmp_path, capsys):
  folder = sensors.folder(tmp_path / "a", a=(0, range(3)))
  for scene, name in enumerate(("x.jfif", "y.JPE", "z.png"), 10):
    (folder / name).write_bytes(sensors.data(scene, 0))
  (folder / "picture.png").write_bytes(jpegs.png())
  (folder / "notes.txt").write_text("seen")
  os.mkfifo(folder / "pipe.jpg")
  status, out, _ = run(capsys, "fingerprint", folder, "--out", tmp_path / "x.npz", "--json")
  result = json.loads(out)
  assert (status, result["images"], result["considered"]) == (1, 6, 9)
  assert {entry["file"].rsplit("/", 1)[1]: entry["cause"] for entry in result["left_out"]} == {
    "picture.png": "a PNG file, not a JPEG",
    "notes.txt": "no photograph",
    "pipe.jpg": "not a regular file",
  }
  status, out, err = run(capsys, "match", folder, "--against", cameras / "a.npz", "--json")
  answers = {answer["image"].rsplit("/", 1)[1]: answer for answer in json.loads(out)}
  assert (status, len(answers)) == (1, 8)
  assert answers["picture.png"]["reason"] == "a PNG file, not a JPEG"
  assert "9 files considered, 3 of them passed over" in err
  (folder / "picture.png").unlink()
  (folder / "pipe.jpg").unlink()
  assert run(capsys, "match", folder, "--against", cameras / "a.npz")[0] == 0


def test_names_are_harmless_wherever_they_appear(cameras, tmp_path, capsys, monkeypatch):
  folder = tmp_path / "=odd"
  folder.mkdir()
  names = ["$x_y$.jpg", "写真.jpg", "=1+1.jpg", "a\nb\x1b[2J.jpg", os.fsdecode(b"Acm\xe9.jpg"), "l" * 200 + ".jpg"]
  for k, name in enumerate(names):
    sensors.save(folder / name, k, 0)
  status, out, err = run(capsys, "match", folder, "--against", cameras / "a.npz")
  assert (status, len(out.splitlines())) == (0, 6)
  assert "\x1b" not in out + err
  status, out, err = run(capsys, "matrix", folder, "--out", tmp_path / "m", "--json")
  assert (status, json.loads(out)["images"]) == (0, 6)
  assert not lines(err)  # Warnings of matplotlib would be errors.
  rows = list(csv.reader(io.StringIO((tmp_path / "m" / "images.csv").read_text())))
  assert len(rows) == 7
  monkeypatch.chdir(folder)
  run(capsys, "matrix", ".", "--out", tmp_path / "n")
  assert "'=1+1.jpg" in (tmp_path / "n" / "images.csv").read_text()


def test_labels_that_the_font_lacks_become_lines_of_the_table():
  from fsim.prnu.figures import LONGEST, _label

  assert _label("plain.jpg", 3) == "plain.jpg"
  assert _label("写真.jpg", 3) == "no. 3"
  assert len(_label("x" * 300, 3)) <= LONGEST + 1
  assert _label("a\nb", 3) == "a\\nb"


def test_outputs_are_made_or_refused_before_the_work(cameras, tmp_path, capsys, monkeypatch):
  def never(*arguments):
    raise AssertionError("the photographs were read")

  (tmp_path / "file").write_text("mine")
  (tmp_path / "folder").mkdir()
  with monkeypatch.context() as patched:
    patched.setattr(building, "survey", never)
    patched.setattr(allpairs, "prepared", never)
    places = {"file": "exists and is not as fsim wrote it", "folder": "a folder, and a file", "file/x": "not a folder"}
    places |= {"n" * 252 + ".npz": "File name too long"}
    for place, cause in places.items():
      status, _, err = run(capsys, "fingerprint", cameras / "a", "--out", tmp_path / place)
      assert (status, cause in lines(err)[-1]) == (1, True), err
    status, _, err = run(capsys, "matrix", cameras / "a", "--out", tmp_path / "file")
    assert (status, "not a folder" in lines(err)[-1]) == (1, True)
    (tmp_path / "folder" / "pairs.csv").write_text("mine")
    status, _, err = run(capsys, "matrix", cameras / "a", "--out", tmp_path / "folder")
    assert (status, "pairs.csv: exists and is not as fsim wrote it" in lines(err)[-1]) == (1, True)
  assert (tmp_path / "file").read_text() == "mine"
  for _ in range(2):  # What fsim wrote it may replace.
    assert run(capsys, "fingerprint", cameras / "a", "--out", tmp_path / "not" / "yet" / "x.npz")[0] == 0


def test_a_merge_names_the_bad_file_and_refuses_another_sensor(cameras, tmp_path, capsys):
  bad, out = write(tmp_path / "bad.npz", **BAD["nan"]), tmp_path / "x.npz"
  status, _, err = run(capsys, "merge", cameras / "a.npz", bad, "--out", out)
  assert (status, f"fsim: {bad}: not a fingerprint" in err) == (1, True)
  assert run(capsys, "fingerprint", cameras / "b", "--out", tmp_path / "b.npz")[0] == 0
  status, _, err = run(capsys, "merge", cameras / "a.npz", tmp_path / "b.npz", "--out", out)
  assert (status, out.exists(), "b.npz: not of the sensor of the files before it (PCE" in err) == (1, False, True)
  assert run(capsys, "merge", cameras / "a.npz", tmp_path / "b.npz", "--out", out, "--trusted")[0] == 0
  assert fingerprints.load(out).checked.endswith("merged: taken as given, not checked")


def test_patterns_of_an_older_engine_are_not_mixed_with_those_of_this_one(cameras, tmp_path, capsys, monkeypatch):
  command = ["matrix", cameras / "a", "--out", tmp_path]
  monkeypatch.setattr(tiles, "ENGINE", tiles.ENGINE - 1)
  assert run(capsys, *command)[0] == 0
  pairs = (tmp_path / "pairs.csv").read_bytes()
  older = sorted((tmp_path / "cache").glob("*/[0-9a-f]*.npy"))
  assert older
  for path in older:  # Whole, and of other numbers.
    np.save(path, tiles.eighths(np.random.default_rng(0).normal(size=(sensors.SIDE, sensors.SIDE))))
  monkeypatch.undo()
  assert run(capsys, *command)[0] == 0
  assert (tmp_path / "pairs.csv").read_bytes() == pairs


def test_a_damaged_pattern_in_the_cache_is_made_anew(cameras, tmp_path, capsys):
  command = ["matrix", cameras / "a", "--out", tmp_path]
  assert run(capsys, *command)[0] == 0
  pairs = (tmp_path / "pairs.csv").read_bytes()
  first, second, third, fourth = sorted((tmp_path / "cache").glob("*/[0-9a-f]*.npy"))
  whole = {path: path.read_bytes() for path in (first, second, third, fourth)}
  first.write_bytes(whole[first][:1000])
  second.write_bytes(b"")
  np.save(third, np.full((sensors.SIDE, sensors.SIDE), np.nan, np.float16))
  np.save(fourth, np.zeros((4, 4), np.float16))
  assert run(capsys, *command)[0] == 0
  assert {path: path.read_bytes() for path in whole} == whole
  assert (tmp_path / "pairs.csv").read_bytes() == pairs


def interrupted(monkeypatch, how, at):
  """The process gets a signal while photograph number `at` is added."""
  add, calls = fingerprints.add_filtered, []

  def adding(*arguments):
    calls.append(1)
    if len(calls) == at:
      os.kill(os.getpid(), how)
      time.sleep(0.1)
    return add(*arguments)

  monkeypatch.setattr(fingerprints, "add_filtered", adding)
  return calls


@pytest.mark.parametrize(("how", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 75)])
def test_an_interrupted_fingerprint_goes_on(cameras, tmp_path, capsys, monkeypatch, how, code):
  command = ["fingerprint", cameras / "a", "--out", tmp_path / "x.npz"]
  with monkeypatch.context() as patched:
    interrupted(patched, how, at=3)
    status, _, err = run(capsys, *command)
    assert (status, lines(err)[-1].endswith("; the same command goes on from there")) == (code, True)
  calls = interrupted(monkeypatch, how, at=99)
  assert run(capsys, *command)[0] == 0
  assert len(calls) == 2
  made, whole = (fingerprints.load(path) for path in (tmp_path / "x.npz", cameras / "a.npz"))
  assert made.images == whole.images
  np.testing.assert_allclose(made.estimate, whole.estimate, atol=1e-3 * np.abs(whole.estimate).max())


@pytest.mark.parametrize("change", ["folder", "gone", "edited", "sigma", "name", "damaged", "older"])
def test_what_was_begun_with_other_input_does_not_go_on(cameras, tmp_path, capsys, monkeypatch, change):
  folder = sensors.folder(tmp_path / "a", a=(0, range(4)))
  out, part = tmp_path / "x.npz", tmp_path / "x.npz.part"
  with monkeypatch.context() as patched:
    interrupted(patched, signal.SIGINT, at=4)
    run(capsys, "fingerprint", folder, "--out", out)
  begun = part.read_bytes()
  more, cause = [], "begun with other photographs; delete it to begin anew"
  if change == "folder":
    folder = cameras / "b"
  elif change == "gone":
    (folder / "a_1.jpg").unlink()
  elif change == "edited":
    sensors.save(folder / "a_1.jpg", 11, 0)
  elif change == "sigma":
    more, cause = ["--sigma", "3"], "begun with another size, another name or other settings; delete it"
  elif change == "name":
    more, cause = ["--device", "else"], "begun with another size, another name or other settings; delete it"
  elif change == "damaged":
    part.write_bytes(begun[:-100])
    cause = "not a fingerprint"
  elif change == "older":
    fingerprints.save(part, fingerprints.load(part)._replace(contents=()), bits=32)
    cause = "begun by an older version; delete it"
  before = part.read_bytes()
  status, _, err = run(capsys, "fingerprint", folder, "--out", out, *more)
  assert (status, out.exists(), part.read_bytes() == before) == (1, False, True)
  assert lines(err)[-1].startswith(f"fsim: {part}: {cause}")
  part.unlink()
  assert run(capsys, "fingerprint", folder, "--out", out, *more)[0] == 0
  assert not part.exists()


def test_a_photograph_that_changes_while_it_is_read_is_left_out(cameras, tmp_path, capsys, monkeypatch):
  folder, survey = sensors.folder(tmp_path / "a", a=(0, range(4))), building.survey

  def changing(paths):
    seen = survey(paths)
    sensors.save(folder / "a_1.jpg", 11, 0)
    return seen

  monkeypatch.setattr(building, "survey", changing)
  status, out, _ = run(capsys, "fingerprint", folder, "--out", tmp_path / "x.npz", "--json")
  result = json.loads(out)
  assert (status, result["images"]) == (1, 3)
  assert result["left_out"] == [{"file": str(folder / "a_1.jpg"), "cause": "changed while it was read"}]


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_answers_that_were_found_survive_an_interruption(cameras, capsys, monkeypatch, form):
  matched, calls = comparing._matched, []

  def stopping(*arguments):
    calls.append(1)
    if len(calls) == 3:
      os.kill(os.getpid(), signal.SIGTERM)
      time.sleep(0.1)
    return matched(*arguments)

  monkeypatch.setattr(comparing, "_matched", stopping)
  status, out, err = run(capsys, "match", cameras / "b", "--against", cameras / "a.npz", *form)
  assert status == 75
  assert len(json.loads(out) if form else out.splitlines()) == 2
  assert lines(err)[-1].endswith("2 of 4 answers were found and printed; the same command begins anew")


def test_the_camera_that_exif_names_is_in_the_answer(tmp_path, capsys):
  for k in range(3):
    sensors.save(tmp_path / f"{k}.jpg", k, 0, exif=block(model="A\x1b9"))
  _, out, _ = run(capsys, "fingerprint", tmp_path, "--out", tmp_path / "x.npz", "--json")
  assert {r["camera"] for r in json.loads(out)["references"]} == {"Acme A\x1b9 no. 0042"}
  assert exif.camera(b"") == exif.Camera()
