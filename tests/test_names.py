"""Dresden file names: every label comes back out, whatever underscores and dashes the model holds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsim.data.dresden.names import BadName, Repairs, parse

PUBLISHED = Repairs(merge_d70=True, repair_mju=True)
AS_WRITTEN = Repairs(merge_d70=False, repair_mju=False)

word = st.text(st.sampled_from("ABCDXYZabcxyz0123456789-.é "), min_size=1, max_size=8)
model = st.lists(word, min_size=1, max_size=3).map("_".join)
number = st.integers(0, 10**6).map(str)


@given(word, model, number, number, st.sampled_from(["JPG", "jpg", "Jpeg", "JPEG"]), st.sampled_from(["", "a/b_0_1/"]))
def test_labels_come_back_out(make, model, instance, shot, extension, folder):
  name = parse(f"{folder}{make}_{model}_{instance}_{shot}.{extension}", AS_WRITTEN)
  assert name == (make, f"{make}_{model}", instance, f"{make}_{model}_{instance}", int(shot))


def test_d70s_is_a_d70_but_not_the_same_camera():
  d70, d70s = (parse(f"Nikon_{model}_0_7.JPG", PUBLISHED) for model in ("D70", "D70s"))
  assert d70.model == d70s.model == "Nikon_D70"
  assert d70.device != d70s.device
  assert parse("Nikon_D70s_0_7.JPG", AS_WRITTEN).model == "Nikon_D70s"
  assert parse("Agfa_D70s_0_7.JPG", PUBLISHED).model == "Agfa_D70s"


def test_both_spellings_of_mju_are_one_camera():
  dash, underscore = (parse(f"Olympus_mju{sign}1050SW_2_23679.JPG", PUBLISHED) for sign in "-_")
  assert dash == underscore
  assert dash.device == "Olympus_mju-1050SW_2"
  assert parse("Olympus_mju_1050SW_2_1.JPG", AS_WRITTEN).device == "Olympus_mju_1050SW_2"


@pytest.mark.parametrize(
  "file",
  [
    "IMG_1234.JPG",
    "Nikon_D70_0.JPG",
    "Nikon_D70_0_x.JPG",
    "Nikon_0_1.JPG",
    "Nikon_D70_0_1.png",
    "Nikon_D70_0_1",
    "_D70_0_1.JPG",
  ],
)
def test_other_names_are_refused(file):
  with pytest.raises(BadName, match="Brand_Model_Instance_Shot"):
    parse(file, PUBLISHED)
