"""The command that makes virtual cameras, and the chains that photographs go through afterwards."""

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fsim import simulate
from fsim.data.virtual import chains
from fsim.data.virtual.presets import PRESETS
from fsim.data.virtual.seeds import generator

PIXELS = generator(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


def test_the_command_writes_photographs_their_table_and_a_contact_sheet(tmp_path):
  simulate.main(["--preset=virtual/tiny", f"--out={tmp_path}", "--size=64", "--workers=1"])
  table = pd.read_csv(tmp_path / "metadata.csv")
  assert all((tmp_path / row.subset / row.filename).exists() for row in table.itertuples())
  with Image.open(tmp_path / "natural" / table.filename[0]) as image:
    assert image.size == (64, 64)
  with Image.open(tmp_path / "contact.png") as sheet:
    assert sheet.size == (6 * simulate.THUMBNAIL, 2 * simulate.THUMBNAIL)
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
  with pytest.raises(SystemExit):
    simulate.main(["--preset=virtual/tiny", f"--out={tmp_path}", "--size=80", "--workers=1", "--shard=0/8"])
  assert "other settings" in capsys.readouterr().err


def opened(data):
  return np.asarray(Image.open(io.BytesIO(data)))


@pytest.mark.parametrize("name", chains.CHAINS)
def test_a_chain_ends_in_a_colour_jpeg_and_leaves_its_input_alone(name):
  before = PIXELS.copy()
  after = opened(chains.apply(PIXELS, chains.CHAINS[name], quality=90, subsampling="4:4:4"))
  assert after.shape == PIXELS.shape  # Small images are not enlarged.
  np.testing.assert_array_equal(PIXELS, before)


def test_steps_do_what_they_are_called():
  assert chains.resize(0.5)(PIXELS).shape == (24, 32, 3)
  assert chains.fit(32)(PIXELS).shape == (24, 32, 3)
  np.testing.assert_array_equal(chains.crop(8, 16, 10, 12)(PIXELS), PIXELS[8:18, 16:28])
  assert chains.blur(1.0)(PIXELS).std() < 0.6 * PIXELS.std()
  assert chains.gamma(0.5)(PIXELS).mean() > PIXELS.mean()
  np.testing.assert_array_equal(chains.gamma(1.0)(PIXELS), PIXELS)
  with pytest.raises(ValueError, match="leaves an image"):
    chains.crop(40, 0, 20, 20)(PIXELS)


@settings(max_examples=15, deadline=None)
@given(st.integers(30, 60))
def test_stronger_compression_loses_more(quality):
  loss = [np.abs(chains.recompress(q, "4:4:4")(PIXELS).astype(int) - PIXELS).mean() for q in (quality, quality + 30)]
  assert loss[0] > loss[1] > 0
