"""Dresden file names: every label comes back out, whatever underscores and dashes the model holds."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fsim.data.dresden.names import DATE, BadName, Repairs, parse

PUBLISHED = Repairs(merge_d70=True, repair_mju=True)
AS_WRITTEN = Repairs(merge_d70=False, repair_mju=False)

word = st.text(st.sampled_from("ABCDXYZabcxyz0123456789-.é "), min_size=1, max_size=8)
model = st.lists(word, min_size=1, max_size=3).map("_".join)
number = st.integers(0, 10**6).map(str)


@given(
  word,
  model,
  number,
  number,
  st.sampled_from(["JPG", "jpg", "Jpeg", "JPEG", "jpe", "jfif"]),
  st.sampled_from(["", "a/b_0_1/"]),
)
def test_labels_come_back_out(make, model, instance, shot, extension, folder):
  assume(not DATE.search(f"{make}_{model}_{instance}_{shot}"))
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


@pytest.mark.parametrize(
  ("file", "said"),
  [
    ("IMG_20200101_123456_1.jpg", "20200101 is a date"),
    ("IMG20200101123456_BURST_000_1.jpg", "20200101123456 is a date"),
    ("Samsung_20200101_123456_002.jpg", "20200101 is a date"),
    ("Screenshot_2021_01_02.jpg", "2021_01_02 is a date"),
    ("WhatsApp_Image_2020-01-01_12_34.jpg", "2020-01-01 is a date"),
    ("2019_12_24_7.jpg", "2019_12_24 is a date"),
    ("Rom_24.12.2019_7_8.jpg", "24.12.2019 is a date"),
    ("DSC_0001_1_2.jpg", "DSC is no make"),
    ("IMG_E1234_1_2.jpg", "IMG is no make"),
  ],
)
def test_days_and_numbers_of_photographs_are_no_cameras(file, said):
  with pytest.raises(BadName, match=f"wrong name, {said}.*a pattern .*is needed"):
    parse(file, PUBLISHED)


@pytest.mark.parametrize(
  ("file", "device"),
  [
    ("Canon_EOS400D_0_20200101.jpg", "Canon_EOS400D_0"),  # A shot may be any number.
    ("Canon_20202_0_1.jpg", "Canon_20202_0"),
    ("Nikon_D2019_12_24.jpg", "Nikon_D2019_12"),
    ("Sony_19991399_0_1.jpg", "Sony_19991399_0"),
    ("Imgtech_A_0_1.jpg", "Imgtech_A_0"),
  ],
)
def test_numbers_that_are_no_dates_pass(file, device):
  assert parse(file, PUBLISHED).device == device
