import io
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
