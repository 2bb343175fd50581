"""`fsim link`: a folder of photographs in, groups of one camera out."""

import hashlib
import json
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from fsim.boundary import arrays, console, lock
from fsim.data import photographs
from fsim.evidence import album, changing, linked, saved
from fsim.prnu import preparing
from fsim.prnu.tiles import Tiles
from tests import jpegs, sensors
from tests.commands import ROOT, variables
from tests.test_compare import CALIBRATION, says

CAMERAS = {"a": (1, range(5)), "b": (2, range(4)), "c": (3, range(1))}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
  """Five photographs of one camera, four of another, one of a third, and a calibration that expects such noise."""
  place = tmp_path_factory.mktemp("link")
  (place / "own.json").write_bytes(saved.to_bytes(CALIBRATION))
  return sensors.folder(place / "album", **CAMERAS)


def linking(*arguments):
  return says(*arguments, of="link")


def answered(folder, *arguments):
  code, out, err = linking(folder, f"--calibration={folder.parent / 'own.json'}", "--json", *arguments)
  return code, json.loads(out), err


def names(facts):
  return [{photograph["file"].rsplit("/", 1)[1][0] for photograph in group["photographs"]} for group in facts["groups"]]


@pytest.fixture(scope="module")
def first(folder):
  code, facts, err = answered(folder, f"--out={folder.parent / 'out'}")
  assert code == console.ANSWERED, err
  return facts


def test_photographs_are_grouped_by_camera(first, folder):
  assert names(first) == [{"a"}, {"b"}]
  assert [len(group["photographs"]) for group in first["groups"]] == [5, 4]
  (alone,) = first["alone"]
  assert (alone["file"], alone["compared_with"]) == (str(folder / "c_0.jpg"), 9)
  assert first["pairs"] == 45
  assert first["answer"].startswith("10 photographs; groups of one device each: 2 (photographs: 5, 4); alone: 1.")
  assert linked.NO_EXCLUSION in first["answer"]
  assert first["calibration"]["name"] == "own"


def test_members_have_their_hashes_and_ratios_within_the_bounds(first):
  for group in first["groups"]:
    for one in group["photographs"]:
      with open(one["file"], "rb") as file:
        assert one["sha256"] == hashlib.sha256(file.read()).hexdigest()
      line = CALIBRATION.lines["another model"]
      assert 0 < one["largest_log10_ratio"]["H2b"] <= line.high / np.log(10) + 1e-3
      assert one["z_with_rest"] > 5


def test_what_is_written_says_the_same(first, folder):
  out = folder.parent / "out"
  assert json.loads((out / "groups.json").read_text()) == first
  kept = arrays.read_npz(out / "ratios.npz")
  assert kept.keys() == {"sha256", "compared", "z", "H2a", "H2b"}
  assert (kept["compared"] == ~np.eye(10, dtype=bool)).all()
  for group in first["groups"]:
    places = np.flatnonzero(np.isin(kept["sha256"], [one["sha256"] for one in group["photographs"]]))
    np.testing.assert_array_less(8, kept["z"][np.ix_(places, places)][np.triu_indices(len(places), 1)])
  with Image.open(out / "groups.png") as picture:
    assert min(picture.size) > 400


def test_people_read_a_sentence_and_the_members(folder):
  code, out, _ = linking(folder, f"--calibration={folder.parent / 'own.json'}")
  assert code == console.ANSWERED
  assert "group 1: 5 photographs of one device" in out
  assert linked.NO_EXCLUSION in out
  assert "alone: 1" in out


def test_names_and_their_order_do_not_matter(folder, first, tmp_path):
  """The same files under other names, in another order, in two folders."""
  files = sorted(folder.iterdir(), key=lambda path: path.read_bytes()[-64:])
  (tmp_path / "x").mkdir()
  for k, path in enumerate(files):
    shutil.copy(path, tmp_path / ("x" if k % 2 else ".") / f"{k:03}.jpg")
  _, there, _ = answered_in(folder, tmp_path / "x", tmp_path)
  hashes = lambda facts: [[one["sha256"] for one in group["photographs"]] for group in facts["groups"]]  # noqa: E731
  assert hashes(there) == hashes(first)


def answered_in(folder, *places):
  code, out, err = linking(*places, f"--calibration={folder.parent / 'own.json'}", "--json")
  return code, json.loads(out), err


