"""The recipe that ships, and photographs rebuilt from repositories that the tests make, in every way that can fail."""

import csv
import hashlib
import json
import os
import re
import shutil
import stat
import time
import tomllib

import numpy as np
import pytest

from fsim import commands
from fsim.boundary import console
from fsim.boundary.errors import UserError
from fsim.data import jpeg, source, splits
from fsim.data.dresden import names
from fsim.data.public import cutting, outside, rebuilding, recipe, repositories
from fsim.data.public.outside import Unavailable
from fsim.data.public.rebuilding import WORKPLACE, Source, rebuild
from tests import repositories as made
from tests.commands import ROOT

OPENCAMS = ROOT.parent / "shared" / "opencams"
REPAIRS = names.Repairs(merge_d70=True, repair_mju=True)
ABSENT = [program for program in ("git", "jpegtran") if shutil.which(program) is None]
needs_programs = pytest.mark.skipif(bool(ABSENT), reason=f"needs {' and '.join(ABSENT)}")


def rows(name):
  return list(csv.DictReader(recipe.table(name).decode().splitlines()))


@pytest.mark.parametrize(
  ("name", "count", "devices"), [("opencams/train", 302, 13), ("opencams/dev", 390, 18), ("realcams", 294, 12)]
)
def test_the_recipe_says_where_every_crop_comes_from(name, count, devices):
  table = rows(name)
  assert len(table) == len({row["sha256"] for row in table}) == len({row["git_blob"] for row in table}) == count
  assert len({(row["brand"], row["model"], row["instance"]) for row in table}) == devices
  for row in table:
    assert re.fullmatch(r"[\w-]+/[\w.-]+", row["repository"])
    assert re.fullmatch("[0-9a-f]{40} [0-9a-f]{40} [0-9a-f]{64}", f"{row['commit']} {row['git_blob']} {row['sha256']}")
    left, top, side = (int(row[column]) for column in ("crop_x", "crop_y", "side"))
    assert left % 16 == top % 16 == 0
    assert left + side <= int(row["full_width"])
    assert top + side <= int(row["full_height"])
    assert row["licence"]
    assert not [cell for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]


def test_names_in_the_recipe_are_dresdens_and_stay_in_the_folder():
  crops = [crop for name in recipe.SETS for crop in recipe.crops(name)]
  assert len({crop.place for crop in crops}) == len({crop.filename for crop in crops}) == len(crops)
  for name in recipe.SETS:
    for row in rows(name):
      said = names.parse(row["filename"], REPAIRS._replace(merge_d70=False))
      assert said.device == f"{row['brand']}_{row['model']}_{row['instance']}"
      assert said.shot == int(row["shot"])
      assert row["subset"] in ("natural", "flat-field")
  assert not [crop for crop in crops if "/" in crop.filename or ".." in crop.place.parts]


def test_no_device_and_no_scene_is_in_two_sets():
  """So that all of them together are one data set."""
  seen = {}
  for name in recipe.SETS:
    for row in rows(name):
      for key in (row["filename"].rsplit("_", 1)[0], (row["position_num"], row["motive_num"])):
        assert seen.setdefault(key, name) == name or key == ("", "")


def test_the_recipe_is_installed_with_the_package():
  settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
  assert "fsim.data.public" in settings["packages"]
  assert settings["package-data"]["fsim.data.public"] == ["*.csv"]
  folder = ROOT / "fsim" / "data" / "public"
  assert {path.stem for path in folder.glob("*.csv")} == {name.replace("/", "_") for name in recipe.SETS}
  assert not list(folder.glob("*.[jJ]*"))


@pytest.mark.parametrize("name", recipe.SETS)
def test_recorded_hashes_are_those_of_the_crops_at_hand(name):
  folder = OPENCAMS.parent / name
  if not folder.is_dir():
    pytest.skip(f"needs the crops of {folder}")
  for crop in recipe.crops(name):
    assert hashlib.sha256((folder / crop.subset / crop.filename).read_bytes()).hexdigest() == crop.sha256


@pytest.fixture(scope="session")
def _host(tmp_path_factory):
  return made.host(tmp_path_factory.mktemp("host"))


@pytest.fixture
def host(_host, tmp_path, monkeypatch):
  """A host of one's own, and its tables in the place of those that are shipped."""
  own = _host._replace(folder=shutil.copytree(_host.folder, tmp_path / "host"))
  monkeypatch.setattr(recipe, "table", own.tables.__getitem__)
  monkeypatch.setattr(recipe, "SETS", tuple(own.tables))
  return own


