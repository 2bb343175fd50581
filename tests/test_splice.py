import io
import json
import os
import re
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fsim.boundary import console
from fsim.boundary.errors import UserError
from fsim.boundary.outputs import MANIFEST, Folder
from fsim.commands import splice
from fsim.commands.work.splice import names_of, sentence
from fsim.systems.model import fitted, patchmap, splicing
from fsim.systems.model import splicing_figures as report
from tests import fitted_similarity, jpegs
from tests.fitted_similarity import texture

H, W = 240, 400
SQUARE = (slice(96, 224), slice(224, 368))
COMPARED = ("map.png", "mask.png", "map.json")


def photo():
  pixels = texture("coarse", H, W, seed=1)
  pixels[SQUARE] = texture("fine", H, W, seed=2)[SQUARE]
  return pixels


@pytest.fixture(scope="module")
def known():
  return fitted_similarity.made()


@pytest.fixture(scope="module")
def run(known, tmp_path_factory):
  folder = tmp_path_factory.mktemp("run")
  fitted.save(folder / "predictor", known)
  return folder


def smooth():
  """A photograph without texture, but for what was pasted into it."""
  pixels = np.full((H, W, 3), 99, np.uint8)
  pixels[SQUARE] = texture("fine", H, W, seed=2)[SQUARE]
  return pixels


def files(folder):
  return {path.name for path in folder.iterdir() if path.name != MANIFEST}


def saved(folder, name, pixels):
  (folder / name).write_bytes(jpegs.encode(Image.fromarray(pixels), quality=98, subsampling=0))
  return str(folder / name)


def test_of_every_image_a_map_a_mask_and_facts_are_left_and_bad_ones_do_not_stop_it(run, tmp_path, capsys):
  good, small = saved(tmp_path, "good.v2.jpg", photo()), saved(tmp_path, "small.jpg", photo()[:60])
  (tmp_path / "bad.jpg").write_bytes(jpegs.truncated())
  (tmp_path / "empty").mkdir()
  bad, absent, empty = str(tmp_path / "bad.jpg"), str(tmp_path / "absent.jpg"), str(tmp_path / "empty")
  out = tmp_path / "new" / "maps"
  assert splice.main([empty, bad, absent, small, good, f"--run={run}", f"--out={out}", "--json"]) == 1
  captured = capsys.readouterr()
  rows = {Path(row["file"]).name: row for row in json.loads(captured.out)}
  assert list(rows) == ["bad.jpg", "absent.jpg", "small.jpg", "good.v2.jpg", "empty"]
  assert "error" in rows["bad.jpg"]
  assert rows["absent.jpg"]["error"] == "No such file or directory"
  assert rows["empty"]["error"] == "no JPEG files in this folder"
  assert rows["small.jpg"]["no_statement"] == "400x60 pixels, in which no patch of 72x72 fits"
  assert f"fsim: {absent}: No such file or directory" in captured.err
  assert "5 considered: 1 with a map, 1 without a statement, 3 not judged, 0 passed over" in captured.err
  assert files(out) == {"good.v2.map.png", "good.v2.mask.png", "good.v2.map.json", "small.map.json"}
  facts = json.loads((out / "good.v2.map.json").read_text())
  assert {k: v for k, v in facts.items() if k != "patches"} == rows["good.v2.jpg"]
  assert (facts["width"], facts["height"], facts["stride"]) == (W, H, 32)
  assert "differs from the reference patches" in facts["statement"]
  box = facts["marked_box"]
  middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
  np.testing.assert_allclose(middle, (296, 160), atol=24)
  with Image.open(out / "good.v2.mask.png") as mask:
    assert mask.size == (W, H)
    assert np.isin(np.asarray(mask), (0, 255)).all()
    np.testing.assert_allclose(np.asarray(mask).mean() / 255, facts["marked"], atol=1e-6)
  with Image.open(io.BytesIO((out / "good.v2.map.png").read_bytes())) as picture:
    assert picture.width > 800