def test_copies_are_named_and_count_once(folder, tmp_path):
  shutil.copytree(folder, tmp_path / "album")
  shutil.copy(folder / "c_0.jpg", tmp_path / "album" / "again.jpg")
  sensors.save(tmp_path / "album" / "comment.jpg", 60, 3, comment=b"the same picture")
  code, facts, err = answered_in(folder, tmp_path / "album")
  assert code == console.ANSWERED
  assert names(facts) == [{"a"}, {"b"}]
  assert len(facts["alone"]) == 1
  assert len([row for row in facts["left_out"] if "a duplicate of" in row["cause"]]) == 2
  assert "the same picture" in err


def test_bad_files_are_named_and_the_others_answered(folder, tmp_path):
  shutil.copytree(folder, tmp_path / "album")
  bad = {"empty.jpg": b"", "half.jpg": jpegs.truncated(), "text.jpg": b"no photograph", "png.jpg": jpegs.png()}
  for name, content in bad.items():
    (tmp_path / "album" / name).write_bytes(content)
  sensors.save(tmp_path / "album" / "small.jpg", 3, 0, crop=(0, 0, 63, 160))
  Image.new("RGB", (160, 160), "white").save(tmp_path / "album" / "white.jpg")
  code, facts, err = answered_in(folder, tmp_path / "album")
  causes = {row["file"].rsplit("/", 1)[1]: row["cause"] for row in facts["left_out"]}
  assert code == console.INCOMPLETE
  assert causes.keys() == {*bad, "small.jpg", "white.jpg"}
  assert causes["empty.jpg"] == "empty file"
  assert causes["small.jpg"].startswith("too small")
  assert causes["white.jpg"].startswith("over-exposed")
  assert all(name in err for name in causes)
  assert names(facts) == [{"a"}, {"b"}]


def test_a_file_that_is_rewritten_once_it_was_read_is_answered_as_it_was(folder, first, tmp_path, monkeypatch):
  shutil.copytree(folder, tmp_path / "album")

  def rewritten(paths):
    for one in photographs.read_all(paths):
      one.path.write_bytes(b"")
      yield one

  monkeypatch.setattr(preparing, "read_all", rewritten)
  code, facts, err = answered_in(folder, tmp_path / "album")
  assert code == console.ANSWERED, err
  assert names(facts) == names(first)


def test_photographs_of_two_sizes_are_compared_within_each_and_it_is_said(folder, tmp_path):
  shutil.copytree(folder, tmp_path / "album")
  for scene in range(3):
    sensors.save(tmp_path / "album" / f"d_{scene}.jpg", 90 + scene, 1, crop=sensors.CUT)
  sensors.save(tmp_path / "album" / "e_0.jpg", 95, 1, crop=(0, 0, 96, 96))
  code, facts, _ = answered_in(folder, tmp_path / "album")
  assert code == console.ANSWERED
  assert names(facts) == [{"a"}, {"b"}, {"d"}]
  assert f"{linked.SIZES}: here are 3 sizes." in facts["answer"]
  assert {one["file"].rsplit("/", 1)[1]: one["compared_with"] for one in facts["alone"]} == {"c_0.jpg": 9, "e_0.jpg": 0}


@pytest.mark.parametrize("files", [["a_0.jpg"], ["bad.jpg"], ["a_0.jpg", "bad.jpg"], ["a_0.jpg", "small.jpg"]])
def test_without_two_photographs_of_one_size_there_is_no_statement(folder, tmp_path, files):
  """And a former answer does not stay beside it."""
  out = tmp_path / "out"
  assert answered(folder, f"--out={out}")[0] == console.ANSWERED
  (tmp_path / "few").mkdir()
  for name in files:
    if name == "bad.jpg":
      (tmp_path / "few" / name).write_text("no photograph")
    elif name == "small.jpg":
      sensors.save(tmp_path / "few" / name, 3, 0, crop=sensors.CUT)
    else:
      shutil.copy(folder / name, tmp_path / "few")
  own = f"--calibration={folder.parent / 'own.json'}"
  code, said, _ = linking(tmp_path / "few", own, f"--out={out}", "--json")
  assert code == (console.INCOMPLETE if "bad.jpg" in files else console.ANSWERED)
  assert json.loads(said)["answer"].startswith(linked.NEEDED)
  assert json.loads((out / "groups.json").read_text())["groups"] == []
  assert not (out / "groups.png").exists()
  assert not (out / "ratios.npz").exists()