@pytest.fixture
def out(tmp_path):
  return tmp_path / "out"


def rebuilt(host, out, crops=None, clones=None, address=None):
  return rebuild(crops or host.crops, out, Source(address or host.address, clones))


def causes(outcomes):
  """By file, for those that were not made."""
  return {outcome.crop.filename: outcome.cause for outcome in outcomes if outcome.cause}


def files(out):
  return sorted(path.relative_to(out).as_posix() for path in out.rglob("*.JPG"))


@needs_programs
def test_a_crop_has_the_pixels_of_its_original_and_none_of_its_metadata():
  original = made.photograph(5)
  crop = cutting.cut(original, 16, 32, 32)
  np.testing.assert_array_equal(jpeg.decode(crop), jpeg.decode(original)[32:64, 16:48])
  assert b"taken by somebody" in original
  assert b"taken by somebody" not in crop


@needs_programs
@pytest.mark.parametrize("data", [b"", b"no photograph", made.jpegs.png()], ids=["empty", "text", "png"])
def test_what_is_no_jpeg_is_not_cut(data):
  with pytest.raises(Unavailable):
    cutting.cut(data, 16, 32, 32)


@needs_programs
def test_every_crop_is_made_byte_for_byte(host, out):
  outcomes = rebuilt(host, out)
  assert not causes(outcomes)
  assert all(outcome.is_new for outcome in outcomes)
  assert len(files(out)) == len(host.crops) == 18
  for crop in host.crops:
    assert hashlib.sha256((out / crop.place).read_bytes()).hexdigest() == crop.sha256
  assert {path.name for path in out.iterdir()} == {"opencams", "realcams", "lock"}  # What was fetched is not kept.


@needs_programs
def test_nothing_is_fetched_but_the_photographs_named(host, tmp_path):
  wanted = [crop for crop in host.crops if crop.repository == "bob/bricks"][:2]
  place = tmp_path / "fetched"
  repositories.fetch(f"{host.address}/bob/bricks", wanted[0].commit, [crop.git_blob for crop in wanted], place)
  listed = made.git(place, "cat-file", "--batch-all-objects", "--batch-check").splitlines()
  kinds = {line.split()[0]: line.split()[1] for line in listed}
  assert {name for name, kind in kinds.items() if kind == "blob"} == {crop.git_blob for crop in wanted}
  assert sorted(kinds.values()) == ["blob", "blob", "commit", "tree", "tree"]


@needs_programs
def test_all_photographs_of_a_repository_come_in_one_request(host, out, monkeypatch):
  asked, run = [], outside.run
  monkeypatch.setattr(outside, "run", lambda *a, **k: asked.append(a[0]) or run(*a, **k))
  rebuilt(host, out)
  assert sum("--stdin" in command for command in asked) == 3
  assert sum("fetch" in command for command in asked) == 6


@needs_programs
def test_the_intake_takes_all_of_it_with_scenes_and_subsets(host, out, data):
  rebuilt(host, out)
  images = source.open_folder(out, data_dir=data)
  assert sorted(images.table["sha256"]) == sorted(crop.sha256 for crop in host.crops)
  assert sorted(images.table["model"].unique()) == sorted(made.MODELS)
  assert images.table["scene"].nunique() == 9
  assert images.problems.empty
  apart = splits.by_scene(images.table, seed=0, validation=0.1, test=0.3)
  assert {side: images.table["device"].iloc[rows].nunique() for side, rows in apart.items()} == dict.fromkeys(apart, 6)
  models = splits.model_disjoint(images.table, seed=0)
  assert {side: images.table["model"].iloc[rows].nunique() for side, rows in models.items()} == {"A": 2, "B": 2, "C": 2}


@needs_programs
def test_what_is_there_is_not_made_again(host, out, data, monkeypatch):
  rebuilt(host, out)
  before = source.open_folder(out, data_dir=data).records.folder
  monkeypatch.setenv("PATH", "")  # Neither git nor jpegtran is needed any more.
  outcomes = rebuilt(host, out)
  assert not causes(outcomes)
  assert not any(outcome.is_new for outcome in outcomes)
  assert source.open_folder(out, data_dir=data).records.folder == before


