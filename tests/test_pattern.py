"""Names of other data sets: labels by the user's regular expression, and one cause for each name that does not fit."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsim.data.dresden import names, pattern
from fsim.data.dresden.listing import listing
from fsim.data.dresden.names import BadName, Name, Repairs
from fsim.data.dresden.pattern import Pattern
from fsim.data.dresden.scan import scan
from fsim.data.source import open_folder
from tests import jpegs
from tests.commands import ROOT
from tests.test_scan import write

MICHE = (
  r"(?P<scene>[0-9]+)_(?P<model>[^_]+)_(?:IN|OUT)_(?P<camera>[FR])_(?:LI|RI)_(?P<instance>[0-9]+)_(?P<shot>[0-9]+)\.jpg"
)
FILES = (
  "001_IP5_IN_F_LI_01_1.jpg",
  "001_IP5_OUT_F_LI_01_1.jpg",
  "001_GS4_IN_R_RI_01_2.JPG",
  "002_GT2_IN_F_LI_01_1.jpg",
)

word = st.text(st.sampled_from("ABCxyz0123456789"), min_size=1, max_size=6)
number = st.integers(0, 10**6).map(str)


@given(
  scene=number, model=word, front=st.booleans(), instance=number, shot=number, folder=st.sampled_from(["", "a/b/"])
)
def test_labels_come_back_out(scene, model, front, instance, shot, folder):
  file = f"{folder}{scene}_{model}_IN_{'F' if front else 'R'}_LI_{instance}_{shot}.jpg"
  said = pattern.read(file, pattern.of_expression(MICHE))
  camera = f"{model}-{'front' if front else 'rear'}"
  assert said.name == Name("", camera, instance, f"{camera}_{instance}", int(shot))
  assert said.scene == scene
  assert pattern.phone(said.name.model) == model


def test_the_pattern_of_the_documentation_reads_the_names_that_it_is_for():
  (expression,) = re.findall(r"data\.pattern='([^']+)'", (ROOT / "docs" / "mobile.md").read_text())
  found = [pattern.read(file, pattern.of_expression(expression)) for file in FILES]
  assert [labels.name.device for labels in found] == ["IP5-front_0", "IP5-front_0", "GS4-rear_0", "GT2-front_0"]
  assert [labels.scene for labels in found] == ["001", "001", "001", "002"]


@pytest.mark.parametrize("model", ["Nikon_D70", "Olympus_mju-1050SW", "Talus_Tab2", "x-frontal"])
def test_a_model_without_front_and_rear_is_its_own_phone(model):
  assert pattern.phone(model) == model
  assert pattern.phone(f"{model}-front") == pattern.phone(f"{model}-rear") == model


def test_dresden_names_are_read_as_ever():
  rules = Repairs(merge_d70=True, repair_mju=True)
  said = pattern.read("a/Nikon_D70s_0_7.JPG", rules)
  assert said == (names.parse("Nikon_D70s_0_7.JPG", rules), "", 7)


@pytest.mark.parametrize(
  ("expression", "cause"),
  [
    ("(?P<model>[", "is not a regular expression: "),
    ("(.+)_1.jpg", r"lacks the group model; its groups are \(\?P<model>...\) and, if wanted, camera"),
    ("(?P<model>.+)_(?P<phone>.).jpg", "has the unknown group phone"),
  ],
)
def test_a_wrong_pattern_is_refused(tmp_path, expression, cause):
  with pytest.raises(ValueError, match=cause):
    open_folder(tmp_path, data_dir=tmp_path / "data", pattern=expression)


@pytest.mark.parametrize(
  ("file", "cause"),
  [
    ("IMG_1234.JPG", "it does not match the pattern"),
    ("IP5_F_x.jpg", "the shot must be a number, and the pattern finds 'x'"),
    ("IP5_X_1.jpg", "the camera must be one of f, front, r, rear, b, back, and the pattern finds X"),
    ("_F_1.jpg", "the pattern finds no model"),
  ],
)
def test_a_name_that_does_not_fit_says_why(file, cause):
  with pytest.raises(BadName, match=cause):
    pattern.read(file, Pattern(r"(?P<model>[^_]*)_(?P<camera>[A-Z])_(?P<shot>\w+)\.jpg"))


def test_a_folder_of_phones_becomes_a_table_and_the_rest_is_listed(tmp_path):
  contents = {f"iPhone/{name}": jpegs.jpeg(k) for k, name in enumerate(FILES)}
  folder = write(tmp_path / "miche", **contents, **{"note_7.jpg": jpegs.jpeg(9)})
  images = open_folder(folder, data_dir=tmp_path / "data", pattern=MICHE)
  table = images.table.sort_values("file")
  assert table["model"].tolist() == ["GS4-rear", "IP5-front", "IP5-front", "GT2-front"]
  assert table["scene"].tolist() == ["001", "001", "001", "002"]
  assert table["make"].eq("").all()
  (problem,) = images.problems.to_dict("records")
  assert problem["file"] == "note_7.jpg"
  assert "does not match the pattern" in problem["cause"]
  as_dresden = open_folder(folder, data_dir=tmp_path / "data")
  assert as_dresden.fingerprint != images.fingerprint


def test_two_images_of_one_name_are_said(tmp_path):
  folder = write(tmp_path, **{f"{k}/{FILES[0]}": jpegs.jpeg(int(k)) for k in "12"})
  found = scan(listing(folder), pattern.of_expression(MICHE), False, io.StringIO())
  assert len(found.table) == 1
  assert "has this name too and other content" in found.problems["cause"].item()