def test_an_empty_folder_is_one_line(tmp_path):
  (tmp_path / "empty").mkdir()
  code, out, err = linking(tmp_path / "empty")
  assert (code, out) == (console.INCOMPLETE, "")
  assert "no JPEG files in this folder" in err


def test_a_picture_without_an_answer_is_named_where_the_output_goes_too(folder, tmp_path):
  for path in sorted(folder.glob("*.jpg"))[:2]:
    shutil.copy(path, tmp_path)
  Image.new("RGB", (160, 160)).save(tmp_path / "other.png")
  code, _, err = linking(tmp_path, f"--out={tmp_path}")
  assert code == console.INCOMPLETE
  assert "other.png" in err
  assert "other.png" in (tmp_path / "groups.json").read_text()
  assert ".npy" not in err  # What fsim keeps there is not named.


def test_nothing_of_somebody_else_is_replaced(folder, tmp_path):
  (tmp_path / "groups.json").write_text("mine")
  code, _, err = linking(folder, f"--out={tmp_path}")
  assert code == console.INCOMPLETE
  assert "exists and is not as fsim wrote it" in err
  assert (tmp_path / "groups.json").read_text() == "mine"
  assert not (tmp_path / "cache").exists()


def test_what_was_begun_is_not_done_again_and_damage_is(folder, first, monkeypatch):
  out = folder.parent / "out"
  before = {path: path.stat().st_mtime_ns for path in Tiles(out / "cache").folder.iterdir()}
  pattern, pairs = (min(Tiles(out / "cache").folder.glob(glob)) for glob in ("[0-9a-f]*.npy", "pairs-*.npy"))
  pattern.write_bytes(pattern.read_bytes()[:-1])
  pairs.write_bytes(b"damaged")
  measured = []
  monkeypatch.setattr(
    album,
    "_measured",
    lambda one, *rest, real=album._measured, **named: measured.append(one) or real(one, *rest, **named),
  )
  _, again, _ = answered(folder, f"--out={out}")
  assert again == first
  assert [one.sha256 for one in measured] == [pattern.stem]
  after = {path: path.stat().st_mtime_ns for path in Tiles(out / "cache").folder.iterdir()}
  others = (pattern.with_name(f"{kind}-{pattern.name}") for kind in ("spectrum", "shown"))
  anew = {pattern, *others, pairs, pattern.with_suffix(".json")}
  assert {path for path in before if after[path] != before[path]} == anew


def test_an_interrupted_call_goes_on(folder, tmp_path):
  """SIGTERM after the first pattern; the same command then answers as if nothing had been."""
  command = [sys.executable, "-m", "fsim", "link", "album", "--calibration=own.json", f"--out={tmp_path / 'out'}"]
  options = {"cwd": folder.parent, "env": variables(tmp_path, PYTHONPATH=str(ROOT)), "stderr": subprocess.PIPE}
  process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)
  cache = Tiles(tmp_path / "out" / "cache").folder
  while not list(cache.glob("*.json")) and process.poll() is None:
    time.sleep(0.01)
  process.send_signal(signal.SIGTERM)
  _, err = process.communicate(timeout=60)
  assert (process.returncode, "stopped; the same command goes on from there" in err) == (console.STOPPED, True)
  whole = {path.stem for path in cache.glob("*.json")}  # Written last.
  begun = {path: path.stat().st_mtime_ns for path in cache.iterdir() if path.stem.rpartition("-")[2] in whole}
  assert begun
  assert not (tmp_path / "out" / "groups.json").exists()
  done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, **options)
  assert done.returncode == 0, done.stderr
  assert "(photographs: 5, 4)" in done.stdout
  assert {path: path.stat().st_mtime_ns for path in begun} == begun


def test_two_processes_answer_exactly_as_one(folder, first, tmp_path):
  launch = [sys.executable, "-m", "launch.local", "--processes=2", "--"]
  command = ["link", folder, f"--calibration={folder.parent / 'own.json'}", f"--out={tmp_path / 'out'}", "--json"]
  options = {"cwd": ROOT, "env": variables(tmp_path), "capture_output": True, "text": True}
  done = subprocess.run([*launch, *map(str, command)], check=False, **options)
  assert done.returncode == 0, done.stderr
  assert json.loads(done.stdout) == first
  one, two = (arrays.read_npz(out / "ratios.npz") for out in (folder.parent / "out", tmp_path / "out"))
  assert one.keys() == two.keys()
  for name in one:
    np.testing.assert_array_equal(one[name], two[name])