@needs_programs
@pytest.mark.parametrize("moment", ["fetch", "read"])
def test_what_was_interrupted_goes_on(host, out, moment, monkeypatch):
  calls = {"fetch": 0, "read": 0}

  def interrupt(*arguments):
    calls[moment] += 1
    if calls[moment] == 2:
      raise KeyboardInterrupt
    return original(*arguments)

  original = getattr(repositories, moment)
  with monkeypatch.context() as patch:
    patch.setattr(repositories, moment, interrupt)
    with pytest.raises(KeyboardInterrupt):
      rebuilt(host, out)
  done = files(out)
  assert len(done) == {"fetch": 6, "read": 1}[moment]
  assert not (out / WORKPLACE).exists()
  written = {name: (out / name).stat().st_mtime_ns for name in done}
  outcomes = rebuilt(host, out)
  assert not causes(outcomes)
  assert sum(outcome.is_new for outcome in outcomes) == 18 - len(done)
  assert {name: (out / name).stat().st_mtime_ns for name in done} == written


@needs_programs
def test_a_killed_run_leaves_nothing_in_the_way(host, out):
  (out / WORKPLACE / "objects").mkdir(parents=True)
  (out / WORKPLACE / "HEAD").write_text("ref: nowhere")
  assert not causes(rebuilt(host, out))
  assert not (out / WORKPLACE).exists()


@needs_programs
def test_a_repository_that_is_gone_is_named_and_the_rest_goes_on(host, out):
  shutil.rmtree(host.folder / "bob" / "bricks")
  said = causes(rebuilt(host, out))
  assert said.keys() == {crop.filename for crop in host.crops if crop.repository == "bob/bricks"}
  assert all("bob/bricks' does not appear to be a git repository" in cause for cause in said.values())
  assert len(files(out)) == 12


@needs_programs
def test_a_commit_that_is_gone_is_named(host, out):
  crops = [crop._replace(commit="0" * 39 + "1") if crop.repository == "bob/bricks" else crop for crop in host.crops]
  said = causes(rebuilt(host, out, crops))
  assert set(said.values()) == {f"the commit {'0' * 39}1 is gone"}
  assert len(said) == 6
  assert len(files(out)) == 12


@needs_programs
def test_blobs_that_are_gone_cost_the_others_nothing(host, out):
  gone = host.crops[1], host.crops[4]
  for crop in gone:
    made.lose(host.folder / crop.repository, crop.git_blob)
  assert causes(rebuilt(host, out)) == {crop.filename: f"the blob {crop.git_blob} is gone" for crop in gone}
  assert len(files(out)) == 16


@needs_programs
def test_a_crop_with_another_hash_is_not_written(host, out):
  crops = [host.crops[0]._replace(sha256="0" * 64), host.crops[1]._replace(x=32), *host.crops[2:]]
  said = causes(rebuilt(host, out, crops))
  assert said.keys() == {crop.filename for crop in crops[:2]}
  assert set(said.values()) == {"what was cut from the original has another SHA-256 than recorded"}
  assert files(out) == sorted(crop.place.as_posix() for crop in crops[2:])


@needs_programs
def test_a_blob_with_other_bytes_than_its_name_says_is_not_used(host, out):
  first, second = host.crops[:2]
  made.swap(host.folder / first.repository, first.git_blob, second.git_blob)
  said = causes(rebuilt(host, out, clones=host.folder))
  assert said.keys() == {first.filename}


@needs_programs
def test_a_pointer_to_a_large_file_store_is_named_as_such(host, out):
  pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 5000000\n"
  commit, blobs = made.repository(host.folder / "carl" / "large", {"a.jpg": pointer})
  crop = host.crops[0]._replace(repository="carl/large", commit=commit, git_blob=blobs["a.jpg"])
  (cause,) = causes(rebuilt(host, out, [crop, *host.crops[1:]])).values()
  assert cause == f"the blob {crop.git_blob} is a Git LFS pointer: the photograph lies outside of the repository"
  assert len(files(out)) == 17


@needs_programs
def test_a_blob_of_an_absurd_size_is_not_read(host, out, monkeypatch):
  monkeypatch.setattr(repositories, "MAX_BYTES", 1000)
  said = causes(rebuilt(host, out))
  assert len(said) == 18
  assert all("is larger than" in cause for cause in said.values())


@needs_programs
@pytest.mark.parametrize("name", ["ann/aerial", "ann/aerial.git", "ann+aerial", "ann+aerial.git"])
@pytest.mark.parametrize("bare", [False, True])
def test_clones_at_hand_are_used_and_the_network_is_not(host, out, name, bare, tmp_path):
  crops = [crop for crop in host.crops if crop.repository == "ann/aerial"]
  clones = tmp_path / "clones"
  made.git(tmp_path, "clone", "--quiet", *["--bare"] * bare, str(host.folder / "ann" / "aerial"), str(clones / name))
  assert not causes(rebuilt(host, out, crops, clones=clones, address=f"file://{tmp_path}/nowhere"))


