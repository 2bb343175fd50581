import os
import subprocess
import sys
import time
from pathlib import Path

import jax
import pytest

from fsim.boundary import compiled
from tests.commands import ROOT

SCRIPT = """
import os
from fsim.boundary import compiled
compiled.keep()
import jax
jax.jit(lambda x: x + 1)(3.0)
print(os.environ.get("JAX_COMPILATION_CACHE_DIR", "none"))
"""


def run(**environment):
  """Where a program keeps what JAX compiles for it."""
  own = {name: value for name, value in os.environ.items() if not name.startswith(("JAX_", "XDG_"))}
  done = subprocess.run(
    [sys.executable, "-c", SCRIPT], env=own | {"PYTHONPATH": str(ROOT)} | environment, capture_output=True, text=True
  )
  assert (done.returncode, done.stderr) == (0, "")
  return done.stdout.strip()


def test_what_is_compiled_once_is_kept_in_the_users_cache_and_used_again(tmp_path):
  folder = Path(run(XDG_CACHE_HOME=str(tmp_path)))
  assert folder.parent == tmp_path / "fsim" / "compiled"
  kept = {path.name: path.stat().st_mtime_ns for path in folder.glob("*-cache")}
  assert kept
  run(XDG_CACHE_HOME=str(tmp_path))
  assert {path.name: path.stat().st_mtime_ns for path in folder.glob("*-cache")} == kept


def test_what_a_killed_command_left_unfinished_is_made_anew_without_a_word(tmp_path):
  folder = Path(run(XDG_CACHE_HOME=str(tmp_path)))
  (entry,) = folder.glob("*-cache")
  whole = entry.read_bytes()
  entry.write_bytes(whole[:100])
  entry.with_name(entry.name.replace("-cache", "-atime")).unlink()
  an_hour_ago = time.time() - 3600
  os.utime(entry, (an_hour_ago, an_hour_ago))
  assert Path(run(XDG_CACHE_HOME=str(tmp_path))) == folder
  assert len(entry.read_bytes()) == len(whole)


def test_an_entry_that_another_command_is_writing_and_those_of_who_wants_no_notes_are_left(tmp_path, monkeypatch):
  entry = tmp_path / "x-cache"
  entry.write_bytes(b"begun")
  compiled._drop_unfinished(tmp_path)
  assert entry.exists()
  os.utime(entry, (0, 0))
  monkeypatch.setenv(compiled.LIMIT, "-1")
  compiled._drop_unfinished(tmp_path)
  assert entry.exists()
  monkeypatch.delenv(compiled.LIMIT)
  compiled._drop_unfinished(tmp_path)
  assert not entry.exists()


def test_the_folder_is_limited_in_size(tmp_path, monkeypatch):
  with monkeypatch.context() as patch:
    patch.setattr(os, "environ", {"XDG_CACHE_HOME": str(tmp_path)})
    compiled.keep()
    settings = os.environ
  for name in compiled.SETTINGS:
    assert hasattr(jax.config, name.lower())  # JAX would not say that it knows no such setting.
  assert int(settings["JAX_COMPILATION_CACHE_MAX_SIZE"]) == compiled.MAX_SIZE


def test_a_folder_that_the_user_has_named_stands(tmp_path):
  assert run(XDG_CACHE_HOME=str(tmp_path), JAX_COMPILATION_CACHE_DIR=str(tmp_path / "own")) == str(tmp_path / "own")
  assert not (tmp_path / "fsim").exists()


def test_where_nothing_can_be_kept_all_works(tmp_path):
  (tmp_path / "file").write_text("")
  assert run(XDG_CACHE_HOME=str(tmp_path / "file")) == "none"


def test_a_folder_without_the_right_to_write_is_not_used(tmp_path, monkeypatch):
  monkeypatch.setattr(os, "access", lambda path, mode: False)  # Tests may run as root, who may do everything.
  monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
  monkeypatch.delenv(compiled.VARIABLE, raising=False)
  compiled.keep()
  assert compiled.VARIABLE not in os.environ


@pytest.mark.parametrize("lines", ["model name : A\nflags : sse avx", "model name : A\nflags : sse", "model name : B"])
def test_each_kind_of_processor_has_a_folder_of_its_own(lines, monkeypatch):
  own = compiled.processor()
  monkeypatch.setattr(Path, "read_text", lambda self: lines)
  assert compiled.processor() != own
  assert compiled.processor() == compiled.processor()


def test_a_user_without_a_home_keeps_nothing_and_is_answered(monkeypatch):
  monkeypatch.delenv("HOME", raising=False)
  monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
  monkeypatch.delenv(compiled.VARIABLE, raising=False)
  monkeypatch.setattr(Path, "home", lambda: Path("~").expanduser())
  monkeypatch.setattr("os.path.expanduser", lambda path: path)  # As of a number that no user has.
  compiled.keep()
  assert compiled.VARIABLE not in os.environ