def test_several_processes_need_a_folder_in_common(folder, monkeypatch):
  monkeypatch.setenv("JAX_NUM_PROCESSES", "2")
  monkeypatch.setenv("JAX_PROCESS_ID", "1")
  code, out, err = linking(folder)
  assert (code, out, "name it by --out" in err) == (console.INCOMPLETE, "", True)


def test_a_process_that_does_not_lead_does_its_share_and_says_nothing(folder, first, tmp_path, monkeypatch):
  shutil.copytree(folder.parent / "out" / "cache", tmp_path / "cache")
  for path in Tiles(tmp_path / "cache").folder.glob("pairs-*"):
    path.unlink()
  monkeypatch.setenv("JAX_NUM_PROCESSES", "2")
  monkeypatch.setenv("JAX_PROCESS_ID", "1")
  with lock.only_one(tmp_path, "leading"):
    code, out, _ = linking(folder, f"--out={tmp_path}")
  assert (code, out) == (console.ANSWERED, "")
  assert list(Tiles(tmp_path / "cache").folder.glob("pairs-*"))
  assert not (tmp_path / "groups.json").exists()


@pytest.mark.parametrize("verb", ["link", "matrix", "validate"])
def test_while_another_process_answers_into_a_folder_a_second_is_refused_and_changes_nothing(folder, tmp_path, verb):
  own = [] if verb == "matrix" else [f"--calibration={folder.parent / 'own.json'}"]
  with lock.only_one(tmp_path / "out", "x"):
    code, out, err = says(folder, f"--out={tmp_path / 'out'}", *own, of=verb)
  assert (code, out, err.count("\n")) == (console.INCOMPLETE, "", 1)
  assert f"{tmp_path / 'out'}: another process is " in err
  assert [path.name for path in (tmp_path / "out").iterdir()] == ["lock"]


def test_of_large_photographs_the_middle_is_looked_at(monkeypatch, folder, tmp_path):
  monkeypatch.setattr(album, "SIDE", 128)
  found = album.gather([folder / "a_0.jpg"], Tiles(tmp_path), lambda path, cause: None)
  (one,) = found.members
  assert (one.size, one.shape, one.quality.pixels) == ((160, 160), (128, 128), 128 * 128)
  middle = changing.middle(np.arange(160 * 160 * 3).reshape(160, 160, 3).astype(np.uint8), album.SIDE)
  assert middle.shape == (128, 128, 3)


def test_many_photographs_are_drawn_in_fewer_cells(monkeypatch):
  from fsim.evidence import linked_figures

  monkeypatch.setattr(linked_figures, "CELLS", 4)
  values = np.arange(81.0).reshape(9, 9)
  values[:3, :3] = np.nan
  drawn = linked_figures.fewer(lambda rows: values[list(rows)], list(range(9)))
  assert drawn.shape == (3, 3)
  assert np.isnan(drawn[0, 0])
  assert drawn[2, 2] == 80
  turned = linked_figures.fewer(lambda rows: values[list(rows)], list(range(9))[::-1])
  assert turned[0, 0] == 80


def renamed(files, place):
  """Blindly: nothing but the pixels and their compression is left of where they come from."""
  place.mkdir()
  order = np.random.default_rng(0).permutation(len(files))
  for k, path in enumerate(files):
    shutil.copy(path, place / f"{order[k]:03}.jpg")
  return {f"{order[k]:03}.jpg": path.name.rsplit("_", 1)[0] for k, path in enumerate(files)}


def test_real_photographs_are_linked_purely(realcams, tmp_path):
  """Four of each of seven cameras with the calibration that ships: every group is of one camera."""
  files = []
  for device in sorted({path.name.rsplit("_", 1)[0] for path in (realcams / "natural").iterdir()})[:7]:
    files += sorted((realcams / "natural").glob(f"{device}_*"))[:4]
  truth = renamed(files, tmp_path / "album")
  code, out, err = linking(tmp_path / "album", "--json")
  assert code == console.ANSWERED, err
  groups = [
    {truth[one["file"].rsplit("/", 1)[1]] for one in group["photographs"]} for group in json.loads(out)["groups"]
  ]
  assert all(len(devices) == 1 for devices in groups)
  assert len(set.union(*groups)) == len(groups) >= 5