@needs_programs
def test_repositories_without_a_clone_are_fetched(host, out, tmp_path):
  clones = tmp_path / "clones"
  shutil.copytree(host.folder / "ann" / "aerial", clones / "ann" / "aerial")
  shutil.rmtree(host.folder / "ann")
  assert not causes(rebuilt(host, out, clones=clones))


@needs_programs
def test_nothing_is_fetched_for_a_clone_that_lacks_a_blob(host, out, tmp_path):
  """A partial clone fetches by itself what it is asked for."""
  clones = tmp_path / "clones"
  made.git(
    tmp_path,
    "clone",
    "--quiet",
    "--bare",
    "--filter=blob:none",
    f"{host.address}/ann/aerial",
    str(clones / "ann+aerial"),
  )
  crops = [crop for crop in host.crops if crop.repository == "ann/aerial"]
  assert set(causes(rebuilt(host, out, crops, clones=clones)).values()) == {
    f"the blob {crop.git_blob} is gone" for crop in crops
  }


@needs_programs
def test_what_a_shell_says_of_its_own_repository_is_not_taken_for_ours(host, out, tmp_path, monkeypatch):
  for name in ("GIT_DIR", "GIT_OBJECT_DIRECTORY", "GIT_INDEX_FILE"):
    monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
  monkeypatch.setenv("GIT_DEFAULT_HASH", "sha256")
  assert not causes(rebuilt(host, out))
  assert not (tmp_path / "elsewhere").exists()


@needs_programs
@pytest.mark.parametrize("kind", ["other", "folder", "link"])
def test_a_file_of_another_origin_is_left_alone(host, out, kind):
  crop = host.crops[3]
  place = out / crop.place
  place.parent.mkdir(parents=True)
  if kind == "other":
    place.write_bytes(b"mine")
  elif kind == "folder":
    place.mkdir()
  else:
    place.symlink_to("nowhere")
  before = os.lstat(place)
  assert causes(rebuilt(host, out)) == {crop.filename: rebuilding.TAKEN}
  assert os.lstat(place) == before


@needs_programs
def test_a_table_of_another_origin_ends_it_before_any_work(host, out):
  (out / "realcams").mkdir(parents=True)
  (out / "realcams" / recipe.TABLE).write_text("filename,mine\n")
  with pytest.raises(UserError, match=r"origins.csv: exists and is not the table of this version"):
    rebuilt(host, out)
  assert not files(out)
  assert (out / "realcams" / recipe.TABLE).read_text() == "filename,mine\n"


def programs(folder, monkeypatch, **scripts):
  """A PATH of these alone: "" stands for the real program."""
  folder.mkdir()
  for name, script in scripts.items():
    if script:
      (folder / name).write_text(f"#!/bin/sh\n{script}\n")
      (folder / name).chmod(stat.S_IRWXU)
    else:
      (folder / name).symlink_to(shutil.which(name))
  monkeypatch.setenv("PATH", str(folder))


CROP = recipe.Crop("realcams", "natural", "A_B_0_1.JPG", "a/b", "1" * 40, "b.jpg", "2" * 40, 0, 0, 32, "3" * 64)


@pytest.mark.parametrize(
  ("scripts", "message"),
  [
    (
      {"git": "exit 1"},
      "jpegtran is not installed; it comes with libjpeg-turbo (Debian and Ubuntu: libjpeg-",
    ),
    ({"jpegtran": "exit 1"}, "git is not installed; it comes with the package git"),
    (
      {"git": "exit 1", "jpegtran": "echo mozjpeg version 4.1.1 >&2"},
      "jpegtran is another library's, which ",
    ),
  ],
  ids=["no jpegtran", "no git", "other jpegtran"],
)
def test_missing_programs_are_said_before_any_work_with_the_package_to_install(scripts, message, tmp_path, monkeypatch):
  programs(tmp_path / "bin", monkeypatch, **scripts)
  with pytest.raises(UserError) as error:
    rebuild([CROP], tmp_path / "out", Source("file:///nowhere", None))
  assert str(error.value).startswith(message)
  assert "\n" not in str(error.value)


