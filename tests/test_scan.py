"""Folders as users hold them -> the same table; and every kind of bad file -> one clear cause."""

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from fsim.data.dresden.listing import listing
from fsim.data.dresden.names import Repairs
from fsim.data.dresden.scan import Unusable, scan
from fsim.data.dresden.subsets import subset_of_folders
from fsim.data.dresden.verify import verify_all
from tests import jpegs

PUBLISHED = Repairs(merge_d70=True, repair_mju=True)
FILES = [
  "Nikon_D70_0_1.JPG",
  "Nikon_D70_0_2.jpg",
  "Nikon_D70s_0_1.JPG",
  "Olympus_mju_1050SW_1_20.JPEG",
  "Agfa_DC-504_0_3.JPG",
]
LAYOUTS = {
  "flat": lambda name, model, device: name,
  "by model": lambda name, model, device: f"{model}/{name}",
  "by device": lambda name, model, device: f"{device}/{name}",
  "by subset": lambda name, model, device: f"natural/{name}",
  "nested": lambda name, model, device: f"dresden/Natural images/{model}/{device}/{name}",
}
CSV = "filename,brand,model,instance,shot,position_num,position_name,motive_num,motive_name,url\n"


def write(folder: Path, **files: bytes) -> Path:
  for name, data in files.items():
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
  return folder


def scanned(folder: Path, *, strict: bool = False):
  return scan(listing(folder), PUBLISHED, strict, io.StringIO())


def causes(folder: Path) -> dict[str, str]:
  problems = scanned(folder).problems
  return dict(zip(problems["file"], problems["cause"], strict=True))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_table(tmp_path, layout):
  contents = {name: jpegs.jpeg(i) for i, name in enumerate(FILES)}
  flat = scanned(write(tmp_path / "flat", **contents)).table.drop(columns="file")
  place = LAYOUTS[layout]
  named = {place(n, n.rsplit("_", 2)[0], n.rsplit("_", 1)[0]): data for n, data in contents.items()}
  found = scanned(write(tmp_path / "other", **named))
  order = ["device", "shot"]
  left, right = (t.sort_values(order).reset_index(drop=True) for t in (flat, found.table.drop(columns="file")))
  assert left.equals(right)
  assert len(left) == len(FILES)
  assert set(left["subset"]) == {"natural"}
  assert found.problems.empty


BAD = {
  "Agfa_A_0_1.JPG": (jpegs.truncated, "damaged JPEG"),
  "Agfa_A_0_2.JPG": (lambda: b"", "empty file"),
  "Agfa_A_0_3.JPG": (jpegs.png, "PNG"),
  "Agfa_A_0_4.JPG": (jpegs.cmyk, "CMYK"),
  "Agfa_A_0_5.JPG": (jpegs.greyscale, "greyscale"),
  "Agfa_A_0_6.JPG": (jpegs.twelve_bit, "12-bit"),
  "Agfa_A_0_7.JPG": (lambda: jpegs.jpeg(1, 1, 1), "1x1 pixels"),
  "Agfa_A_0_8.JPG": (lambda: jpegs.jpeg(1, 640, 31), "640x31 pixels"),
  "Agfa_A_0_9.JPG": (lambda: jpegs.announcing(20000, 20000), "20000x20000 pixels"),
  "holiday.jpg": (lambda: jpegs.jpeg(2), "wrong name"),
}


def test_each_bad_file_has_its_cause_and_the_good_one_stays(tmp_path):
  write(tmp_path, **{"Agfa_A_0_0.JPG": jpegs.jpeg(0)}, **{name: make() for name, (make, _) in BAD.items()})
  found = causes(tmp_path)
  assert found.keys() == BAD.keys()
  for name, (_, cause) in BAD.items():
    assert cause in found[name], name
  assert scanned(tmp_path).table["file"].tolist() == ["Agfa_A_0_0.JPG"]


@pytest.mark.parametrize("name", BAD)
def test_strictness_stops_and_names_file_and_cause(tmp_path, name):
  make, cause = BAD[name]
  write(tmp_path, **{name: make()})
  with pytest.raises(Unusable, match=cause) as error:
    scanned(tmp_path, strict=True)
  assert name in str(error.value)


def test_the_progressive_files_of_some_phones_are_fine(tmp_path):
  write(tmp_path, **{"Agfa_A_0_1.JPG": jpegs.jpeg(0, progressive=True)})
  assert len(scanned(tmp_path).table) == 1


def test_duplicates_and_clashing_names_are_reported_and_the_first_is_kept(tmp_path):
  one, other = jpegs.jpeg(1), jpegs.jpeg(2)
  write(tmp_path, **{"a/Agfa_A_0_1.JPG": one, "b/Agfa_A_0_9.JPG": one, "b/Agfa_A_0_1.JPG": other})
  found = causes(tmp_path)
  assert found["b/Agfa_A_0_9.JPG"] == "duplicate: the same bytes as a/Agfa_A_0_1.JPG"
  assert "two devices with one name" in found["b/Agfa_A_0_1.JPG"]
  assert scanned(tmp_path).table["file"].tolist() == ["a/Agfa_A_0_1.JPG"]


