"""The command that says what a folder holds."""

import json
import os

import pytest

from fsim.boundary import console
from fsim.boundary.errors import UserError
from fsim.commands import check
from fsim.data import splits
from tests import commands, jpegs


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
  monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture
def folder(tmp_path):
  """Two D70 and one D200 with four natural images each, one of them broken, and a flat field."""
  folder = tmp_path / "photos"
  names = [f"natural/Nikon_{d}_{shot}.JPG" for d in ("D70_0", "D70_1", "D200_0") for shot in range(4)]
  for seed, name in enumerate([*names, "flatfield/Nikon_D70_0_9.JPG"]):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(jpegs.truncated() if seed == 3 else jpegs.jpeg(seed))
  rows = [f"{name.split('/')[1]},{i % 4},1" for i, name in enumerate(names)]
  (folder / "meta.csv").write_text("filename,position_num,motive_num\n" + "\n".join(rows))
  (folder / "notes.txt").write_text("")
  return folder


def test_json_holds_everything(folder, capsys):
  assert check.main([str(folder), "--json"]) == 0
  found = json.loads(capsys.readouterr().out)
  assert (found["jpegs"], found["usable"], found["models"], found["scenes"]) == (13, 12, 2, 4)
  assert found["scenes_of_one_device"] == 0
  assert found["others"] == [{"file": "notes.txt", "cause": "no photograph"}]
  assert found["considered"] == 15
  device = next(d for d in found["devices"] if d["device"] == "Nikon_D70_0")
  assert (device["natural"], device["flat-field"], device["siblings"]) == (3, 1, 1)
  assert device["sizes"] == {"64x48": 4}
  assert [p["file"] for p in found["left_out"]] == ["natural/Nikon_D70_0_3.JPG"]
  assert found["protocols"].keys() == splits.PROTOCOLS.keys()
  assert found["protocols"]["stratified"]["serves"]
  assert found["protocols"]["stratified"]["images"] == {"train": 5, "validation": 3, "test": 3}
  assert "six models" in found["protocols"]["model_disjoint"]["why"]


def test_text_says_the_same_in_aligned_lines(folder, capsys):
  assert check.main([str(folder)]) == 0
  text = capsys.readouterr().out
  assert "12 usable images of 3 devices, 2 models; 1 files left out" in text
  assert "damaged JPEG" in text
  assert "model_disjoint  no: needs six models" in text
  lines = text.splitlines()
  devices = lines[lines.index("Devices") + 1 : lines.index("Left out") - 1]
  head = devices[0]
  assert all(line[head.index("natural") + 6] in "34" for line in devices[1:])


def test_many_problems_are_shortened(tmp_path, capsys):
  for shot in range(30):
    (tmp_path / f"Agfa_A_0_{shot}.JPG").write_bytes(jpegs.jpeg(shot) if shot == 0 else b"")
  assert check.main([str(tmp_path)]) == 0
  assert "... and 9 more" in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, {}, {"Agfa_A_0_1.JPG": b""}])
def test_nothing_usable_is_exit_code_1(tmp_path, capsys, content):
  folder = tmp_path / "photos"
  if content is not None:
    folder.mkdir()
    for name, data in content.items():
      (folder / name).write_bytes(data)
  if content is None:
    with pytest.raises(UserError, match="photos: no such folder"):
      check.main([str(folder)])
  else:
    assert check.main([str(folder)]) == 1
    assert "0 usable images" in capsys.readouterr().out


def test_a_checked_folder_is_not_decoded_again(folder, monkeypatch, capsys):
  check.main([str(folder)])
  monkeypatch.setattr("fsim.data.dresden.verify.decoded", None)
  assert check.main([str(folder)]) == 0


