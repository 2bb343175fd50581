import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fsim import splice
from fsim.evaluate import comparer, splicing
from fsim.report import splicing as report
from tests import comparers, jpegs
from tests.comparers import texture

H, W = 240, 400
SQUARE = (slice(96, 224), slice(224, 368))


def photo():
  pixels = texture("coarse", H, W, seed=1)
  pixels[SQUARE] = texture("fine", H, W, seed=2)[SQUARE]
  return pixels


@pytest.fixture(scope="module")
def known():
  return comparers.made()


@pytest.fixture(scope="module")
def run(known, tmp_path_factory):
  folder = tmp_path_factory.mktemp("run")
  comparer.save(folder / "comparer", known)
  return folder


def saved(folder, name, pixels):
  (folder / name).write_bytes(jpegs.encode(Image.fromarray(pixels), quality=98, subsampling=0))
  return str(folder / name)


def test_of_every_image_a_map_a_mask_and_facts_are_left_and_bad_ones_do_not_stop_it(run, tmp_path, capsys):
  good, small = saved(tmp_path, "good.v2.jpg", photo()), saved(tmp_path, "small.jpg", photo()[:60])
  (tmp_path / "bad.jpg").write_bytes(jpegs.truncated())
  (tmp_path / "other").mkdir()
  twin = saved(tmp_path / "other", "good.v2.jpg", photo())
  bad, absent = str(tmp_path / "bad.jpg"), str(tmp_path / "absent.jpg")
  out = tmp_path / "new" / "maps"
  assert splice.main([bad, absent, small, good, twin, f"--run={run}", f"--out={out}", "--json"]) == 1
  captured = capsys.readouterr()
  rows = json.loads(captured.out)
  assert "error" in rows[0]
  assert rows[1]["error"] == "No such file or directory"
  assert rows[2]["no_statement"] == "400x60 pixels, in which no patch of 72x72 fits"
  assert "take the place of another image's" in rows[4]["error"]
  assert f"fsim: {absent}: No such file or directory" in captured.err
  assert {p.name for p in out.iterdir()} == {"good.v2.png", "good.v2.mask.png", "good.v2.json"}
  facts = json.loads((out / "good.v2.json").read_text())
  assert {k: v for k, v in facts.items() if k != "patches"} == rows[3]
  assert (facts["width"], facts["height"], facts["stride"]) == (W, H, 32)
  box = facts["marked_box"]
  middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
  np.testing.assert_allclose(middle, (296, 160), atol=24)
  with Image.open(out / "good.v2.mask.png") as mask:
    assert mask.size == (W, H)
    assert np.isin(np.asarray(mask), (0, 255)).all()
    np.testing.assert_allclose(np.asarray(mask).mean() / 255, facts["marked"], atol=1e-6)
  with Image.open(io.BytesIO((out / "good.v2.png").read_bytes())) as picture:
    assert picture.width > 800


def test_the_facts_hold_what_is_needed_to_draw_the_map_again(known):
  found = splicing.analyse(known, photo())
  facts = report.facts(Path("x.jpg"), found)
  values = np.array([np.nan if p["foreign"] is None else p["foreign"] for p in facts["patches"]])
  places = np.array([[p["y"], p["x"]] for p in facts["patches"]])
  again = splicing.heat(values, places, facts["size"], (facts["height"], facts["width"]))
  np.testing.assert_allclose(again, found.heat, atol=1e-5)
  assert not json.dumps(facts, allow_nan=False).count("NaN")


def test_a_map_that_cannot_be_written_is_named_and_the_others_are_made(run, tmp_path, capsys):
  good, other = saved(tmp_path, "good.jpg", photo()), saved(tmp_path, "other.jpg", photo())
  (tmp_path / "out" / "good.png").mkdir(parents=True)
  assert splice.main([good, other, f"--run={run}", f"--out={tmp_path / 'out'}"]) == 1
  captured = capsys.readouterr()
  assert f"fsim: {good}: {tmp_path / 'out' / 'good.png'}: Is a directory" in captured.err
  assert captured.out.startswith(f"{other}: ")


def test_a_line_an_image_says_how_much_is_marked(run, tmp_path, capsys):
  good, flat = saved(tmp_path, "good.jpg", photo()), saved(tmp_path, "flat.jpg", np.full((H, W, 3), 99, np.uint8))
  assert splice.main([good, flat, f"--run={run}", f"--out={tmp_path}"]) == 0
  first, second = capsys.readouterr().out.splitlines()
  assert first.startswith(f"{good}: ")
  assert "% marked; score 0." in first
  assert second == f"{flat}: no statement: 0 of 84 patches have texture enough, and at least 8 are needed"


def test_a_reference_is_a_pixel_of_one_image(run, tmp_path, capsys):
  good = saved(tmp_path, "good.jpg", photo())
  assert splice.main([good, f"--run={run}", f"--out={tmp_path}", "--reference=300,150", "--stride=40"]) == 0
  assert "compared with the reference" in capsys.readouterr().out
  facts = json.loads((tmp_path / "good.json").read_text())
  assert facts["stride"] == 40
  assert facts["score"] is None
  chosen = facts["patches"][facts["reference"]]
  assert chosen["x"] <= 300 < chosen["x"] + 72
  assert facts["marked"] > 0.4  # The reference lies in what was pasted, so the rest is foreign to it.


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


def test_a_run_without_a_comparer_and_a_stride_off_the_grid_are_told(run, tmp_path, capsys):
  assert splice.main(["a.jpg", f"--run={tmp_path}", f"--out={tmp_path}"]) == 1
  assert "is not a finished run of the system model" in capsys.readouterr().err
  assert splice.main(["a.jpg", f"--run={run}", f"--out={tmp_path}", "--stride=20"]) == 1
  assert "--stride=20: the stride must be a multiple of 8 up to the patch size 72" in capsys.readouterr().err
