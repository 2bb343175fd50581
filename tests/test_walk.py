import os
import socket
import subprocess

import pytest

from fsim.boundary import outputs
from fsim.boundary.inputs import Unreadable
from fsim.data import walk
from tests import jpegs


def entries(folder):
  """By path below the folder."""
  return {str(entry.path.relative_to(folder)): entry for entry in walk.walk(folder)}


def test_every_file_is_used_or_named_with_its_cause(tmp_path):
  for name in ("a.jpg", "b.JPEG", "c.jfif", "d.jpe"):
    (tmp_path / name).write_bytes(jpegs.jpeg(0))
  (tmp_path / "by_content.png").write_bytes(jpegs.jpeg(0))
  (tmp_path / "picture.png").write_bytes(jpegs.png())
  (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
  (tmp_path / "old.emf").write_bytes(b"\1\0\0\0" + bytes(36) + b" EMF" + bytes(40))
  (tmp_path / "raw.cr3").write_bytes(b"\0\0\0\x18ftypcrx " + bytes(40))
  (tmp_path / "notes.txt").write_text("BMW")
  (tmp_path / "table.CSV").write_text("a,b")
  (tmp_path / ".DS_Store").write_bytes(b"x")
  found = entries(tmp_path)
  assert {name for name, entry in found.items() if entry.kind == "jpeg"} == {
    "a.jpg",
    "b.JPEG",
    "by_content.png",
    "c.jfif",
    "d.jpe",
  }
  assert found["table.CSV"].kind == "table"
  others = {name: (entry.cause, entry.is_image) for name, entry in found.items() if entry.kind == "other"}
  assert others == {
    ".DS_Store": ("hidden file", False),
    "notes.txt": ("no photograph", False),
    "old.emf": ("a EMF file, not a JPEG", True),
    "phone.heic": ("a HEIC file, not a JPEG", True),
    "picture.png": ("a PNG file, not a JPEG", True),
    "raw.cr3": ("a raw file, not a JPEG", True),
  }


def test_hidden_folders_are_named_and_have_no_photographs(tmp_path):
  """Thumbnails, what was thrown away, or the other halves of files that other systems keep under their names."""
  for name in (".Trash-1000/files", ".AppleDouble", "seen/.@__thumb", "seen"):
    (tmp_path / name).mkdir(parents=True, exist_ok=True)
    (tmp_path / name / "a.jpg").write_bytes(jpegs.jpeg(0))
  found = entries(tmp_path)
  assert {name: entry.kind for name, entry in found.items()} == {
    ".Trash-1000": "other",
    ".AppleDouble": "other",
    "seen/.@__thumb": "other",
    "seen/a.jpg": "jpeg",
  }
  assert {entry.cause for entry in found.values()} == {"", "hidden folder, not entered"}
  assert [entry.kind for entry in walk.walk(tmp_path / ".AppleDouble")] == ["jpeg"]


def test_what_is_no_file_is_named_and_not_opened(tmp_path):
  os.mkfifo(tmp_path / "pipe.jpg")
  os.mkfifo(tmp_path / "pipe")
  (tmp_path / "zero.jpg").symlink_to("/dev/zero")
  (tmp_path / "dangling.jpg").symlink_to("nowhere")
  (tmp_path / "itself").symlink_to("itself")
  with socket.socket(socket.AF_UNIX) as one:
    one.bind(str(tmp_path / "socket"))
  causes = {name: (entry.kind, entry.cause) for name, entry in entries(tmp_path).items()}
  assert causes == {
    "dangling.jpg": ("other", "cannot be read: No such file or directory"),
    "itself": ("other", "cannot be read: Too many levels of symbolic links"),
    "pipe": ("other", "not a regular file"),
    "pipe.jpg": ("other", "not a regular file"),
    "socket": ("other", "not a regular file"),
    "zero.jpg": ("other", "not a regular file"),
  }


def test_linked_folders_are_entered_once_and_circles_end(tmp_path):
  inside = tmp_path / "photos" / "folder.jpg"  # A folder, whatever its name.
  inside.mkdir(parents=True)
  (inside / "a.jpg").write_bytes(b"")
  (inside / "back").symlink_to(tmp_path / "photos")
  (tmp_path / "photos" / "linked").symlink_to(tmp_path / "elsewhere")
  (tmp_path / "elsewhere").mkdir()
  (tmp_path / "elsewhere" / "b.jpg").write_bytes(b"")
  found = entries(tmp_path / "photos")
  assert sorted(name for name, entry in found.items() if entry.kind == "jpeg") == ["folder.jpg/a.jpg", "linked/b.jpg"]
  assert found["folder.jpg/back"].cause == "a link to a folder that was entered already"


def test_a_folder_that_cannot_be_read_is_named_and_the_others_are_walked(tmp_path, monkeypatch):
  for name in ("closed", "open"):
    (tmp_path / name).mkdir()
    (tmp_path / name / "a.jpg").write_bytes(b"")
  listed = os.listdir

  def refusing(folder):
    if str(folder).endswith("closed"):
      raise PermissionError(13, "Permission denied", str(folder))
    return listed(folder)

  monkeypatch.setattr(os, "listdir", refusing)
  found = entries(tmp_path)
  assert found.keys() == {"closed", "open/a.jpg"}
  assert found["closed"].cause == "folder cannot be read: Permission denied"
  assert found["closed"].is_image  # It may hold photographs.


def test_a_thousand_folders_in_one_another_are_no_matter(tmp_path):
  below = tmp_path
  for _ in range(1200):
    below /= "a"
    below.mkdir()
  (below / "x.jpg").write_bytes(b"")
  (found,) = walk.walk(tmp_path)
  subprocess.run(["rm", "-r", tmp_path / "a"], check=True)  # What tidies up after the tests calls itself.
  assert found.path == below / "x.jpg"


def test_what_fsim_wrote_is_no_image_that_was_lost(tmp_path):
  folder = outputs.Folder(tmp_path)
  folder.write("map.png", jpegs.png())
  folder.write("answers.csv", b"file,pce")
  folder.write("shot.jpg", jpegs.jpeg(0))  # But a photograph is one.
  found = entries(tmp_path)
  assert found.keys() == {"answers.csv", "map.png", "shot.jpg"}
  assert (found["answers.csv"].kind, found["answers.csv"].cause) == ("other", "written by fsim")
  assert (found["map.png"].cause, found["map.png"].is_image) == ("written by fsim", False)
  assert found["shot.jpg"].kind == "jpeg"


def test_a_folder_of_caches_is_one_line(tmp_path):
  for _ in range(2):
    cache = outputs.Folder(tmp_path / "out" / "cache").below("0123")
    outputs.replace(cache / "spectrum.npy", b"")
  (tmp_path / "out" / "cache" / "other").mkdir()
  (tmp_path / "out" / "cache" / "other" / "a.jpg").write_bytes(jpegs.jpeg(0))
  found = entries(tmp_path)
  assert {name: (entry.kind, entry.cause, entry.is_image) for name, entry in found.items()} == {
    "out/cache/0123": ("other", "written by fsim", False),
    "out/cache/other/a.jpg": ("jpeg", "", False),
  }
  assert len(outputs.written(tmp_path / "out" / "cache")) == 1


def test_names_that_are_no_utf8_are_walked(tmp_path):
  (tmp_path / "caf\udce9.jpg").write_bytes(b"")
  assert list(entries(tmp_path)) == ["caf\udce9.jpg"]


def test_the_order_is_always_the_same(tmp_path):
  for name in ("b/2.jpg", "b/1.jpg", "a/1.jpg", "z.jpg", "c.jpg"):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_bytes(b"")
  assert list(entries(tmp_path)) == ["c.jpg", "z.jpg", "a/1.jpg", "b/1.jpg", "b/2.jpg"]


def test_what_is_no_folder_is_said(tmp_path):
  (tmp_path / "file").write_bytes(b"")
  with pytest.raises(Unreadable, match="file: not a folder"):
    walk.require_folder(tmp_path / "file")
  with pytest.raises(Unreadable, match="absent: no such folder"):
    walk.require_folder(tmp_path / "absent")