def test_a_git_that_hangs_is_given_up_with_all_that_it_started(tmp_path):
  began = time.monotonic()
  done = outside.run(["sh", "-c", f"(sleep 1; touch {tmp_path}/late) & sleep 60"], 0.2)
  assert done.said == "sh did not end within 0.2 s"
  time.sleep(1.2)
  assert not (tmp_path / "late").exists()
  assert time.monotonic() - began < 20


def test_git_is_asked_without_a_terminal_and_its_words_are_made_harmless(tmp_path, monkeypatch):
  script = 'echo "fatal: \x1b[31m$GIT_TERMINAL_PROMPT $LC_ALL" >&2; exit 1'
  programs(tmp_path / "bin", monkeypatch, git=f"case $* in *init*|*config*) exit 0;; esac; {script}")
  with pytest.raises(Unavailable) as error:
    repositories.fetch("https://nowhere.example/a/b", "1" * 40, ["2" * 40], tmp_path / "place")
  assert str(error.value) == r"fatal: \x1b[31m0 C"


@pytest.fixture
def answered(capsys):
  """The exit code of `fsim public ...`, and what was said on either stream."""

  def answer(*arguments):
    try:
      code = commands.main(["public", *map(str, arguments)])
    except SystemExit as error:  # How argparse ends.
      code = error.code
    return code, *capsys.readouterr()

  return answer


@needs_programs
def test_the_command_counts_by_set_and_names_what_is_missing(host, out, answered):
  shutil.rmtree(host.folder / "bob" / "bricks")
  code, said, notes = answered("--out", out, "--host", host.address)
  assert code == console.INCOMPLETE
  assert said.splitlines()[1:] == [
    "  opencams/train: 6 of 12 crops, 6 of them made now",
    "  realcams: 6 of 6 crops, 6 of them made now",
  ]
  assert notes.startswith("fsim: bob/bricks: 6 crops not made: fatal: ")
  assert notes.count("\n") == 1
  assert (out / "opencams/train" / recipe.TABLE).read_bytes() == host.tables["opencams/train"]


@needs_programs
def test_the_answer_as_json_has_everything(host, out, answered):
  crop = host.crops[0]
  made.lose(host.folder / crop.repository, crop.git_blob)
  code, said, _ = answered("--out", out, "--host", host.address, "--set", "opencams/train", "--json")
  assert code == console.INCOMPLETE
  assert json.loads(said) == {
    "out": str(out),
    "sets": [{"set": "opencams/train", "crops": 12, "there": 11, "made": 11}],
    "failed": [
      {
        "file": crop.place.as_posix(),
        "repository": crop.repository,
        "path": crop.path,
        "cause": f"the blob {crop.git_blob} is gone",
      }
    ],
  }
  assert not (out / "realcams").exists()


@needs_programs
def test_the_command_ends_well_when_all_is_there(host, out, answered):
  asked = ("--out", out, "--host", f"{host.address}/", "--set", "realcams, opencams/train")
  assert answered(*asked)[0] == console.ANSWERED
  code, said, notes = answered(*asked)
  assert (code, notes) == (console.ANSWERED, "")
  assert "  realcams: 6 of 6 crops, 0 of them made now" in said


def test_a_folder_of_clones_that_is_not_there_is_told_before_anything_is_fetched(tmp_path, answered):
  with pytest.raises(UserError, match="none: no such folder"):
    answered("--out", tmp_path / "out", "--clones", tmp_path / "none")
  assert not (tmp_path / "out").exists()


def test_an_interrupted_command_says_that_it_goes_on(tmp_path, answered, monkeypatch):
  def interrupted(*arguments):
    raise KeyboardInterrupt

  monkeypatch.setattr("fsim.commands.public.rebuild", interrupted)
  with pytest.raises(KeyboardInterrupt) as error:
    answered("--out", tmp_path / "out")
  assert error.value.__notes__ == [console.GOES_ON]


@pytest.mark.parametrize(
  ("arguments", "message"),
  [
    (["--set=opencams"], "there is no set 'opencams'; sets are opencams/train, opencams/dev, realcams"),
    (["--host=ext::sh -c x"], "is no address such as https://github.com"),
    (["--host=--upload-pack=x"], "is no address such as https://github.com"),
  ],
)
def test_an_unknown_set_or_address_is_a_mistake_of_usage(arguments, message, tmp_path, answered):
  code, _, said = answered("--out", tmp_path / "out", *arguments)
  assert code == console.USAGE
  assert message in said
  assert not (tmp_path / "out").exists()
