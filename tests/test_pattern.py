"""Names of other data sets: labels by the user's regular expression, and one cause for each name that does not fit."""

import re
import unicodedata

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsim.boundary.errors import UserError
from fsim.data.dresden import names, pattern, platforms
from fsim.data.dresden.journal import Journal
from fsim.data.dresden.listing import listing
from fsim.data.dresden.names import BadName, Name, Repairs
from fsim.data.dresden.pattern import Pattern
from fsim.data.dresden.scan import scan
from fsim.data.source import open_folder
from fsim.systems import dataset
from tests import jpegs
from tests.commands import ROOT, config
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
  expression = documented()[0]
  found = [pattern.read(file, pattern.of_expression(expression)) for file in FILES]
  assert [labels.name.device for labels in found] == ["IP5-front_0", "IP5-front_0", "GS4-rear_0", "GT2-front_0"]
  assert [labels.scene for labels in found] == ["001", "001", "001", "002"]


def documented() -> list[str]:
  """Of MICHE-I and of VISION."""
  return re.findall(r"data\.pattern='([^']+)'", (ROOT / "docs" / "mobile.md").read_text())


@pytest.mark.parametrize("model", ["Nikon_D70", "Olympus_mju-1050SW", "Talus_Tab2", "x-frontal"])
def test_a_model_without_front_and_rear_is_its_own_phone(model):
  assert pattern.phone(model) == model
  assert pattern.phone(f"{model}-front") == pattern.phone(f"{model}-rear") == model


def test_dresden_names_are_read_as_ever():
  rules = Repairs(merge_d70=True, repair_mju=True)
  said = pattern.read("a/Nikon_D70s_0_7.JPG", rules)
  assert said == (names.parse("Nikon_D70s_0_7.JPG", rules), "", "", "", 7)


@pytest.mark.parametrize(
  ("expression", "cause"),
  [
    ("(?P<model>[", "is not a regular expression: "),
    ("(.+)_1.jpg", r"lacks the group model; its groups are \(\?P<model>...\) and, if wanted, camera"),
    ("(?P<model>.+)_(?P<phone>.).jpg", "has the unknown group phone"),
    ("(?P<model>.+)_(?P<device>.)_(?P<instance>.).jpg", "has both instance and device"),
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
  assert as_dresden.data_digest != images.data_digest


def test_two_images_of_one_name_are_said(tmp_path):
  folder = write(tmp_path, **{f"{k}/{FILES[0]}": jpegs.jpeg(int(k)) for k in "12"})
  found = scan(listing(folder), pattern.of_expression(MICHE), False, Journal(None))
  assert len(found.table) == 1
  assert "has this name too and other content" in found.problems["cause"].item()


def vision(folder, above=""):
  """Two phones of one model and one of another, two files of each kind."""
  kinds = ("nat", "natWA", "natFBH", "natFBL", "flat")
  names = [
    f"{above}{phone}/images/{kind}/{phone[:3]}_I_{kind}_000{k}.jpg"
    for phone in ("D01_Samsung_GalaxyS3Mini", "D26_Samsung_GalaxyS3Mini", "D05_Apple_iPhone5c")
    for kind in kinds
    for k in (1, 2)
  ]
  return write(folder, **{name: jpegs.jpeg(k) for k, name in enumerate(names)})


@pytest.mark.parametrize("above", ["", "vision/dataset/"])
def test_the_layout_of_vision_gives_devices_models_subsets_and_platforms(tmp_path, above):
  folder = vision(tmp_path, above)
  found = scan(listing(folder), pattern.of_expression(documented()[1]), False, Journal(None))
  assert found.problems.empty
  assert found.table.groupby("model")["device"].unique().map(sorted).to_dict() == {
    "Apple_iPhone5c": ["Apple_iPhone5c_D05"],
    "Samsung_GalaxyS3Mini": ["Samsung_GalaxyS3Mini_D01", "Samsung_GalaxyS3Mini_D26"],
  }
  assert found.table.groupby(["subset", "platform"]).size().to_dict() == {
    ("flat-field", ""): 6,
    ("natural", ""): 6,
    ("natural", "FBH"): 6,
    ("natural", "FBL"): 6,
    ("natural", "WA"): 6,
  }


def test_platforms_that_were_not_asked_for_are_left_out_with_the_cause(tmp_path):
  found = scan(listing(vision(tmp_path)), pattern.of_expression(documented()[1]), False, Journal(None)).table
  causes = platforms.kept_out(found, "original")
  assert len(causes) == 18
  assert causes.iloc[0] == "a copy from FBH, and the platform asked for is original"
  assert set(found.drop(causes.index)["platform"]) == {""}
  assert platforms.kept_out(found, "any").empty
  both = platforms.kept_out(found, "original, wa")
  assert set(found.drop(both.index)["platform"]) == {"", "WA"}
  assert set(found.drop(platforms.kept_out(found, "WA").index)["platform"]) == {"WA"}
  with pytest.raises(UserError, match=r"no image is from the platform 'yt'; platforms are FBH, FBL, WA, original, and"):
    platforms.kept_out(found, "YT")
  assert platforms.kept_out(found[found["platform"] == ""], "original").empty


def test_an_experiment_takes_originals_unless_told_otherwise(tmp_path):
  settings = config(ROOT / "configs" / "device.py", "quick")
  settings.input.size = 32
  settings.data.folder, settings.data.pattern = str(tmp_path / "data"), documented()[1]
  folder = vision(tmp_path / "photos")
  taken = dataset.open_dataset(str(folder), settings, tmp_path / "run")
  assert (len(taken.table), set(taken.table["platform"])) == (6, {""})
  problems = pd.read_csv(tmp_path / "run" / "problems.csv")
  assert problems["left_out"].sum() == 18
  assert problems["cause"].str.startswith("a copy from ").sum() == 18
  settings.data.platform, settings.data.on_error = "any", "raise"
  assert len(dataset.open_dataset(str(folder), settings, tmp_path / "other").table) == 24


def test_a_pattern_with_folders_tells_equal_names_apart(tmp_path):
  folder = write(tmp_path, **{f"{place}/IMG_1.JPG": jpegs.jpeg(k) for k, place in enumerate(("Ixus", "K1", "K1/b"))})
  found = scan(listing(folder), pattern.of_expression(r"(?P<model>[^/]+)/.*\.jpg"), False, Journal(None)).table
  assert found["model"].tolist() == ["Ixus", "K1", "K1"]


def test_a_subset_that_a_pattern_finds_must_be_one():
  with pytest.raises(BadName, match=r"the subset must be one of natural, .*, and the pattern finds x"):
    pattern.read("A_x.jpg", Pattern(r"(?P<model>A)_(?P<subset>\w+)\.jpg"))


def test_labels_are_composed_letters():
  said = pattern.read(unicodedata.normalize("NFD", "Größe_1.jpg"), Pattern(r"(?P<model>.+)_(?P<shot>\d)\.jpg"))
  assert said.name.model == unicodedata.normalize("NFC", "Größe")
