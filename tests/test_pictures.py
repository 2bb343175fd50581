"""What is shown is not taken for a sensor: copies, one scene, frames and watermarks on photographs of two cameras."""

import io
import itertools
import json

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from fsim import prnu
from fsim.boundary import console
from fsim.boundary.errors import UserError
from fsim.data import jpeg
from fsim.evidence import saved as saved_calibration
from fsim.evidence import scores, words
from fsim.evidence.comparison import Answer
from fsim.prnu import allpairs, building, face, pictures
from fsim.prnu.comparing import NO_STATEMENT
from fsim.prnu.pictures import Gallery, picture
from fsim.prnu.settings import DEFAULT
from fsim.prnu.tiles import Tiles
from fsim.prnu.transforms import Transform
from tests import sensors
from tests.test_compare import CALIBRATION, says

SIDE = 256
FONT = ImageFont.load_default(24)


def share(a, b):
  return pictures.share_of(*(pictures.details(one.levels) for one in (a, b)))


def share_at(pixels, reference, transform, shift):
  return pictures.share_at(pictures.transformed(pixels, transform), reference, shift)


def photograph(seed, camera=0, side=SIDE):
  """Of texture at several scales, by a sensor whose pattern is as strong as those of good cameras."""
  rng = np.random.default_rng(seed)
  levels = np.full((side, side), 120.0)
  for step in (4, 8, 16, 64):
    rough = Image.fromarray(rng.normal(scale=12, size=(side // step + 1,) * 2).astype(np.float32))
    levels += np.asarray(rough.resize((side, side), Image.Resampling.BICUBIC))
  pattern = 1 + 0.01 * np.random.default_rng([camera]).normal(size=(side, side))
  seen = (levels * pattern)[..., None] + rng.normal(scale=1, size=(side, side, 3))
  return saved(np.clip(seen, 0, 255).astype(np.uint8), 95)


def saved(pixels, quality):
  buffer = io.BytesIO()
  Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling=0)
  return jpeg.decode(buffer.getvalue())


def marked(pixels):
  """With a watermark through which the picture is seen."""
  image = Image.fromarray(pixels).convert("RGBA")
  over = Image.new("RGBA", image.size)
  for y, x in itertools.product(range(0, SIDE, 50), range(0, SIDE, 110)):
    ImageDraw.Draw(over).text((x + y % 30, y), "SAMPLE", fill=(255, 255, 255, 120), font=FONT)
  return saved(np.asarray(Image.alpha_composite(image, over).convert("RGB")), 95)


def framed(pixels):
  framed = np.array(pixels)
  frame = np.random.default_rng(99).integers(0, 2, (SIDE // 4, SIDE // 4, 1)).repeat(4, 0).repeat(4, 1) * 200
  inside = np.zeros((SIDE, SIDE, 1), bool)
  inside[48:-48, 48:-48] = True
  return saved(np.where(inside, framed, frame + 20).astype(np.uint8), 95)


def files(folder, *several):
  """As they were decoded: what is saved is compared to nothing."""
  folder.mkdir(exist_ok=True)
  for k, pixels in enumerate(several):
    Image.fromarray(pixels).save(folder / f"{k}.jpg", quality=97, subsampling=0)
  return [folder / f"{k}.jpg" for k in range(len(several))]


@pytest.mark.parametrize("size", [(64, 65_500), (40_000, 130), (100, 100)])
def test_however_long_a_picture_is_it_is_alike_itself_and_no_other(size):
  rng = np.random.default_rng(0)
  one, other = (rng.integers(60, 180, (*(n // 4 + 1 for n in size), 3)).astype(np.uint8) for _ in range(2))
  one, other = (x.repeat(4, 0).repeat(4, 1)[: size[0], : size[1]] for x in (one, other))
  for steps in (pictures.STEPS, pictures.COARSE):
    a, b = picture(one, steps), picture(other, steps)
    assert a.levels.size <= steps**2
    assert (share(a, a), share(a, b)) == (1, 0)


def test_two_scenes_of_one_sensor_are_two():
  several = [picture(photograph(seed, camera=1)) for seed in range(8)]
  assert not any(share(a, b) for a, b in itertools.combinations(several, 2))


def test_flat_fields_of_one_sensor_show_nothing():
  pattern = 1 + 0.02 * np.random.default_rng(3).normal(size=(SIDE, SIDE, 1))
  rng = np.random.default_rng(4)
  flat = [np.clip(180 * pattern + rng.normal(size=(SIDE, SIDE, 3)), 0, 255).astype(np.uint8) for _ in range(2)]
  assert share(*map(picture, flat)) == 0


@pytest.mark.parametrize("quality", [30, 60, 90])
def test_a_copy_that_was_saved_again_is_the_same(quality):
  own = photograph(1)
  assert share(picture(own), picture(saved(own, quality))) > 0.9


@pytest.mark.parametrize("transform", [Transform(1), Transform(3, mirrored=True), Transform(scale=2.0)])
def test_it_is_asked_where_the_photograph_was_found_to_lie(transform):
  own = photograph(1)
  there = np.array(Image.fromarray(own).reduce(2)) if transform.scale == 2 else own
  turned = there if transform.scale == 2 else np.rot90(there, -transform.turns)
  seen = np.ascontiguousarray(turned[:, ::-1] if transform.mirrored else turned)
  assert share_at(seen, picture(own), transform, (0, 0)) > 0.8
  assert share_at(photograph(2), picture(own), Transform(), (0, 0)) == 0


@pytest.mark.parametrize("shift", [(0, 0), (31, 57), (-31, -57), (-9, 44)])
def test_a_part_is_the_same_wherever_it_begins(shift):
  whole = photograph(1, side=2 * SIDE)
  top, left = (64 + n for n in shift)
  part, reference = whole[top : top + SIDE, left : left + SIDE], whole[64 : 64 + SIDE, 64 : 64 + SIDE]
  assert share_at(np.ascontiguousarray(part), picture(reference), Transform(), shift) > 0.9


def test_where_hardly_anything_is_in_common_nothing_is_said():
  own = photograph(1)
  assert share_at(own, picture(own), Transform(), (SIDE - 8, 0)) == 0


@pytest.mark.parametrize("change", [marked, framed])
def test_what_lies_over_two_photographs_is_the_same(change):
  assert share(picture(change(photograph(1, 1))), picture(change(photograph(2, 2)))) > 0.1
  assert share(picture(change(photograph(1, 1))), picture(photograph(2, 2))) == 0


@pytest.mark.parametrize("change", [marked, framed])
def test_another_camera_is_not_the_same_by_what_lies_over_both(change, tmp_path):
  """The harm: without the watermark nothing correlates, with it everything does."""
  references = files(tmp_path / "refs", *(change(photograph(seed, 1)) for seed in range(3)))
  questioned = files(tmp_path / "asked", change(photograph(10, 2)))[0]
  with pytest.raises(UserError, match="2 of 3 photographs show the same as another one"):
    scores.known(references)
  camera = scores.known(references, trusted=True)
  found = scores.score(questioned, camera)
  assert pictures.SAME in found.reason
  assert found.z is None
  hint = words.hint(Answer(found, {}, None, None, []), camera)
  assert "leave that one out of --with" in hint
  answer = prnu.match(questioned, references[0])
  assert answer.answer == NO_STATEMENT
  assert pictures.SAME in answer.reason


def test_a_copy_of_a_reference_is_no_evidence_about_itself(tmp_path):
  several = [photograph(seed, 1) for seed in range(4)]
  references = files(tmp_path / "refs", *several)
  again, cut, other = files(
    tmp_path / "asked", saved(several[0], 70), np.ascontiguousarray(several[1][33:, 17:]), photograph(20, 1)
  )
  camera = scores.known(references)
  for questioned, whose in ((again, references[0]), (cut, references[1])):
    found = scores.score(questioned, camera)
    assert pictures.SAME in found.reason
    assert str(whose) in found.reason
  assert scores.score(other, camera).aligned > 6


def test_a_reference_that_was_saved_again_counts_once(tmp_path):
  several = [photograph(seed, 1) for seed in range(4)]
  paths = files(tmp_path / "refs", *several, saved(several[2], 60))
  left_out = {}
  made = face.gathered(paths, lambda path, why: left_out.update({path: why}))
  assert len(made.places) == 4
  assert list(left_out) == [paths[4]]
  assert str(paths[2]) in left_out[paths[4]]
  said = {}
  built = building.build(paths, tmp_path / "a.npz", "a", DEFAULT, lambda path, why: said.update({path: why}))
  assert said == left_out
  assert len(built.fingerprint.images) == 4


def test_a_fingerprint_of_one_watermark_is_refused_and_leaves_nothing(tmp_path):
  paths = files(tmp_path / "refs", *(marked(photograph(seed, seed)) for seed in range(4)))
  with pytest.raises(UserError, match="a fingerprint of them would be of what they show"):
    building.build(paths, tmp_path / "a.npz", "a", DEFAULT, lambda path, why: None)
  assert not list(tmp_path.glob("a.npz*"))


def test_what_lies_over_photographs_of_many_cameras_links_none(tmp_path):
  """As a watermark would, in a folder of somebody's publications; photographs of one camera stay linked."""
  over = files(tmp_path / "over", *(marked(photograph(seed, 10 + seed)) for seed in range(3)))
  files(tmp_path / "own", *(photograph(20 + seed, 1) for seed in range(3)))
  whole = allpairs.compared(
    allpairs.prepared(over, Tiles(tmp_path / "tiles"), lambda path, why: None), Tiles(tmp_path / "tiles"), 1e-4, 3
  )
  assert len(set(whole.table["group"])) == 3
  assert len(whole.alike) == 3
  (tmp_path / "own.json").write_bytes(saved_calibration.to_bytes(CALIBRATION))
  places = tmp_path / "over", tmp_path / "own"
  code, out, err = says(*places, f"--calibration={tmp_path / 'own.json'}", "--json", of="link")
  found = json.loads(out)
  assert code == console.ANSWERED
  groups = [sorted(one["file"] for one in group["photographs"]) for group in found["groups"]]
  assert groups == [sorted(str(path) for path in (tmp_path / "own").iterdir())]
  assert len(found["alike"]) == 3
  assert err.count("both show the same") == 3


def test_what_is_kept_of_many_is_bounded():
  gallery = Gallery()
  several = [photograph(seed, side=128) for seed in range(5)]
  assert not any(gallery.objection(str(k), own) for k, own in enumerate(several))
  assert gallery.objection("again", several[1]).startswith(f"it {pictures.SAME} 1")
  gallery.require_most(5)
  assert gallery.known.maxlen == pictures.KNOWN


def test_scenes_of_real_cameras_are_told_apart(realcams):
  """Of all pairs of one photograph of each scene; .05 of the area is the limit."""
  several = [picture(jpeg.decode(path.read_bytes())) for path in sorted((realcams / "natural").iterdir())[::12]]
  assert not any(share(a, b) for a, b in itertools.combinations(several, 2))


def test_the_sensors_of_other_tests_show_nothing_in_common():
  several = [picture(np.asarray(sensors.photograph(20 + k, 1))) for k in range(8)]
  assert not any(share(a, b) for a, b in itertools.combinations(several, 2))
