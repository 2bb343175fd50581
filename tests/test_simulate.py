"""The command that makes virtual cameras, and the chains that photographs go through afterwards."""

import errno
import io
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fsim.boundary.errors import UserError
from fsim.commands import simulate
from fsim.commands.work.simulate import THUMBNAIL
from fsim.virtual import in_parallel, postprocessing
from fsim.virtual.presets import PRESETS
from fsim.virtual.seeds import generator
from tests.commands import ROOT, variables

PIXELS = generator(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


def test_the_command_writes_photographs_their_table_and_a_contact_sheet(tmp_path):
  simulate.main(["--preset=virtual/tiny", f"--out={tmp_path}", "--size=64", "--workers=1"])
  table = pd.read_csv(tmp_path / "metadata.csv")
  assert all((tmp_path / row.subset / row.filename).exists() for row in table.itertuples())
  with Image.open(tmp_path / "natural" / table.filename[0]) as image:
    assert image.size == (64, 64)
  with Image.open(tmp_path / "contact.png") as sheet:
    assert sheet.size == (6 * THUMBNAIL, 2 * THUMBNAIL)
    assert np.asarray(sheet).std() > 20
  assert list(pd.read_csv(tmp_path / "cameras.csv")["make"]) == [m.make for m in PRESETS["virtual/tiny"].models]


def test_a_shard_leaves_the_rest_to_others(tmp_path):
  simulate.main(["--preset=virtual/tiny", f"--out={tmp_path}", "--size=64", "--workers=1", "--shard=1/4"])
  made = len(list(tmp_path.glob("*/*.JPG")))
  assert 0 < made < 32
  assert not (tmp_path / "metadata.csv").exists()


def test_the_parameters_of_all_cameras_are_printed(capsys):
  simulate.main(["--preset=virtual/dresden", "--parameters"])
  printed = capsys.readouterr().out
  for model in PRESETS["virtual/dresden"].models:
    assert f"{model.make} {model.name}" in printed
  assert "sensor.prnu" in printed


@pytest.mark.parametrize(
  ("arguments", "message"),
  [
    (["--preset=virtual/none", "--out=x"], "invalid choice"),
    (["--preset=virtual/tiny"], "--out is missing"),
    (["--preset=virtual/tiny", "--out=x", "--shard=3/3"], "'3/3' is not of the form I/N"),
    (["--preset=virtual/tiny", "--out=x", "--size=8"], "--size=8"),
    (["--preset=virtual/tiny", "--out=x", "--size=1000000"], "--size=1000000: a photograph has 64 to 16,384 pixels"),
    (["--preset=virtual/tiny", "--out=x", "--workers=0"], "--workers=0"),
  ],
)
def test_mistakes_get_one_clear_message(arguments, message, capsys, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  with pytest.raises(SystemExit) as stop:
    simulate.main(arguments)
  assert stop.value.code == 2
  assert message in capsys.readouterr().err


def test_a_folder_of_another_preset_is_refused(tmp_path, capsys):
  simulate.main(["--preset=virtual/tiny", f"--out={tmp_path}", "--size=64", "--workers=1", "--shard=0/8"])
  with pytest.raises(UserError, match="other settings"):
    simulate.main(["--preset=virtual/tiny", f"--out={tmp_path}", "--size=80", "--workers=1", "--shard=0/8"])


SHARD = ["--preset=virtual/tiny", "--size=64", "--workers=1", "--shard=0/8"]


@pytest.mark.parametrize(
  "file", ["metadata.csv", "preset.json", "contact.png", "cameras.csv", "notes.txt", "natural/Acme_A1_0_1.JPG"]
)
def test_files_of_others_are_left_alone_and_refused_before_the_work(tmp_path, monkeypatch, file):
  monkeypatch.setattr("fsim.virtual.dataset.picture", None)
  path = tmp_path / file
  path.parent.mkdir(exist_ok=True)
  path.write_bytes(b"mine")
  before = sorted(tmp_path.rglob("*"))
  with pytest.raises(UserError, match=str(tmp_path)) as error:
    simulate.main([*SHARD, f"--out={tmp_path}"])
  assert "\n" not in str(error.value)
  assert path.read_bytes() == b"mine"
  assert sorted(tmp_path.rglob("*")) == before


def test_its_own_files_and_what_systems_leave_are_accepted(tmp_path):
  simulate.main([*SHARD, f"--out={tmp_path}"])
  for name in (".DS_Store", "natural/.1.Aurel.JPG.draft", "lock"):
    (tmp_path / name).write_bytes(b"")
  simulate.main([*SHARD, f"--out={tmp_path}"])
  (tmp_path / "cameras.csv").write_bytes(b"mine now")
  with pytest.raises(UserError, match=r"cameras\.csv: exists and is not as fsim wrote it"):
    simulate.main([*SHARD, f"--out={tmp_path}"])


def test_a_place_that_cannot_be_written_to_is_named(tmp_path, monkeypatch):
  (tmp_path / "notes.txt").write_bytes(b"")
  with pytest.raises(UserError, match=r"notes\.txt: not a folder"):
    simulate.main([*SHARD, f"--out={tmp_path / 'notes.txt'}"])
  with pytest.raises(UserError, match=r"cameras: not a folder"):
    simulate.main([*SHARD, f"--out={tmp_path / 'notes.txt' / 'cameras'}"])

  def full(path, data):
    raise OSError(errno.ENOSPC, "No space left on device")

  monkeypatch.setattr("fsim.boundary.outputs.replace", full)
  with pytest.raises(UserError, match=f"{tmp_path / 'cameras'}: No space left on device"):
    simulate.main([*SHARD, f"--out={tmp_path / 'cameras'}"])


def test_a_home_is_meant_by_a_tilde(tmp_path, monkeypatch):
  monkeypatch.setenv("HOME", str(tmp_path))
  simulate.main([*SHARD, "--out=~/cameras"])
  assert (tmp_path / "cameras" / "contact.png").exists()


def test_a_damaged_file_is_named_instead_of_shown(tmp_path):
  simulate.main([*SHARD, f"--out={tmp_path}"])
  (file,) = tmp_path.glob("natural/Aurel*_0_1.JPG")
  file.write_bytes(file.read_bytes()[:500])
  with pytest.raises(UserError, match=rf"{file.name}: damaged JPEG.*; remove it"):
    simulate.main([*SHARD, f"--out={tmp_path}"])


@pytest.mark.parametrize(
  ("number", "code", "said", "begun"),
  [(signal.SIGINT, 130, "interrupted", "preset.json"), (signal.SIGTERM, 75, "stopped", "natural/*.JPG")],
)
def test_workers_end_with_their_program_in_one_line(tmp_path, number, code, said, begun):
  """While they still begin, and amid their work. Ctrl-C in a terminal reaches all processes of a program."""
  arguments = ["--preset=virtual/default", f"--out={tmp_path / 'c'}", "--workers=2"]
  command = [sys.executable, "-m", "fsim.simulate", *arguments]
  settings = {"cwd": ROOT, "env": variables(tmp_path), "stderr": subprocess.PIPE, "text": True}
  process = subprocess.Popen(command, start_new_session=True, **settings)
  while not list(tmp_path.glob(f"c/{begun}")):
    time.sleep(0.05)
  time.sleep(0.3)
  os.killpg(process.pid, number)
  _, errors = process.communicate(timeout=60)
  assert (process.returncode, errors) == (code, f"fsim: {said}; the same command goes on from there\n")


def test_a_plain_script_without_a_guard_works(tmp_path):
  script = tmp_path / "script.py"
  script.write_text(
    "print('once')\nfrom pathlib import Path\nfrom fsim.data.sources import open_source\n"
    "settings = dict(on_error='skip', merge_d70=True, repair_mju=True, pattern=None)\n"
    "print(len(open_source('virtual/tiny', data_dir='data', **settings).table))\n"
  )
  command = [sys.executable, str(script)]
  done = subprocess.run(command, cwd=tmp_path, env=variables(tmp_path), capture_output=True, text=True, timeout=120)
  assert (done.stdout, done.returncode) == ("once\n32\n", 0), done.stderr


def ended():
  os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_the_system_ends_is_said():
  with pytest.raises(UserError, match="the system ended a process"):
    list(in_parallel.done(ended, [(), ()], 2))


def opened(data):
  return np.asarray(Image.open(io.BytesIO(data)))


@pytest.mark.parametrize("name", postprocessing.CHAINS)
def test_a_chain_ends_in_a_colour_jpeg_and_leaves_its_input_alone(name):
  before = PIXELS.copy()
  after = opened(postprocessing.apply(PIXELS, postprocessing.CHAINS[name], quality=90, subsampling="4:4:4"))
  assert after.shape == PIXELS.shape  # Small images are not enlarged.
  np.testing.assert_array_equal(PIXELS, before)


def test_steps_do_what_they_are_called():
  assert postprocessing.resize(0.5)(PIXELS).shape == (24, 32, 3)
  assert postprocessing.fit(32)(PIXELS).shape == (24, 32, 3)
  np.testing.assert_array_equal(postprocessing.crop(8, 16, 10, 12)(PIXELS), PIXELS[8:18, 16:28])
  assert postprocessing.blur(1.0)(PIXELS).std() < 0.6 * PIXELS.std()
  assert postprocessing.gamma(0.5)(PIXELS).mean() > PIXELS.mean()
  np.testing.assert_array_equal(postprocessing.gamma(1.0)(PIXELS), PIXELS)
  with pytest.raises(ValueError, match="leaves an image"):
    postprocessing.crop(40, 0, 20, 20)(PIXELS)


@settings(max_examples=15, deadline=None)
@given(st.integers(30, 60))
def test_stronger_compression_loses_more(quality):
  loss = [
    np.abs(postprocessing.recompress(q, "4:4:4")(PIXELS).astype(int) - PIXELS).mean() for q in (quality, quality + 30)
  ]
  assert loss[0] > loss[1] > 0