def test_the_facts_hold_what_is_needed_to_draw_the_map_again(known):
  found = splicing.analyse(known, photo())
  facts = report.facts(Path("x.jpg"), found, "said", decided=True)
  values = np.array([np.nan if p["difference"] is None else p["difference"] for p in facts["patches"]])
  places = np.array([[p["y"], p["x"]] for p in facts["patches"]])
  again = patchmap.over_pixels(values, places, facts["size"], (facts["height"], facts["width"]))
  np.testing.assert_allclose(again, found.heat, atol=1e-5)
  own = np.array([p["reference"] for p in facts["patches"]])
  assert own.sum() == facts["reference_patches"]
  assert not json.dumps(facts, allow_nan=False).count("NaN")


def test_what_fsim_did_not_write_is_never_replaced_and_the_others_are_made(run, tmp_path, capsys):
  good, other = saved(tmp_path, "good.jpg", photo()), saved(tmp_path, "other.jpg", photo())
  taken = {"good.map.png": b"a drawing", "other.png": b"a drawing", "other.json": b"{}"}
  for name, data in taken.items():
    (tmp_path / name).write_bytes(data)
  assert splice.main([good, other, f"--run={run}", f"--out={tmp_path}"]) == 1
  captured = capsys.readouterr()
  assert f"fsim: {good}: {tmp_path / 'good.map.png'}: exists and is not as fsim wrote it" in captured.err
  assert captured.out.startswith(f"{other}: ")
  assert {name: (tmp_path / name).read_bytes() for name in taken} == taken
  assert not (tmp_path / "good.mask.png").exists()
  assert splice.main([other, f"--run={run}", f"--out={tmp_path}"]) == 0  # Its own files it may replace.


def test_images_of_one_name_get_files_of_their_own(run, tmp_path, capsys):
  (tmp_path / "100CANON").mkdir()
  (tmp_path / "101CANON").mkdir()
  twins = [saved(tmp_path / f"10{k}CANON", "IMG_1.JPG", photo()) for k in (0, 1)]
  mask, plain = saved(tmp_path, "x.mask.jpg", photo()), saved(tmp_path, "x.jpg", photo())
  assert splice.main([*twins, mask, plain, f"--run={run}", f"--out={tmp_path / 'out'}"]) == 0
  names = ["100CANON-IMG_1.JPG", "101CANON-IMG_1.JPG", "x.mask", "x"]
  assert files(tmp_path / "out") == {f"{name}.{ending}" for name in names for ending in COMPARED}
  lines = capsys.readouterr().out.splitlines()
  assert lines[1].startswith(f"{twins[1]}: ")
  assert lines[1].endswith("; files 101CANON-IMG_1.JPG.*")
  facts = json.loads((tmp_path / "out" / f"{names[1]}.map.json").read_text())
  assert facts["file"] == twins[1]
  assert facts["files"][0] == str(tmp_path / "out" / "101CANON-IMG_1.JPG.map.png")


def test_no_two_images_ever_share_a_name():
  place = Path("/photos")
  given = [place / name for name in ("a.jpg", "A.JPG", "a.png", "caf\u00e9.jpg", "cafe\u0301.jpg", "n" * 240 + "1.jpg")]
  given += [place / ("n" * 240 + "2.jpg"), Path("/other/photos/a.jpg"), place / "photos-a.jpg", place / "photos-a.png"]
  given += [place / "b.jpg", place / ("\u6f22" * 80 + ".jpg"), place / "bad\udce9name.jpg"]
  names = names_of(given)
  assert len({unicodedata.normalize("NFC", name).casefold() for name in names}) == len(given)
  assert all(len(os.fsencode(f"{name}-99.mask.png")) < 255 for name in names)
  assert names[given.index(place / "b.jpg")] == "b"
  assert names_of(given) == names


def test_a_folder_is_looked_through_and_what_is_passed_over_is_named(run, tmp_path, capsys):
  place = tmp_path / "photos"
  (place / "sub").mkdir(parents=True)
  saved(place, "one.jpg", photo())
  saved(place / "sub", "two.jfif", photo())
  (place / "notes.txt").write_text("notes")
  assert splice.main([str(place), f"--run={run}", f"--out={tmp_path / 'out'}"]) == 0
  captured = capsys.readouterr()
  assert [line.split(": ")[0] for line in captured.out.splitlines()] == [f"{place}/one.jpg", f"{place}/sub/two.jfif"]
  assert f"fsim: {place}/notes.txt: no photograph" in captured.err
  assert "3 considered: 2 with a map, 0 without a statement, 0 not judged, 1 passed over" in captured.err