def test_a_file_is_judged_by_its_bytes_whatever_its_size_and_time_say(folder, capsys):
  """As a disk decays, and as a copy is put back with the time of the original."""
  path = folder / "natural/Nikon_D70_0_0.JPG"
  whole, status = path.read_bytes(), path.stat()
  for data, expected in ((whole[:-40] + bytes(40), 11), (whole, 12)):
    assert check.main([str(folder), "--json"]) == 0
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    capsys.readouterr()
    assert check.main([str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["usable"] == expected


def test_it_takes_the_settings_of_the_configurations(folder, tmp_path, capsys):
  (folder / "natural" / "Nikon_D70s_0_1.JPG").write_bytes(jpegs.jpeg(50))

  def models(*options):
    assert check.main([str(folder), "--json", *options]) == 0
    return {device["model"] for device in json.loads(capsys.readouterr().out)["devices"]}

  assert models() == {"Nikon_D70", "Nikon_D200"}
  assert models("--no-merge-d70", "--no-repair-mju") == {"Nikon_D70", "Nikon_D70s", "Nikon_D200"}
  assert models("--pattern", r"(?P<make>[A-Za-z]+)_(?P<model>D[0-9]).*\.jpg") == {"Nikon_D7", "Nikon_D2"}
  assert models(f"--folder={tmp_path / 'other'}") == models()
  assert list((tmp_path / "other").glob("dresden/*.verified-*.jsonl"))


def test_copies_from_platforms_are_counted_and_take_no_part(folder, capsys):
  pattern = ["--pattern", r"(?P<make>Nikon)_(?P<model>D[0-9]+)_(?P<platform>1?)0?_(?P<shot>[0-9]+)\.jpg", "--json"]
  assert check.main([str(folder), *pattern]) == 0
  found = json.loads(capsys.readouterr().out)
  assert found["usable"] == 8
  assert sum(p["cause"].startswith("a copy from 1") for p in found["left_out"]) == 4
  assert check.main([str(folder), *pattern, "--platform=any"]) == 0
  assert json.loads(capsys.readouterr().out)["usable"] == 12


def test_a_wrong_name_mentions_what_reads_others(tmp_path, capsys):
  (tmp_path / "P1.jpg").write_bytes(jpegs.jpeg())
  assert check.main([str(tmp_path)]) == 1
  assert "or a pattern (--pattern, data.pattern) is needed" in capsys.readouterr().out


@pytest.mark.parametrize("place", ["file/home", None])
def test_a_home_that_cannot_be_written_to_costs_one_line(folder, tmp_path, monkeypatch, capsys, place):
  (tmp_path / "file").write_bytes(b"")
  if place is None:
    monkeypatch.delenv("TFDS_DATA_DIR")
    monkeypatch.setattr("fsim.data.cache.get_default_data_dir", lambda: "~nobody-of-that-name/data")
  else:
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / place))
  assert check.main([str(folder)]) == 0
  said = capsys.readouterr()
  assert "12 usable images" in said.out
  (line,) = said.err.splitlines()
  assert "verified files are not remembered" in line
  assert "TFDS_DATA_DIR" in line


def test_names_that_a_terminal_obeys_are_escaped(tmp_path, capsys):
  for name in ("Agfa_\x1b[2J_0_1.JPG", "a\rb.txt", "x\ny.JPG"):
    (tmp_path / name).write_bytes(jpegs.jpeg())
  (tmp_path / os.fsdecode(b"\xe9.JPG")).write_bytes(jpegs.jpeg())
  assert check.main([str(tmp_path)]) == 0
  text = capsys.readouterr().out
  for name in (r"Agfa_\x1b[2J_0", r"a\rb.txt", r"x\ny.JPG", r"\xe9.JPG"):
    assert name in text
  assert not set(text) & {"\x1b", "\r"}


def test_a_locale_without_the_letters_of_a_name_costs_nothing(tmp_path):
  folder = tmp_path / "photos"
  folder.mkdir()
  (folder / "Caméra_Größe_0_1.JPG").write_bytes(jpegs.jpeg())
  (folder / "Größe.csv").write_text("filename,position_num,motive_num\nCaméra_Größe_0_1.JPG,1,2")
  (folder / os.fsdecode(b"caf\xe9_A_0_1.JPG")).write_bytes(jpegs.jpeg(1))
  plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
  done = commands.fsim("data.check", folder, "--json", cwd=tmp_path, data=tmp_path / "data", **plain)
  found = json.loads(done.stdout)
  assert (done.returncode, found["scenes"]) == (0, 1)
  assert [device["device"] for device in found["devices"]] == ["Caméra_Größe_0"]
  (left_out,) = found["left_out"]
  assert left_out["cause"].startswith("the name is not UTF-8 and is shown as caf\\xe9")


def test_a_long_name_of_a_folder_is_no_trouble(tmp_path):
  folder = tmp_path / ("a" * 250)
  folder.mkdir()
  (folder / "Agfa_A_0_1.JPG").write_bytes(jpegs.jpeg())
  assert check.main([str(folder)]) == 0


def test_an_interruption_says_what_is_kept(folder, tmp_path, monkeypatch, capsys):
  def interrupted(*_):
    raise KeyboardInterrupt

  monkeypatch.setattr("fsim.data.dresden.verify.verify", interrupted)
  assert console.run(check.main, [str(folder)]) == console.INTERRUPTED
  assert capsys.readouterr().err.endswith("fsim: interrupted; the same command goes on from there\n")
  (tmp_path / "file").write_bytes(b"")
  assert console.run(check.main, [str(folder), f"--folder={tmp_path / 'file'}"]) == console.INTERRUPTED
  assert "nothing is kept" in capsys.readouterr().err


def test_real_photographs(realcams, capsys):
  assert check.main([str(realcams), "--json"]) == 0
  found = json.loads(capsys.readouterr().out)
  assert (found["usable"], len(found["devices"]), found["scenes"], found["scenes_of_one_device"]) == (294, 12, 70, 69)
  assert found["protocols"]["by_scene"]["serves"]
