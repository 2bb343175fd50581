"""A system from outside the package, as docs/adding_a_system.md shows it: one folder, one configuration, one line."""

import json
import os
import re
import signal
import sys

import numpy as np
import pandas as pd
import pytest

from fsim.boundary import console
from fsim.commands import train as command
from fsim.data import splits
from fsim.metrics import classification
from fsim.systems import SYSTEMS, finished
from fsim.train import metrics
from fsim.train.stop import Stop
from tests import jpegs
from tests.commands import ROOT

PAGE = ROOT / "docs" / "adding_a_system.md"
STEPS = 12  # Of the configuration: 4 epochs of 27 training images in batches of 8.


def write_files(folder):
  """The files that the page shows."""
  blocks = re.findall(r"^```python\n# (\S+)\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
  for name, text in blocks:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text)
  (folder / "toy" / "__init__.py").touch()


def write_photographs(folder):
  """Three devices with 15 tiny photographs each, whose noise differs."""
  folder.mkdir()
  rng = np.random.default_rng(0)
  for device in range(3):
    for shot in range(15):
      pixels = np.clip(rng.normal(120, 4 + 20 * device, (72, 72, 3)), 0, 255).astype(np.uint8)
      data = jpegs.encode(jpegs.Image.fromarray(pixels), quality=95)
      (folder / f"unit{device}-Kestrel_K{device}-{shot:04d}.jpg").write_bytes(data)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
  """A folder of somebody else's, from which Python imports."""
  folder = tmp_path_factory.mktemp("outside")
  write_files(folder)
  write_photographs(folder / "photographs")
  with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(folder)
    patch.setitem(SYSTEMS, "toy", "toy")
    patch.setenv("TFDS_DATA_DIR", str(folder / "data"))
    yield folder
  splits.PROTOCOLS.pop("in_turns", None)
  for name in [name for name in sys.modules if name.partition(".")[0] == "toy"]:
    del sys.modules[name]


def train(place, run, *arguments):
  """The exit code of the command."""
  source = f"--config.data.source={place / 'photographs'}"
  former = signal.getsignal(signal.SIGTERM)
  try:
    return console.run(
      command.main, [f"--config={place}/configs/toy.py", f"--workdir={place / run}", source, *arguments]
    )
  finally:
    signal.signal(signal.SIGTERM, former)


@pytest.fixture(scope="module")
def whole(place):
  assert train(place, "whole") == console.ANSWERED
  return place / "whole"


def test_it_learns_and_its_page_says_so(whole):
  (answers,) = classification.load(whole)
  assert answers.classes == [f"Kestrel_K{k}_unit{k}" for k in range(3)]
  assert len(answers.answers) == 9
  rows = metrics.read(whole)
  assert [row["step"] for row in rows] == [3, 6, 9, STEPS]
  assert rows[-1]["loss"] < rows[0]["loss"]
  page = (whole / "report" / "index.html").read_text()
  for heading in (
    "fsim toy: whole",
    "Results: images",
    "Training of the toy network",
    "classified correctly among 3 classes",
  ):
    assert heading in page


def test_its_loss_is_the_one_that_was_given(whole):
  """With a twentieth of the truth elsewhere, no certainty makes the loss smaller than the truth's own entropy."""
  truth = np.array([0.95 + 0.05 / 3, 0.05 / 3, 0.05 / 3])
  least = -(truth * np.log(truth)).sum()
  assert all(row["loss"] > least and row["validation_loss"] > least for row in metrics.read(whole))


def test_its_split_keeps_shots_apart(whole):
  (answers,) = classification.load(whole)
  shots = answers.answers["file"].str.extract(r"-(\d+)\.jpg")[0].astype(int)
  assert set(shots) == {4, 9, 14}


def test_stopped_and_resumed_it_gives_the_same_weights(place, whole, monkeypatch, capsys):
  requested = Stop.requested

  def signalled(self, steps):
    if 4 in steps:  # The fifth.
      os.kill(os.getpid(), signal.SIGTERM)
    return requested(self, steps)

  with monkeypatch.context() as patch:
    patch.setattr(Stop, "requested", signalled)
    assert train(place, "parts") == console.STOPPED
  assert f"toy is saved after step 5 of {STEPS}; the same command goes on from there" in capsys.readouterr().err
  assert not (place / "parts" / "network.npz").exists()
  assert train(place, "parts") == console.ANSWERED
  for one, other in zip(*(np.load(run / "network.npz").items() for run in (whole, place / "parts")), strict=True):
    assert one[0] == other[0]
    np.testing.assert_array_equal(one[1], other[1])
  pd.testing.assert_frame_equal(*(classification.load(run)[0].answers for run in (whole, place / "parts")))


def test_a_finished_run_answers_like_those_of_the_five(whole):
  former = (whole / "report" / "index.html").read_text()
  (whole / "report" / "index.html").unlink()
  assert finished.rebuild(whole).read_text() == former
  assert finished.numbers(whole) == {"images": classification.top(classification.load(whole)[0], 1)}


def test_its_answer_as_json_is_all_that_is_printed(place, whole, capsys):
  assert train(place, "whole", "--json") == console.ANSWERED
  found = json.loads(capsys.readouterr().out)
  assert found["numbers"] == finished.numbers(whole)
  assert (found["workdir"], found["page"]) == (str(whole), str(whole / "report" / "index.html"))


def test_its_fields_are_listed_with_their_comments(place, capsys):
  assert train(place, "whole", "--help") == console.ANSWERED
  said = capsys.readouterr().out
  assert "Of in_turns: shots of a device from one that is tested to the next." in said
  assert "Steps between checkpoints inside an epoch" in said


def test_its_settings_are_checked_and_its_protocol_is_offered(place, capsys):
  assert train(place, "refused", "--config.extractor.epochs=0") == console.INCOMPLETE
  assert "extractor.epochs must be a whole number from 1" in capsys.readouterr().err
  assert train(place, "refused", "--config.data.protocol=public") == console.INCOMPLETE
  assert "data.protocol must be one of ratio, in_turns, got 'public'" in capsys.readouterr().err