def test_a_line_an_image_says_how_much_differs_and_how_much_is_judged(run, tmp_path, capsys):
  good, flat = saved(tmp_path, "good.jpg", photo()), saved(tmp_path, "flat.jpg", np.full((H, W, 3), 99, np.uint8))
  assert splice.main([good, flat, f"--run={run}", f"--out={tmp_path}"]) == 0
  first, second = capsys.readouterr().out.splitlines()
  assert first.startswith(f"{good}: ")
  assert re.search(
    r"% marked: differs from the reference patches, which cover \d\d\.\d % of the image; \d+\.\d % judged", first
  )
  assert "; score 0." in first
  assert second == f"{flat}: no statement: 0 of 84 patches have texture enough, and at least 8 are needed"


def test_nothing_marked_never_reads_as_authentic(known):
  found = splicing.analyse(known, texture("coarse", H, W, seed=1))
  said = sentence(found._replace(mask=np.zeros((H, W), bool), heat=np.where(np.arange(W) < 300, found.heat, np.nan)))
  assert said.startswith("0.0 % marked: nothing that is judged differs from the reference patches")
  assert "75.0 % judged, nothing is said of the other 25.0 %" in said
  few = np.zeros((H, W), bool)
  few[0, 0] = True
  assert sentence(found._replace(mask=few)).startswith("under 0.1 % marked: differs from")


def test_where_the_paste_holds_what_can_be_judged_there_is_no_statement_and_no_mask(run, tmp_path, capsys):
  file, out = saved(tmp_path, "x.jpg", photo()), tmp_path / "out"
  assert splice.main([file, f"--run={run}", f"--out={out}"]) == 0
  assert "x.mask.png" in files(out)
  saved(tmp_path, "x.jpg", smooth())
  capsys.readouterr()
  assert splice.main([file, f"--run={run}", f"--out={out}", "--json"]) == 0
  (row,) = json.loads(capsys.readouterr().out)
  assert row["statement"] is row["marked"] is row["marked_box"] is None
  assert "of the image" in row["no_statement"]
  assert "--reference=X,Y" in row["no_statement"]
  assert 0 < row["judged"] <= 0.5
  assert files(out) == {"x.map.png", "x.map.json"}  # A mask, even of an earlier call, would say something.
  assert row["files"] == [str(out / "x.map.png"), str(out / "x.map.json")]
  assert splice.main([file, f"--run={run}", f"--out={out}", "--reference=300,150"]) == 0
  assert re.search(r"the reference patch; \d+\.\d % judged, nothing is said of the other", capsys.readouterr().out)


def test_a_reference_is_a_pixel_of_one_image(run, tmp_path, capsys):
  good = saved(tmp_path, "good.jpg", photo())
  assert splice.main([good, f"--run={run}", f"--out={tmp_path}", "--reference=300,150", "--stride=40"]) == 0
  assert "% marked: differs from the reference patch; " in capsys.readouterr().out
  facts = json.loads((tmp_path / "good.map.json").read_text())
  assert facts["stride"] == 40
  assert facts["score"] is facts["reference_share"] is None
  chosen = facts["patches"][facts["chosen_patch"]]
  assert chosen["x"] <= 300 < chosen["x"] + 72
  assert chosen["reference"]
  assert facts["marked"] > 0.4  # The reference lies in what was pasted, and the rest differs from it.
  assert splice.main([good, f"--run={run}", f"--out={tmp_path}", "--reference=4000,150"]) == 1
  assert f"fsim: {good}: the reference 4000,150 lies outside its 400x240 pixels" in capsys.readouterr().err


