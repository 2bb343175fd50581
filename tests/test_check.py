"""The command that says what a folder holds."""

import json

import pytest

from fsim.data import check, splits
from tests import jpegs


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
  assert found["others"] == {".txt": 1}
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
  assert check.main([str(folder)]) == 1
  said = capsys.readouterr()
  assert ("no such folder" in said.err) if content is None else ("0 usable images" in said.out)


def test_a_checked_folder_is_not_decoded_again(folder, monkeypatch, capsys):
  check.main([str(folder)])
  monkeypatch.setattr("fsim.data.dresden.verify.verify", None)
  assert check.main([str(folder)]) == 0


def test_real_photographs(realcams, capsys):
  assert check.main([str(realcams), "--json"]) == 0
  found = json.loads(capsys.readouterr().out)
  assert (found["usable"], len(found["devices"]), found["scenes"], found["scenes_of_one_device"]) == (294, 12, 70, 69)
  assert found["protocols"]["by_scene"]["serves"]
