import io
import re
import resource
import shutil
import subprocess
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fsim.data import jpeg, markers
from tests import jpegs

SCENE = jpegs.scene(72, 104)
SMALL = [  # Files in which damage is sought: each coding, and restart markers.
  jpegs.encode(Image.fromarray(SCENE[:40, :56]), quality=75, **options)
  for options in (
    {},
    {"progressive": True},
    {"optimize": True, "subsampling": "4:4:4"},
    {"restart_marker_blocks": 2},
  )
]


def pillows(data):
  with Image.open(io.BytesIO(data)) as image:
    return np.asarray(image)


@given(
  st.integers(1, 104),
  st.integers(1, 72),
  st.sampled_from(["4:4:4", "4:2:2", "4:2:0"]),
  st.integers(1, 100),
  st.booleans(),
  st.sampled_from([{}, {"optimize": True}, {"restart_marker_blocks": 3}, {"restart_marker_rows": 1}]),
)
def test_pixels_are_those_of_libjpeg(width, height, subsampling, quality, progressive, options):
  image = Image.fromarray(SCENE[:height, :width])
  data = jpegs.encode(image, quality=quality, subsampling=subsampling, progressive=progressive, **options)
  assert np.array_equal(jpeg.decode(data), pillows(data))
  assert jpeg.size(data) == (width, height)


@pytest.mark.parametrize("subsampling", ["440", "411"])
def test_what_turning_and_old_cameras_make_is_read(subsampling):
  data = simplejpeg.encode_jpeg(np.ascontiguousarray(SCENE), 80, "RGB", subsampling)
  assert np.array_equal(jpeg.decode(data), pillows(data))


def test_colours_stored_as_they_are_are_read():
  data = jpegs.encode(Image.fromarray(SCENE), keep_rgb=True)
  assert np.array_equal(jpeg.decode(data), pillows(data))


def test_exif_orientation_does_not_turn_the_sensor():
  exif = Image.Exif()
  exif[0x0112] = 6
  pixels, found = jpeg.decode_with_structure(jpegs.jpeg(0, exif=exif))
  assert pixels.shape == (48, 64, 3)
  assert found.exif.startswith(b"Exif\0\0")


@pytest.mark.parametrize(
  ("data", "cause"),
  [
    (b"", "empty file"),
    (b"no image at all", "no image that can be read"),
    (jpegs.truncated(), "damaged JPEG"),
    (jpegs.png(), "a PNG file, not a JPEG"),
    (jpegs.greyscale(), "greyscale, but a colour JPEG is needed"),
    (jpegs.cmyk(), "CMYK, but a colour JPEG is needed"),
    (jpegs.twelve_bit(), "12-bit"),
    (jpegs.announcing(20_000, 20_000), "20000x20000 pixels, more than the limit"),
    (jpegs.announcing(0, 48), "damaged JPEG: 0x48 pixels"),
    (b"DDS " + bytes(280), "a DDS file, not a JPEG"),
    (b"\x01\0\0\0" + bytes(36) + b" EMF" + bytes(240), "EMF file, not a JPEG"),
    (b"\0\0\0\x18ftypheic", "a HEIC file, not a JPEG"),
    (b"II*\0" + bytes(100), "a TIFF or raw file, not a JPEG"),
    (b"\0\0\0\x18ftypcrx ", "a raw file, not a JPEG"),
    (b"BMW is a maker of cars", "no image that can be read"),
  ],
)
def test_other_files_are_refused_with_their_cause(data, cause):
  with pytest.raises(jpeg.BadImage, match=cause):
    jpeg.decode(data)


def test_two_hundred_megapixels_are_an_image():
  side = 14_144  # 200 million pixels, as some phones have.
  data = jpegs.announcing(side, side)
  assert jpeg.size(data) == (side, side)


def test_real_photographs_are_decoded(realcams: Path):
  for path in sorted((realcams / "originals").glob("*.JPG"))[::6]:
    data = path.read_bytes()
    width, height = jpeg.size(data)
    assert jpeg.decode(data).shape == (height, width, 3)