def test_subsets_may_share_names(tmp_path):
  write(tmp_path, **{"natural/Agfa_A_0_1.JPG": jpegs.jpeg(1), "Flat_Field/Agfa_A_0_1.JPG": jpegs.jpeg(2)})
  found = scanned(tmp_path)
  assert sorted(found.table["subset"]) == ["flat-field", "natural"]
  assert found.problems.empty


@pytest.mark.parametrize(
  ("folder", "subset"),
  [
    ("dresden/flatfield/Agfa_A", "flat-field"),
    ("Dresden_Flat-Field", "flat-field"),
    ("darkframes", "dark"),
    ("dark", "dark"),
    ("JPEG", "jpeg"),
    ("JPEG/natural", "natural"),
    ("jpgs", "natural"),
    ("Nikon_D70_0", "natural"),
    (".", "natural"),
  ],
)
def test_the_innermost_folder_that_says_so_gives_the_subset(folder, subset):
  assert subset_of_folders(Path(folder).parts) == subset


def test_metadata_gives_scenes_and_its_gaps_are_remarked(tmp_path):
  write(tmp_path, **{f"Agfa_A_0_{shot}.JPG": jpegs.jpeg(shot) for shot in (1, 2, 3)})
  rows = [
    'Agfa_A_0_1.JPG ,Agfa,A,0,1, 10, "Großer Garten, ""Palais"" ",12 ,"Gate, old",http://x',
    "Agfa_A_0_2.JPG,Agfa,A,0,2,eleven,,2,,",
    "Agfa_A_0_7.JPG,Agfa,A,0,7,1,,1,,",
  ]
  (tmp_path / "dresden.csv").write_bytes((CSV + "\n".join(rows)).encode("latin-1"))
  found = scanned(tmp_path)
  assert found.table["scene"].tolist() == ["10/12", "", ""]
  assert found.table["position"].tolist() == [10, -1, -1]
  remarks = found.problems["cause"].tolist()
  assert not found.problems["left_out"].any()
  assert any("position_num 'eleven' is not understood" in r for r in remarks)
  assert any("lists 1 file (Agfa_A_0_7.JPG) not in the folder" in r for r in remarks)
  assert any("no scene for 2 files (Agfa_A_0_2.JPG, Agfa_A_0_3.JPG)" in r for r in remarks)
  assert len(scanned(tmp_path, strict=True).table) == 3


def test_metadata_finds_files_under_another_spelling_and_in_subfolders(tmp_path):
  write(tmp_path, **{"x/Olympus_mju_1050SW_0_5.jpg": jpegs.jpeg(1), "x/Nikon_D70s_0_6.JPG": jpegs.jpeg(2)})
  rows = ["Olympus_mju-1050SW_0_5.JPG,,,,,1,,2,,", "Nikon_D70s_0_6.JPG,,,,,3,,4,,"]
  (tmp_path / "meta.csv").write_text(CSV + "\n".join(rows))
  assert sorted(scanned(tmp_path).table["scene"]) == ["1/2", "3/4"]


def test_a_manifest_overrules_folders(tmp_path):
  write(tmp_path, **{"natural/Agfa_A_0_1.JPG": jpegs.jpeg(1), "natural/Agfa_A_0_2.JPG": jpegs.jpeg(2)})
  (tmp_path / "meta.csv").write_text("filename,subset\nAgfa_A_0_1.JPG,flatfield\nAgfa_A_0_2.JPG,fluff\n")
  found = scanned(tmp_path)
  assert found.table["subset"].tolist() == ["flat-field", "natural"]
  assert any("subset 'fluff' is not understood" in cause for cause in found.problems["cause"])


def test_other_csv_files_and_other_files_are_no_errors(tmp_path):
  write(
    tmp_path, **{"Agfa_A_0_1.JPG": jpegs.jpeg(1), "a.csv": b"x,y\n1,2", "b.csv": b"", "readme.md": b"", "raw.NEF": b""}
  )
  write(tmp_path, **{"._Agfa_A_0_1.JPG": b"", "noextension": b""})
  assert scanned(tmp_path).problems.empty
  assert listing(tmp_path).others == {".csv": 2, ".md": 1, ".nef": 1, ".*": 1, "none": 1}