def test_a_place_for_the_maps_that_cannot_be_used_is_told_before_any_work(run, tmp_path, monkeypatch):
  good = saved(tmp_path, "good.jpg", photo())
  (tmp_path / "notes.txt").write_text("notes")
  monkeypatch.setattr(splicing, "analyse", None)
  with pytest.raises(UserError, match=r"notes\.txt: not a folder"):
    splice.main([good, f"--run={run}", f"--out={tmp_path / 'notes.txt'}"])
  monkeypatch.setattr("tempfile.TemporaryFile", refused)
  with pytest.raises(UserError, match="out: cannot be written to"):
    splice.main([good, f"--run={run}", f"--out={tmp_path / 'out'}"])


def refused(**_):
  raise PermissionError(13, "Permission denied")


def test_a_full_disk_costs_one_image_its_map_and_is_named(run, tmp_path, monkeypatch, capsys):
  good, small = saved(tmp_path, "good.jpg", photo()), saved(tmp_path, "small.jpg", photo()[:60])
  write = Folder.write

  def full(folder, name, data):
    if name == "good.mask.png":
      raise UserError(f"{folder.path / name}: No space left on device")
    write(folder, name, data)

  monkeypatch.setattr(Folder, "write", full)
  assert splice.main([good, small, f"--run={run}", f"--out={tmp_path / 'out'}"]) == 1
  captured = capsys.readouterr()
  assert f"fsim: {good}: {tmp_path / 'out' / 'good.mask.png'}: No space left on device" in captured.err
  assert captured.out.startswith(f"{small}: no statement")


def test_an_interruption_says_what_is_kept(run, tmp_path, monkeypatch, capsys):
  good = saved(tmp_path, "good.jpg", photo())

  def interrupted(*_):
    raise KeyboardInterrupt

  monkeypatch.setattr(splicing, "analyse", interrupted)
  monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO()))
  monkeypatch.setattr("sys.stderr", io.TextIOWrapper(errors := io.BytesIO(), write_through=True))
  assert console.run(splice.main, [good, f"--run={run}", f"--out={tmp_path / 'out'}"]) == console.INTERRUPTED
  assert errors.getvalue() == b"fsim: interrupted; the maps made so far are kept\n"


def test_odd_names_are_printed_escaped_and_long_ones_shortened(run, tmp_path, capsys):
  saved(tmp_path, "a\nb\x1b[2J.jpg", photo()[:60])
  saved(tmp_path, "\u6f22$" * 60 + ".jpg", photo()[:60])
  assert splice.main([str(tmp_path), f"--run={run}", f"--out={tmp_path / 'out'}"]) == 0
  assert capsys.readouterr().out.startswith(f"{tmp_path}/a\\nb\\x1b[2J.jpg: no statement")
  assert len(files(tmp_path / "out")) == 2


@pytest.mark.parametrize(
  ("given", "message"),
  [
    (["a.jpg", "b.jpg", "--reference=1,1"], "--reference takes one image"),
    (["a.jpg", "--reference=1x1"], "'1x1' is not of the form X,Y"),
  ],
)
def test_what_cannot_be_meant_is_refused(run, given, message, tmp_path, capsys):
  with pytest.raises(SystemExit):
    splice.main([*given, f"--run={run}", f"--out={tmp_path}"])
  assert message in capsys.readouterr().err


def test_a_reference_for_a_folder_of_images_and_a_stride_off_the_grid_are_told(run, tmp_path):
  for name in ("a.jpg", "b.jpg"):
    saved(tmp_path, name, photo())
  with pytest.raises(UserError, match=r"--reference takes one image, and .* has 2"):
    splice.main([str(tmp_path), f"--run={run}", f"--out={tmp_path}", "--reference=1,1"])
  with pytest.raises(UserError, match="--stride=80: the stride must be a multiple of 8 up to the patch size 72"):
    splice.main(["a.jpg", f"--run={run}", f"--out={tmp_path}", "--stride=80"])
  for stride in ("20", "0", "-8", "\u0668", "8.0", "9" * 5000):
    with pytest.raises(SystemExit, match="2"):
      splice.main(["a.jpg", f"--run={run}", f"--out={tmp_path}", f"--stride={stride}"])
