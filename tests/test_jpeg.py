import io
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fsim.data import jpeg
from tests import jpegs


def test_pixels_are_those_of_libjpeg():
  data = jpegs.jpeg(0, quality=80, subsampling="4:2:0")
  expected = np.asarray(Image.open(io.BytesIO(data)))
  assert np.array_equal(jpeg.decode(data), expected)
  assert jpeg.size(data) == (64, 48)


def test_progressive_files_are_welcome():
  assert jpeg.decode(jpegs.jpeg(0, progressive=True)).shape == (48, 64, 3)


def test_exif_orientation_does_not_turn_the_sensor():
  exif = Image.Exif()
  exif[0x0112] = 6
  assert jpeg.decode(jpegs.jpeg(0, exif=exif)).shape == (48, 64, 3)


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
