"""Folders as users hold them -> the same table; and every kind of bad file -> one clear cause."""

import os
import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from fsim.boundary import outputs
from fsim.data.dresden.journal import Journal
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
  return scan(listing(folder), PUBLISHED, strict, Journal(None))


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


def test_a_copy_with_other_metadata_is_the_same_picture(tmp_path):
  data = jpegs.jpeg(1)
  write(tmp_path, **{"Agfa_A_0_1.JPG": data, "Agfa_A_1_9.JPG": data[:2] + b"\xff\xfe\0\4hi" + data[2:]})
  assert causes(tmp_path) == {"Agfa_A_1_9.JPG": "duplicate: the same picture as Agfa_A_0_1.JPG"}


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


def test_every_file_is_used_or_named_with_its_cause(tmp_path):
  photographs = ("Agfa_A_0_1.JPG", "Agfa_A_0_2.jfif", "Agfa_A_0_3.jpe", "Agfa_A_0_4.png")
  write(tmp_path, **{name: jpegs.jpeg(k) for k, name in enumerate(photographs)})
  write(tmp_path, **{"a.csv": b"x,y\n1,2", "b.csv": b"", "readme.md": b"", "._Agfa_A_0_1.JPG": b"", "no_suffix": b""})
  write(tmp_path, **{"Agfa_A_0_5.png": jpegs.png(), "Agfa_A_0_6.heic": b"\0\0\0\x18ftypheic"})
  found = listing(tmp_path)
  assert [file.file for file in found.jpegs] == list(photographs)
  assert found.left_out == [
    ("Agfa_A_0_5.png", "a PNG file, not a JPEG"),
    ("Agfa_A_0_6.heic", "a HEIC file, not a JPEG"),
  ]
  assert dict(found.others) == {
    "._Agfa_A_0_1.JPG": "hidden file",
    "no_suffix": "no photograph",
    "readme.md": "no photograph",
  }
  assert found.considered == 11
  problems = scanned(tmp_path).problems
  assert problems.loc[problems["left_out"], "file"].tolist() == ["Agfa_A_0_5.png", "Agfa_A_0_6.heic", "Agfa_A_0_4.png"]
  assert "wrong name" in problems["cause"][2]
  assert problems.loc[~problems["left_out"], "cause"].tolist() == [
    "no metadata: no column filename in its first line (x, y, separated by commas)",
    "no metadata: no column filename in its first line, which is empty",
  ]


def test_strictness_stops_at_images_and_not_at_other_files(tmp_path):
  write(tmp_path, **{"Nikon_D70_0_1.JPG": jpegs.jpeg(1), "notes.txt": b"x", "a.csv": b"x", "._x.JPG": b""})
  assert len(scanned(tmp_path, strict=True).table) == 1
  write(tmp_path, **{"Nikon_D70_0_2.HEIC": b"\0\0\0\x18ftypheic"})
  with pytest.raises(Unusable, match=r"Nikon_D70_0_2\.HEIC: a HEIC file"):
    scanned(tmp_path, strict=True)


def test_what_fsim_itself_wrote_is_no_input(tmp_path):
  write(tmp_path, **{"Agfa_A_0_1.JPG": jpegs.jpeg(1)})
  written = outputs.Folder(tmp_path)
  written.write("map.png", jpegs.png())
  written.write("scores.csv", b"filename,score\n")
  assert listing(tmp_path).others == [("map.png", "written by fsim"), ("scores.csv", "written by fsim")]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_tables_of_all_spreadsheets_give_scenes(tmp_path, separator, encoding):
  write(tmp_path, **{"Agfa_A_0_1.JPG": jpegs.jpeg(1)})
  rows = [["filename", "position_name", "position_num", "motive_num"], ["Agfa_A_0_1.JPG", "Größe", "10", "3,0"]]
  rows = rows if separator != "," else [rows[0], ["Agfa_A_0_1.JPG", "Größe", "10", "3.0"]]
  (tmp_path / "metadata.tsv").write_bytes("\r\n".join(map(separator.join, rows)).encode(encoding))
  found = scanned(tmp_path)
  assert found.table["scene"].tolist() == ["10/3"]
  assert found.problems.empty


def test_rows_that_contradict_each_other_are_remarked(tmp_path):
  write(tmp_path, **{"Agfa_A_0_1.JPG": jpegs.jpeg(1)})
  rows = ["Agfa_A_0_1.JPG,,,,,1,,2,,", "Agfa_A_0_1.JPG,,,,,1,,2,,", "Agfa_A_0_1.JPG,,,,,3,,2,,"]
  (tmp_path / "meta.csv").write_text(CSV + "\n".join(rows))
  found = scanned(tmp_path)
  assert found.table["scene"].tolist() == ["1/2"]
  assert found.problems["cause"].tolist() == [
    "line 4: Agfa_A_0_1.JPG stands above with another scene or subset; that counts"
  ]


def test_a_name_that_is_not_utf8_costs_the_others_nothing(tmp_path):
  write(tmp_path, **{"Agfa_A_0_1.JPG": jpegs.jpeg(1)})
  (tmp_path / os.fsdecode(b"Acm\xe9_A1_0_1.JPG")).write_bytes(jpegs.jpeg(2))
  (tmp_path / os.fsdecode(b"caf\xe9")).mkdir()
  (tmp_path / os.fsdecode(b"caf\xe9") / "Agfa_A_0_3.JPG").write_bytes(jpegs.jpeg(3))
  found = scanned(tmp_path)
  assert found.table["file"].tolist() == ["Agfa_A_0_1.JPG"]
  assert found.problems["file"].tolist() == ["Acm\\xe9_A1_0_1.JPG", "caf\\xe9/Agfa_A_0_3.JPG"]
  assert all("the name is not UTF-8" in cause for cause in found.problems["cause"])


