"""Are references of one camera? Mixes are seen, single cameras pass, weak ones are called so."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsim.boundary.errors import UserError
from fsim.data.exif import Camera
from fsim.prnu import membership, probe
from fsim.prnu.membership import Reference
from tests import sensors

PIXELS = 64 * 64
NOBODY = Camera()


def references(*sensors_of, strength=0.4, cameras=None, shared=0.0):
  """One for each number of a sensor: its pattern in noise; `shared` by all sensors is that share of their patterns."""
  common = np.random.default_rng(999).normal(size=PIXELS)
  made = []
  for k, sensor in enumerate(sensors_of):
    own = np.sqrt(1 - shared**2) * np.random.default_rng(sensor).normal(size=PIXELS) + shared * common
    seen = strength * own + np.random.default_rng(1000 + k).normal(size=PIXELS)
    pattern = (seen / seen.std()).astype(np.float16)
    made.append(Reference(Path(f"{sensor}_{k}.jpg"), cameras[k] if cameras else NOBODY, pattern))
  return made


def test_photographs_of_one_camera_belong_together():
  verdict = membership.check(references(*[0] * 12))
  assert verdict.kept == list(range(12))
  assert min(verdict.pce) > 60
  assert verdict.said == "12 of 12 photographs linked by sensor noise, each with the others"


@pytest.mark.parametrize("several", [[0] * 5 + [1] * 5, [0, 1, 2, 3] * 4, [0] * 5 + [1] * 4 + [2], [0, 0, 1, 1]])
def test_no_majority_is_refused_and_the_groups_are_named(several):
  with pytest.raises(UserError, match=r"no camera has more than half.*: \d \(0_0\.jpg.*\(1_.*--trusted takes all"):
    membership.check(references(*several))


@settings(max_examples=10)
@given(st.permutations([0] * 9 + [1] * 3 + [2]))
def test_the_minority_is_left_out_with_its_pce_in_any_order(several):
  verdict = membership.check(references(*several))
  assert verdict.kept == [k for k, sensor in enumerate(several) if sensor == 0]
  assert all("not linked" in why and f"(PCE {verdict.pce[k]})" in why for k, why in verdict.left_out.items())
  assert sorted([*verdict.kept, *verdict.left_out]) == list(range(13))


def test_a_pattern_that_all_sensors_of_a_model_share_links_nobody():
  """As flat fields have it: linked by far above the threshold for unrelated cameras, and yet not of one sensor."""
  several = references(*[0] * 8, *[1] * 8, strength=1.0, shared=0.4)
  with pytest.raises(UserError, match="no camera has more than half"):
    membership.check(several)
  verdict = membership.check([*several[:8], several[9]])
  assert list(verdict.left_out) == [8]


def test_weak_photographs_pass_as_a_whole_and_are_called_so():
  verdict = membership.check(references(*[0] * 6, strength=0.21))
  assert verdict.kept == list(range(6))
  assert verdict.said.endswith("too weakly to check each by itself")


def test_two_weak_cameras_do_not_pass_as_one():
  with pytest.raises(UserError, match="linked"):
    membership.check(references(*[0] * 10, *[1] * 10, strength=0.21))


def test_noise_alone_links_nobody_and_the_option_is_named():
  with pytest.raises(UserError, match=r"none of 8 photographs is linked.*--trusted takes all as given"):
    membership.check(references(*range(8)))


def test_what_is_not_checked_is_said():
  alone, trusted = membership.check(references(0)), membership.taken_as_given(references(0, 1))
  assert (alone.kept, alone.pce, alone.said) == ([0], [None], membership.SINGLE)
  assert (trusted.kept, trusted.pce, trusted.said) == ([0, 1], [None, None], membership.TRUSTED)


A, B = Camera("Acme", "A1", "17"), Camera("Acme", "A1", "18")


@pytest.mark.parametrize("other", [B, Camera("Acme", "A2"), Camera("Best", "A1", "17"), Camera(serial="18")])
def test_exif_of_another_camera_is_left_out_even_if_the_noise_is_linked(other):
  verdict = membership.check(references(*[0] * 6, cameras=[A] * 5 + [other]))
  assert verdict.kept == [0, 1, 2, 3, 4]
  assert verdict.left_out == {5: f"EXIF: {other}, where most are by Acme A1 no. 17"}


def test_photographs_without_exif_or_serial_number_contradict_nobody():
  cameras = [A, A, NOBODY, Camera("Acme", "A1"), A, NOBODY]
  assert membership.check(references(*[0] * 6, cameras=cameras)).kept == list(range(6))


def test_exif_of_two_cameras_without_a_majority_is_refused():
  with pytest.raises(UserError, match=r"EXIF names 2 cameras: 3 by Acme A1 no. 17 \(0_0.jpg, 0_1.jpg, 0_2.jpg\); 3 by"):
    membership.check(references(*[0] * 6, cameras=[A, A, A, B, B, B]))


def test_names_from_files_are_harmless_in_messages():
  cameras = [Camera(model="A\x1b[2J")] * 2 + [Camera(model="B\n")] * 2
  with pytest.raises(UserError) as refused:
    membership.check(references(*[0] * 4, cameras=cameras))
  assert "\x1b" not in str(refused.value)
  assert "\n" not in str(refused.value)


def _pattern(pixels, side):
  return membership.pattern_of(probe.filtered(np.ascontiguousarray(pixels)[None]), side)


def test_the_central_square_keeps_the_grid_and_the_memory():
  image = np.asarray(sensors.photograph(0, 0))
  square = _pattern(image, 64)
  assert square.shape == (64 * 64,)
  assert square.std(dtype=np.float64) == pytest.approx(1, abs=1e-3)
  shifted = _pattern(np.pad(image, ((0, 0), (16, 0), (0, 0)), mode="edge")[:, :-16], 64)
  assert abs((square.astype(float) * shifted).mean()) < 0.9
  assert _pattern(image, 1024).size == image[..., 0].size
  assert membership.side_for(10) == membership.SIDE
  for count in (300, 3_000, 30_000):
    assert count * membership.side_for(count) ** 2 * 2 <= membership.MEMORY


@pytest.mark.parametrize("mixed", [("Canon_ELPH300HS_0", "Canon_S100_0"), ("Nikon_D70_0", "Nikon_D70_1")])
def test_real_cameras_are_told_apart(realcams, mixed):
  from fsim.data.photographs import read_all

  def of(device, folder):
    paths = sorted((realcams / folder).glob(f"{device}_*.JPG"))[:6]
    return [Reference(p.path, NOBODY, _pattern(p.pixels, 1024)) for p in read_all(paths)]

  first, second = (of(device, "flat-field" if "Nikon" in device else "natural") for device in mixed)
  assert membership.check(first).kept == membership.check(second).kept == list(range(6))
  assert membership.check([*first, *second[:2]]).kept == list(range(6))
  with pytest.raises(UserError, match=r"groups linked by sensor noise: 6 \(.*; 6 \("):
    membership.check([*first, *second])
