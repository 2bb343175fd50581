"""What is shown beside a ratio."""

import io

import pytest
from PIL import Image

from fsim.boundary.inputs import Unreadable
from fsim.data import photographs
from fsim.data.markers import Component
from fsim.evidence import exhibits
from tests import sensors


def saved(path, **options):
  sensors.photograph(1, 1).save(path, "JPEG", **options)
  return exhibits.of(photographs.read(path))


@pytest.mark.parametrize("quality", [30, 50, 75, 90, 95])
def test_the_quality_is_that_of_libjpeg(tmp_path, quality):
  assert saved(tmp_path / "a.jpg", quality=quality).quality == pytest.approx(quality, abs=1)


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_subsampling_is_named_as_usual(tmp_path, subsampling):
  assert saved(tmp_path / "a.jpg", subsampling=subsampling).subsampling == subsampling


def test_unusual_subsampling_is_a_ratio():
  assert exhibits.subsampling((Component(1, 4, 2), Component(2, 1, 1), Component(3, 1, 1))) == "4x2"


def test_exif_is_told_and_the_picture_is_small(tmp_path):
  block = Image.Exif()
  block[271], block[305] = "Make", "Editor 3"
  found = saved(tmp_path / "a.jpg", exif=block)
  assert (found.exif.make, found.exif.software, found.exif.serial) == ("Make", "Editor 3", "")
  assert max(Image.open(io.BytesIO(found.thumbnail)).size) <= exhibits.THUMBNAIL
  assert found.context()["exif"]["software"] == "Editor 3"


def test_what_is_no_photograph_is_named(tmp_path):
  (tmp_path / "a.jpg").write_text("none")
  with pytest.raises(Unreadable, match=r"a\.jpg: no image"):
    exhibits.of(photographs.read(tmp_path / "a.jpg"))
