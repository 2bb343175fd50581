import os
import subprocess
import sys

import pytest

from fsim.boundary import lock
from fsim.boundary.errors import UserError
from tests.commands import ROOT

HOLDING = """
import pathlib, sys
from fsim.boundary import lock
with lock.only_one(pathlib.Path(sys.argv[1]), "x"):
  print(flush=True)
  input()
"""


@pytest.fixture
def other(tmp_path):
  """Another process that works in the folder."""
  process = subprocess.Popen(
    [sys.executable, "-c", HOLDING, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
  )
  process.stdout.readline()
  yield process
  process.kill()
  process.communicate()


def test_a_second_process_is_told_and_a_killed_one_leaves_no_lock(other, tmp_path):
  message = f"^{tmp_path}: another process is training there; wait, or name another folder$"
  with pytest.raises(UserError, match=message), lock.only_one(tmp_path, "training"):
    pass
  other.kill()
  other.wait()
  with lock.only_one(tmp_path, "training"), pytest.raises(UserError), lock.only_one(tmp_path, "training"):
    pass


def test_a_folder_is_made_and_free_again_afterwards(tmp_path):
  for _ in range(2):
    with lock.alone(tmp_path / "new" / "folder"):
      pass
  with lock.only_one(tmp_path / "new" / "folder", "x"):
    pass


def test_a_file_of_that_name_is_left_as_it_is_and_a_folder_is_told(tmp_path):
  (tmp_path / lock.NAME).write_text("somebody's")
  with lock.only_one(tmp_path, "training"), pytest.raises(UserError), lock.only_one(tmp_path, "training"):
    pass
  with lock.alone(tmp_path):
    pass
  assert (tmp_path / lock.NAME).read_text() == "somebody's"
  (tmp_path / "other" / lock.NAME).mkdir(parents=True)
  with pytest.raises(UserError, match="other/lock: Is a directory"), lock.only_one(tmp_path / "other", "training"):
    pass


@pytest.mark.parametrize("read", [True, False])
def test_nobody_waits_for_a_pipe(read, tmp_path):
  os.mkfifo(tmp_path / lock.NAME)
  end = os.open(tmp_path / lock.NAME, os.O_RDONLY | os.O_NONBLOCK) if read else None
  for held in (lock.only_one(tmp_path, "training"), lock.alone(tmp_path)):
    with pytest.raises(UserError, match="lock: not a regular file"), held:
      pass
  if end is not None:
    os.close(end)
