import contextlib
import errno
import json
import os
from pathlib import Path

import pytest

from fsim.boundary import outputs
from fsim.boundary.errors import UserError
from fsim.boundary.outputs import MANIFEST, Folder

FOREIGN = "exists and is not as fsim wrote it"


def test_a_missing_folder_is_made_and_own_files_are_replaced(tmp_path):
  for content in (b"first", b"second"):
    folder = Folder(tmp_path / "a" / "b")
    folder.claim("map.png")
    folder.write("map.png", content)
  assert (tmp_path / "a" / "b" / "map.png").read_bytes() == b"second"
  assert sorted(os.listdir(tmp_path / "a" / "b")) == [MANIFEST, "map.png"]


def test_what_fsim_did_not_write_is_left_alone(tmp_path):
  (tmp_path / "map.png").write_bytes(b"mine")
  folder = Folder(tmp_path)
  for attempt in (lambda: folder.claim("x.json", "map.png"), lambda: folder.write("map.png", b"new")):
    with pytest.raises(UserError, match=rf"map\.png: {FOREIGN}"):
      attempt()
  with pytest.raises(UserError, match=FOREIGN):
    folder.remove("map.png")
  assert (tmp_path / "map.png").read_bytes() == b"mine"


def test_an_own_file_that_was_edited_is_the_users(tmp_path):
  folder = Folder(tmp_path)
  folder.write("map.json", b"{}")
  (tmp_path / "map.json").write_bytes(b"{} and my remarks")
  with pytest.raises(UserError, match=FOREIGN):
    folder.claim("map.json")
  (tmp_path / "map.json").unlink()
  folder.write("map.json", b"{}")


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: path.symlink_to("nowhere")])
def test_what_is_no_file_is_left_alone(tmp_path, make):
  make(tmp_path / "map.png")
  with pytest.raises(UserError, match=r"map\.png: "):
    Folder(tmp_path).claim("map.png")


def test_a_link_to_an_own_file_is_not_followed(tmp_path):
  Folder(tmp_path).write("a.png", b"a")
  (tmp_path / "b.png").symlink_to("a.png")
  with pytest.raises(UserError, match=FOREIGN):
    Folder(tmp_path).claim("b.png")


def test_a_file_in_the_place_of_a_folder_is_said(tmp_path):
  (tmp_path / "notes.txt").write_text("x")
  for path in (tmp_path / "notes.txt", tmp_path / "notes.txt" / "below"):
    with pytest.raises(UserError, match=f"^{path}: not a folder$"):
      Folder(path)
  (tmp_path / "dangling").symlink_to("nowhere")
  with pytest.raises(UserError, match="dangling: not a folder"):
    Folder(tmp_path / "dangling")


@pytest.mark.parametrize("path", [Path("/proc/fsim"), Path("/sys/kernel")])
def test_a_folder_that_cannot_be_written_is_said_before_the_work(path):
  with pytest.raises(UserError, match=f"^{path}: cannot be written to \\("):
    Folder(path)


def test_names_that_are_too_long_are_said_before_the_work(tmp_path):
  with pytest.raises(UserError, match="File name too long"):
    Folder(tmp_path).claim("x" * 256)
  with pytest.raises(UserError, match="File name too long"):
    Folder(tmp_path / ("x" * 256))


@pytest.mark.parametrize("name", ["x" * 255, "é" * 127, "写" * 85, "caf\udce9.png", "new\nline.png", "$.png"])
def test_all_names_that_the_system_allows_are_written(tmp_path, name):
  folder = Folder(tmp_path)
  for content in (b"1", b"2"):
    folder.write(name, content)
  outputs.replace(tmp_path / name, b"3")
  assert sorted(os.listdir(tmp_path)) == sorted([MANIFEST, name])


def test_a_full_disk_is_one_line_and_leaves_what_was_there(tmp_path, monkeypatch):
  folder = Folder(tmp_path)
  folder.write("map.png", b"former")

  def full(path, data):
    path.touch()
    raise OSError(errno.ENOSPC, "No space left on device")

  monkeypatch.setattr(Path, "write_bytes", full)
  with pytest.raises(UserError, match=r"map\.png: No space left on device$"):
    folder.write("map.png", b"new")
  monkeypatch.undo()
  assert (tmp_path / "map.png").read_bytes() == b"former"
  assert sorted(os.listdir(tmp_path)) == [MANIFEST, "map.png"]
  folder.claim("map.png")


def test_what_fails_in_the_middle_leaves_no_draft(tmp_path):
  with contextlib.suppress(KeyboardInterrupt), Folder(tmp_path).replacing("map.png") as draft:
    draft.write_bytes(b"half")
    raise KeyboardInterrupt
  assert os.listdir(tmp_path) == []


def test_a_line_that_a_kill_has_cut_disowns_nothing(tmp_path):
  folder = Folder(tmp_path)
  folder.write("a.png", b"a")
  with (tmp_path / MANIFEST).open("a") as manifest:
    manifest.write('["b.png", "12')
  folder.write("c.png", b"c")
  for name in ("a.png", "c.png"):
    folder.write(name, b"again")


@pytest.mark.parametrize("line", ["5", "[]", "[[], []]", "[" * 100_000, '{"a": 1}', "\xff", ""])
def test_a_strange_list_of_own_files_owns_nothing(tmp_path, line):
  (tmp_path / MANIFEST).write_bytes(line.encode("latin-1"))
  (tmp_path / "a.png").write_bytes(b"a")
  with pytest.raises(UserError, match=FOREIGN):
    Folder(tmp_path).claim("a.png")
  Folder(tmp_path).write("b.png", b"b")
  assert [name for name, _ in outputs.written(tmp_path)] == ["b.png"]


def test_a_pipe_in_the_place_of_the_list_does_not_keep_us(tmp_path):
  os.mkfifo(tmp_path / MANIFEST)
  assert outputs.written(tmp_path) == set()


def test_a_folder_of_fsims_own_that_is_full_is_one_line(tmp_path):
  with pytest.raises(UserError, match=r"absent/x\.json: No such file or directory"):
    outputs.replace(tmp_path / "absent" / "x.json", b"")


def test_former_files_are_removed_where_they_are_own(tmp_path):
  folder = Folder(tmp_path)
  folder.remove("a.png")
  folder.write("a.png", b"a")
  folder.remove("a.png")
  assert os.listdir(tmp_path) == [MANIFEST]


def test_one_file_is_claimed_at_once(tmp_path):
  (tmp_path / "a.csv").write_text("mine")
  with pytest.raises(UserError, match=FOREIGN):
    outputs.file(tmp_path / "a.csv")
  outputs.file(tmp_path / "new" / "b.csv").write("b.csv", b"x")
  assert json.loads((tmp_path / "new" / MANIFEST).read_text())[0] == "b.csv"
