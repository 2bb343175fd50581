import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fsim.boundary.errors import UserError
from fsim.data import photographs
from tests import jpegs


def test_a_photograph_has_its_pixels_its_hashes_and_its_exif(tmp_path):
  exif = Image.Exif()
  exif[0x010F] = "Maker"
  data = jpegs.jpeg(0, exif=exif)
  (tmp_path / "a.jpg").write_bytes(data)
  own = photographs.read(tmp_path / "a.jpg")
  assert (own.problem, own.sha256) == ("", hashlib.sha256(data).hexdigest())
  assert own.pixels.shape == (48, 64, 3)
  assert b"Maker" in own.exif


def test_copies_share_their_content_whatever_else_they_hold(tmp_path):
  data = jpegs.jpeg(0)
  (tmp_path / "a.jpg").write_bytes(data)
  (tmp_path / "comment.jpg").write_bytes(data[:2] + b"\xff\xfe\0\4hi" + data[2:])
  (tmp_path / "other.jpg").write_bytes(jpegs.jpeg(1))
  a, comment, other = (photographs.read(tmp_path / name) for name in ("a.jpg", "comment.jpg", "other.jpg"))
  assert a.content == comment.content != other.content
  assert a.sha256 != comment.sha256
  turned = np.ascontiguousarray(a.pixels.reshape(64, 48, 3))  # The same bytes in another shape.
  assert photographs.content_of(turned) != a.content


def test_what_cannot_be_used_has_its_cause_and_no_pixels(tmp_path):
  (tmp_path / "cut.jpg").write_bytes(jpegs.truncated())
  (tmp_path / "folder.jpg").mkdir()
  os.mkfifo(tmp_path / "pipe.jpg")
  (tmp_path / "zero.jpg").symlink_to("/dev/zero")
  (tmp_path / "empty.jpg").write_bytes(b"")
  with (tmp_path / "huge.jpg").open("wb") as file:
    file.truncate(photographs.MAX_BYTES + 1)
  expected = {
    "absent.jpg": "No such file or directory",
    "cut.jpg": "damaged JPEG: ",
    "empty.jpg": "empty file",
    "folder.jpg": "a folder",
    "huge.jpg": "larger than 537 MB",
    "pipe.jpg": "not a regular file",
    "zero.jpg": "not a regular file",
    "x" * 300: "File name too long",
    "zero\0byte.jpg": "a zero byte in its name",
  }
  for name, cause in expected.items():
    own = photographs.read(tmp_path / name)
    assert own.problem.startswith(cause)
    assert own.pixels is None


def test_all_come_in_order_whatever_is_wrong_with_some(tmp_path):
  for k in range(9):
    (tmp_path / f"{k}.jpg").write_bytes(jpegs.jpeg(k) if k % 3 else b"nothing")
  paths = [tmp_path / f"{k}.jpg" for k in range(9)]
  found = list(photographs.read_all(paths))
  assert [own.path for own in found] == paths
  assert [bool(own.problem) for own in found] == [not k % 3 for k in range(9)]
  assert list(photographs.read_all([])) == []


def test_files_and_folders_are_found_once_and_the_rest_is_named(tmp_path):
  folder = tmp_path / "photos"
  folder.mkdir()
  for name in ("b.jpg", "a.jpg"):
    (folder / name).write_bytes(jpegs.jpeg(0))
  (folder / "notes.txt").write_text("x")
  (folder / "shot.png").write_bytes(jpegs.png())
  given = [Path("named.txt"), folder, folder / "a.jpg", folder, Path("x" * 300)]
  found = photographs.find(given)
  assert found.paths == [Path("named.txt"), folder / "a.jpg", folder / "b.jpg", Path("x" * 300)]
  assert found.passed_over == [(folder / "notes.txt", "no photograph"), (folder / "shot.png", "a PNG file, not a JPEG")]
  assert found.lost == {folder / "shot.png"}


def test_a_folder_without_photographs_is_refused_with_what_it_has(tmp_path):
  (tmp_path / "shot\x1b.png").write_bytes(jpegs.png())
  with pytest.raises(UserError, match=r"no JPEG files in this folder; .*shot\\x1b\.png: a PNG file, not a JPEG$"):
    photographs.find([tmp_path])


def test_a_folder_without_photographs_costs_the_others_nothing(tmp_path):
  (tmp_path / "empty").mkdir()
  (tmp_path / "one.jpg").write_bytes(jpegs.jpeg())
  found = photographs.find([tmp_path / "empty", tmp_path / "one.jpg"])
  assert found.paths == [tmp_path / "one.jpg"]
  assert found.passed_over == [(tmp_path / "empty", "no JPEG files in this folder")]
  assert found.lost == {tmp_path / "empty"}