def test_a_damaged_colour_profile_costs_no_photograph():
  data = jpegs.jpeg(0)
  profile = b"\xff\xe2\x00\x12ICC_PROFILE\0\x05\x02ab"  # Part 5 of 2.
  assert np.array_equal(jpeg.decode(data[:2] + profile + data[2:]), jpeg.decode(data))


def test_colours_sampled_as_no_camera_does_are_said():
  data = bytearray(jpegs.jpeg(0, subsampling="4:2:0"))
  data[data.index(b"\xff\xc0") + 11] = 0x31
  with pytest.raises(jpeg.BadImage, match=r"^its colours are sampled 3x1, 1x1, 1x1"):
    jpeg.decode(bytes(data))


@pytest.mark.parametrize(("marker", "progressive"), [(b"\xff\xc0", False), (b"\xff\xc2", True)])
def test_false_claims_get_no_memory(marker, progressive):
  """Even where so few bytes could hold so many pixels, if every block were flat."""
  data = bytearray(jpegs.jpeg(5, 800, 800, quality=95, progressive=progressive))
  frame = data.index(marker)
  data[frame + 5 : frame + 9] = 2 * (8000).to_bytes(2, "big")
  tracemalloc.start()
  with pytest.raises(jpeg.BadImage, match=r"^damaged JPEG"):
    jpeg.decode(bytes(data))
  assert tracemalloc.get_traced_memory()[1] < 20e6  # And not 192 MB.
  tracemalloc.stop()


def test_pixels_in_passes_are_held_to_the_memory_that_libjpeg_needs():
  data = bytearray(jpegs.jpeg(6, 2000, 1500, progressive=True, quality=20))
  frame = data.index(b"\xff\xc2")
  scans = [match.end() + 12 for match in re.finditer(rb"\xff\xda\x00\x0c\x03", data)]
  for place in reversed(scans):  # Enough bytes of first coefficients for any claim.
    data[place:place] = bytes(2_000_000)
  data[frame + 5 : frame + 9] = 2 * (10_000).to_bytes(2, "big")
  with pytest.raises(jpeg.BadImage, match="10000x10000 pixels in several passes, which need 600 MB"):
    jpeg.decode(bytes(data))


@pytest.mark.parametrize("code", [0xD8, 0xC8, 0xDE, 0xDF, 0xF0, 0xFD, 0x02])
def test_segments_that_libjpeg_does_not_know_are_said(code):
  data = jpegs.jpeg(0)
  with pytest.raises(jpeg.BadImage, match=f"damaged JPEG: a segment of the unknown kind {code:02X}"):
    jpeg.decode(data[:2] + bytes([0xFF, code, 0, 3, 0]) + data[2:])


def decoded(data):
  """None where it is refused; any other exception is a mistake of ours."""
  try:
    return jpeg.decode(data)
  except jpeg.BadImage:
    return None


def objections(data):
  """Of libjpeg's own decoder, where the machine has it."""
  return subprocess.run([shutil.which("djpeg") or "true"], input=data, capture_output=True, check=False).stderr