def test_composed_and_decomposed_names_are_one_device(tmp_path):
  composed, decomposed = (unicodedata.normalize(form, "Caméra_Größe_0") for form in ("NFC", "NFD"))
  write(tmp_path, **{f"{composed}_1.JPG": jpegs.jpeg(1), f"{decomposed}_2.JPG": jpegs.jpeg(2)})
  (tmp_path / "meta.csv").write_text(CSV + f"{decomposed}_1.JPG,,,,,1,,2,,\n{composed}_2.JPG,,,,,3,,4,,\n")
  found = scanned(tmp_path)
  assert set(found.table["device"]) == {composed}
  assert sorted(found.table["scene"]) == ["1/2", "3/4"]
  assert found.problems.empty


def test_labels_that_differ_in_letter_case_only_are_remarked(tmp_path):
  names = ("Nikon_D70_0_1.JPG", "nikon_d70_0_2.JPG", "Nikon_D70_1_3.JPG")
  found = scanned(write(tmp_path, **{name: jpegs.jpeg(k) for k, name in enumerate(names)}))
  assert found.problems["cause"].tolist() == [
    "the models Nikon_D70, nikon_d70 differ in letter case only, and count as 2",
    "the devices Nikon_D70_0, nikon_d70_0 differ in letter case only, and count as 2",
  ]
  assert not found.problems["left_out"].any()


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
  listdir, opened = os.listdir, os.open

  def denied(real, locked):  # Root may read everything, so modes would not do.
    def call(path, *others, **options):
      if Path(path).name == locked:
        raise PermissionError(13, "Permission denied", str(path))
      return real(path, *others, **options)

    return call

  monkeypatch.setattr(os, "listdir", denied(listdir, "locked"))
  monkeypatch.setattr(os, "open", denied(opened, "Agfa_A_0_3.JPG"))
  assert causes(tmp_path) == {
    "locked": "folder cannot be read: Permission denied",
    "Agfa_A_0_2.JPG": "cannot be read: No such file or directory",
    "Agfa_A_0_3.JPG": "cannot be read: Permission denied",
  }


def test_circular_links_end(tmp_path):
  write(tmp_path, **{"a/Agfa_A_0_1.JPG": jpegs.jpeg(1)})
  (tmp_path / "a" / "loop").symlink_to(tmp_path)
  assert len(listing(tmp_path).jpegs) == 1


def test_pipes_devices_and_endless_files_end_at_once(tmp_path, monkeypatch):
  write(tmp_path, **{"Agfa_A_0_1.JPG": jpegs.jpeg(1)})
  for name in ("Agfa_A_0_2.JPG", "metadata.csv", ".fsim-written.jsonl"):
    os.mkfifo(tmp_path / name)
  (tmp_path / "Agfa_A_0_3.JPG").symlink_to("/dev/zero")
  assert causes(tmp_path) == {"Agfa_A_0_2.JPG": "not a regular file", "Agfa_A_0_3.JPG": "not a regular file"}
  assert ("metadata.csv", "not a regular file") in listing(tmp_path).others
  monkeypatch.setattr("fsim.data.photographs.MAX_BYTES", 100)
  assert causes(tmp_path)["Agfa_A_0_1.JPG"].startswith("cannot be read: larger than")


def test_the_key_follows_content(tmp_path):
  write(tmp_path, **{"Agfa_A_0_1.JPG": jpegs.jpeg(1)})
  keys = [listing(tmp_path).key(), listing(tmp_path).key()]
  write(tmp_path, **{"Agfa_A_0_1.JPG": jpegs.jpeg(1, 80)})
  keys.append(listing(tmp_path).key())
  write(tmp_path, **{"meta.csv": b" Filename ,url\n"})
  keys.append(listing(tmp_path).key())
  write(tmp_path, **{"Agfa_A_0_2.HEIC": b"\0\0\0\x18ftypheic"})
  keys.append(listing(tmp_path).key())
  write(tmp_path, **{"runs/problems.csv": b"file,cause\n", "notes.txt": b""})
  assert listing(tmp_path).key() == keys[-1]
  assert keys[0] == keys[1]
  assert len(set(keys)) == 4


def test_an_interrupted_verification_goes_on_where_it_stopped(tmp_path, monkeypatch):
  write(tmp_path, **{f"Agfa_A_0_{shot}.JPG": jpegs.jpeg(shot) for shot in range(6)})
  path = tmp_path / "home" / "journal"
  journal = Journal(path)
  first = verify_all(listing(tmp_path), journal)
  begun = [next(first) for _ in range(3)]
  first.close()
  journal.close()
  with path.open("a") as lines:
    lines.write('\n[["Agfa_A_0_')  # Killed in the middle of a line.
  asked = []
  made_up = begun[0][1]
  monkeypatch.setattr(
    "fsim.data.dresden.verify.decoded", lambda data, sha256: asked.append(data) or made_up._replace(sha256=sha256)
  )
  journal = Journal(path)
  whole = list(verify_all(listing(tmp_path), journal))
  journal.close()
  assert whole[:3] == begun
  assert sorted(asked) == sorted(jpegs.jpeg(shot) for shot in (3, 4, 5))
  assert len(Journal(path).known) == 6


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