@pytest.mark.parametrize("folder", ["FujiFilm_FinePixJ50", "Nikon_D200", "Nikon_D70_1", "FujiFilm"])
def test_a_mislabelled_folder_is_remarked_and_the_names_win(tmp_path, folder):
  write(tmp_path, **{f"{folder}/Nikon_D70_0_1.JPG": jpegs.jpeg(1), "all/FujiFilm_FinePixJ50_0_1.JPG": jpegs.jpeg(2)})
  write(tmp_path, **{"all/Nikon_D70_1_2.JPG": jpegs.jpeg(3)})
  found = scanned(tmp_path)
  assert len(found.table) == 3
  assert "Nikon_D70_0" in set(found.table["device"])
  assert found.problems["file"].tolist() == [folder]
  assert "contradicts 1 of its files" in found.problems["cause"].iloc[0]


@pytest.mark.parametrize("folder", ["Nikon", "nikon-d70", "Nikon_D70s_0", "Nikon_D70s natural", "natural", "my Nikon"])
def test_a_fitting_folder_is_not_remarked(tmp_path, folder):
  assert scanned(write(tmp_path, **{f"{folder}/Nikon_D70s_0_1.JPG": jpegs.jpeg(1)})).problems.empty


def test_unreadable_files_and_folders_are_reported(tmp_path, monkeypatch):
  write(tmp_path, **{"Agfa_A_0_1.JPG": jpegs.jpeg(1), "Agfa_A_0_3.JPG": jpegs.jpeg(3), "locked/Agfa_A_0_4.JPG": b""})
  (tmp_path / "Agfa_A_0_2.JPG").symlink_to(tmp_path / "gone")
  scandir, read_bytes = os.scandir, Path.read_bytes

  def denied(real, locked):  # Root may read everything, so modes would not do.
    def call(path):
      if Path(path).name == locked:
        raise PermissionError(13, "Permission denied", str(path))
      return real(path)

    return call

  monkeypatch.setattr(os, "scandir", denied(scandir, "locked"))
  monkeypatch.setattr(Path, "read_bytes", denied(read_bytes, "Agfa_A_0_3.JPG"))
  assert causes(tmp_path) == {
    "locked": "folder cannot be read: Permission denied",
    "Agfa_A_0_2.JPG": "cannot be read: No such file or directory",
    "Agfa_A_0_3.JPG": "cannot be read: Permission denied",
  }


def test_circular_links_end(tmp_path):
  write(tmp_path, **{"a/Agfa_A_0_1.JPG": jpegs.jpeg(1)})
  (tmp_path / "a" / "loop").symlink_to(tmp_path)
  assert len(listing(tmp_path).jpegs) == 1


def test_the_key_follows_content(tmp_path):
  write(tmp_path, **{"Agfa_A_0_1.JPG": jpegs.jpeg(1)})
  keys = [listing(tmp_path).key(), listing(tmp_path).key()]
  write(tmp_path, **{"Agfa_A_0_1.JPG": jpegs.jpeg(1, 80)})
  keys.append(listing(tmp_path).key())
  write(tmp_path, **{"meta.csv": b" Filename ,url\n"})
  keys.append(listing(tmp_path).key())
  write(tmp_path, **{"runs/problems.csv": b"file,cause\n"})
  assert listing(tmp_path).key() == keys[-1]
  assert keys[0] == keys[1]
  assert len(set(keys)) == 3


def test_an_interrupted_verification_goes_on_where_it_stopped(tmp_path, monkeypatch):
  write(tmp_path, **{f"Agfa_A_0_{shot}.JPG": jpegs.jpeg(shot) for shot in range(6)})
  journal = io.StringIO()
  first = verify_all(listing(tmp_path), journal)
  begun = [next(first) for _ in range(3)]
  first.close()
  journal.write('[["Agfa_A_0_')  # Killed in the middle of a line.
  journal.write("\n")
  asked = []
  monkeypatch.setattr("fsim.data.dresden.verify.verify", lambda path: asked.append(path.name) or begun[0][1])
  whole = list(verify_all(listing(tmp_path), journal))
  assert whole[:3] == begun
  assert sorted(asked) == [f"Agfa_A_0_{shot}.JPG" for shot in (3, 4, 5)]


def test_real_photographs(realcams):
  found = scanned(realcams)
  assert len(found.table) == 294
  assert found.table["device"].nunique() == 12
  assert (found.table["subset"] == "flat-field").sum() == 40
  assert (found.table.loc[found.table["subset"] == "natural", "scene"] != "").all()
  assert set(found.table["width"]) == set(found.table["height"]) == {1024}
  assert len(found.problems) == 19
  assert all("originals/" in file for file in found.problems["file"])


def test_every_row_holds_what_its_file_holds(tmp_path):
  data = jpegs.encode(Image.fromarray(jpegs.pixels(1, 48, 40)))
  row = scanned(write(tmp_path, **{"deep/Agfa_A_3_12.JPG": data})).table.iloc[0]
  assert (row["file"], row["make"], row["model"], row["instance"]) == ("deep/Agfa_A_3_12.JPG", "Agfa", "Agfa_A", "3")
  assert (row["shot"], row["width"], row["height"]) == (12, 48, 40)