@pytest.mark.parametrize("data", SMALL)
def test_only_the_last_byte_may_be_missing(data):
  assert np.array_equal(jpeg.decode(data[:-1]), jpeg.decode(data))
  for end in range(3, len(data) - 1, 7):
    with pytest.raises(jpeg.BadImage, match="damaged JPEG"):
      jpeg.decode(data[:end])
  for end in (len(data) - 3, len(data) - 2):
    with pytest.raises(jpeg.BadImage, match="damaged JPEG"):
      jpeg.decode(data[:end])
  for end in (len(data) // 10, len(data) // 2, 9 * len(data) // 10):
    with pytest.raises(jpeg.BadImage, match="damaged JPEG"):
      jpeg.decode(data[:end] + b"\xff\xd9")  # With an end marker put behind.


@settings(max_examples=200)
@given(
  st.sampled_from(SMALL),
  st.floats(0, 1),
  st.sampled_from(["flip", "byte", "drop", "insert", "zeros", "repeat"]),
  st.integers(0, 255),
)
def test_damage_is_refused_or_libjpeg_does_not_see_it_either(data, where, kind, value):
  place = 2 + int(where * (len(data) - 3))
  before, here, after = data[:place], data[place : place + 1], data[place + 1 :]
  changed = {
    "flip": before + bytes([here[0] ^ 1 << value % 8]) + after,
    "byte": before + bytes([value]) + after,
    "drop": before + after,
    "insert": before + bytes([value]) + here + after,
    "zeros": before + bytes(1 + value % 64) + data[place + 1 + value % 64 :],
    "repeat": before + data[place : place + value] + data[place:],
  }[kind]
  pixels = decoded(changed)
  if pixels is None or changed == data[:-1]:  # The one fault that libjpeg objects to and fsim accepts.
    return
  assert objections(changed) == b""
  assert np.array_equal(pixels, pillows(changed))
  assert jpeg.size(changed) == pixels.shape[1::-1]


@given(st.sampled_from(SMALL), st.binary(max_size=100))
def test_what_follows_the_image_does_no_harm(data, appended):
  assert np.array_equal(jpeg.decode(data + appended), jpeg.decode(data))
  assert np.array_equal(jpeg.decode(data + data), jpeg.decode(data))  # Several images, as in MPO.


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(data):
  assert decoded(b"\xff\xd8\xff" + data) is None
  assert decoded(data) is None


def test_zeros_in_the_middle_are_damage():
  data = jpegs.encode(Image.fromarray(jpegs.scene(480, 640)), quality=90)
  middle = len(data) // 2
  with pytest.raises(jpeg.BadImage, match="damaged JPEG"):
    jpeg.decode(data[:middle] + bytes(512) + data[middle + 512 :])


def test_a_progressive_file_without_its_last_passes_is_damaged():
  data = jpegs.encode(Image.fromarray(SCENE), progressive=True)
  places = [k for k in range(len(data)) if data.startswith(b"\xff\xda", k)]
  for k in places[1:]:
    with pytest.raises(jpeg.BadImage, match="damaged JPEG: passes are missing"):
      jpeg.decode(data[:k] + b"\xff\xd9")


def announcing(data, width, height):
  """Of any coding."""
  place = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
  return data[: place + 5] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + data[place + 9 :]


def hostile():
  """Name -> bytes that would take gigabytes or minutes."""
  plain, progressive = SMALL[:2]
  scan = progressive.index(b"\xff\xda")
  head = progressive[scan : scan + 2 + int.from_bytes(progressive[scan + 2 : scan + 4], "big")]
  data = plain.index(b"\xff\xda") + 14
  return {
    "filling": b"\xff\xd8" + b"\xff" * 8_000_000,
    "filling and an end": b"\xff\xd8" + b"\xff" * 8_000_000 + b"\xd9",
    "filling in the data": plain[:data] + b"\xff" * 8_000_000 + plain[data:],
    "restarts": plain[:data] + b"\xff\xd0" * 4_000_000 + plain[data:],
    "segments": plain[:2] + b"\xff\xfe\0\2" * 2_000_000 + plain[2:],
    "bare markers": plain[:2] + b"\xff\xd0" * 2_000_000 + plain[2:],
    "empty passes": progressive[:scan] + head * 240 + b"\xff\xd9",
    "passes and 240 empty ones": progressive[:-2] + head * 240 + b"\xff\xd9",
    "a large claim": announcing(plain, 16_000, 15_999),
    "a large claim in passes": announcing(progressive, 16_000, 15_999),
  }


@pytest.mark.parametrize("name", hostile())
def test_hostile_files_are_refused_quickly_and_without_memory(name):
  data = hostile()[name]
  before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
  with pytest.raises(jpeg.BadImage):
    jpeg.decode(data)
  assert time.process_time() - start < 0.5
  assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB.


def test_filling_between_segments_is_allowed_and_costs_nothing():
  data = SMALL[0]
  start = time.process_time()
  assert np.array_equal(jpeg.decode(data[:2] + b"\xff" * 8_000_000 + data[2:]), jpeg.decode(data))
  assert time.process_time() - start < 0.5


def test_passes_that_are_repeated_are_refused_before_they_cost_time():
  data = jpegs.jpeg(7, progressive=True)
  last = data.rindex(b"\xff\xda")
  repeated = data[:last] + 50 * data[last:-2] + data[-2:]
  with pytest.raises(jpeg.BadImage, match="its passes do not follow each other"):
    markers.read(repeated)
